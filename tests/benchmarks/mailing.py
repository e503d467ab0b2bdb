"""Throughput and punctuality of the mail worker, compared with aiosmtplib and ready bytes.

`candor worker` sends mails about real reviews, with all its reads and writes, to the same server
that accepts everything. A rate is measured from the first composed mail to the last stored as sent.
"""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contest import spread
from mail_rows import fill, promise
from marketplace import Size
from processes import APPLICATION, OTHERS, cpu_seconds, ending, on_cores, python_environment
from storing import build_postgres, build_sqlite

from mailers.configuration import MailConfig
from mailers.outbox import claims
from mailers.smtp.mime import write_message
from mailers.worker.previews import preview
from models import sql
from models.database import opened

_HERE = Path(__file__).parent
_WORKER = "from candor.commands.main import main; main(['worker'])"
_CONNECTIONS = 8
_TIMEOUT = 60
_REVIEWS = 2500


@dataclass(frozen=True)
class Plan:
    rounds: int
    mails: int
    # This many mails, fifty per second.
    punctual: int
    # Rows in the table when a claim is measured; 0 skips that.
    rows: int


FULL = Plan(5, 1500, 300, 500_000)
QUICK = Plan(2, 500, 75, 0)


def mail(bench: Any) -> list[dict[str, Any]]:
    """Mails per second, lateness and the duration of a claim, on both databases."""
    plan = FULL if bench.plan.reads.rounds >= FULL.rounds else QUICK
    results = []
    with sink(bench.folder) as port:
        for name, url in _databases(bench, Size(_REVIEWS)).items():
            results += asyncio.run(measure(name, url, port, plan, bench.folder, bench.log))
    return results


def _databases(bench: Any, size: Size) -> dict[str, str]:
    path = bench.folder / "mail.sqlite3"
    asyncio.run(build_sqlite(path, size))
    asyncio.run(bench.postgres.create("mail"))
    url = bench.postgres.url("mail")
    asyncio.run(build_postgres(url, size, lambda _part: None))
    return {"SQLite": f"sqlite://{path}", "PostgreSQL": url}


async def measure(
    name: str, url: str, port: int, plan: Plan, folder: Path, log: Any
) -> list[dict[str, Any]]:
    raw = folder / "ready.eml"
    rounds = []
    async with opened(url):
        raw.write_bytes(_message())
        with worker(url, port, folder) as pid:
            for number in range(plan.rounds + 1):
                entrants = {
                    "aiosmtplib": lambda: raw_rate(port, raw, plan.mails),
                    "Candor": lambda n=number: worker_rate(pid, plan.mails, f"round-{n}"),
                }
                order = random.sample(list(entrants), len(entrants))
                figures = {each: await entrants[each]() for each in order}
                if number:  # the first is a warm-up
                    rounds.append(figures)
                    summary = ", ".join(f"{k} {v['per_second']:,.0f}/s" for k, v in figures.items())
                    log(f"mail on {name}, round {number}/{plan.rounds}: {summary}")
            late = await lateness(plan.punctual)
        results = [_rates(name, rounds), _times(f"late, 50/s, {name}", late)]
        if plan.rows:
            times = await empty_claims(plan.rows)
            results.append(_times(f"claim beside {plan.rows:,}, {name}", times))
        return results


def _rates(name: str, rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    figures = ("per_second", "app_us")
    ratios = {
        figure: spread([each["Candor"][figure] / each["aiosmtplib"][figure] for each in rounds])
        for figure in figures
    }
    return {
        "title": f"mails, {name}",
        "connections": _CONNECTIONS,
        "entrants": {
            entrant: {
                figure: spread([each[entrant][figure] for each in rounds]) for figure in figures
            }
            for entrant in ("aiosmtplib", "Candor")
        },
        "ratios": {"Candor": ratios | {"against": "aiosmtplib"}},
    }


def _times(title: str, times: list[float]) -> dict[str, Any]:
    times = sorted(times)
    figures = {f"p{part}_ms": spread([times[len(times) * part // 100]]) for part in (50, 99)}
    return {"title": title, "connections": 0, "entrants": {"Candor": figures}, "ratios": {}}


@contextlib.contextmanager
def sink(folder: Path) -> Iterator[int]:
    """The port of a server that accepts every mail."""
    with on_cores(OTHERS):
        process = subprocess.Popen(
            [sys.executable, str(_HERE / "mail_sink.py")], stdout=subprocess.PIPE, text=True
        )
    with process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def worker(url: str, port: int, folder: Path) -> Iterator[int]:
    """A running `candor worker`; its process id."""
    environment = {
        "CANDOR_DATABASE_URL": url,
        "CANDOR_SECRET": "a secret of nobody's, long enough to sign",
        "CANDOR_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "CANDOR_MAIL_FROM": "no-reply@nordlicht.example",
        "CANDOR_MAIL_CONNECTIONS": str(_CONNECTIONS),
    }
    log = folder / "worker.log"
    with log.open("wb") as output, on_cores(APPLICATION):
        process = subprocess.Popen(
            [sys.executable, "-c", _WORKER],
            env=python_environment() | environment,
            stdout=output,
            stderr=output,
            cwd=folder,
        )
    with ending(process):
        deadline = time.monotonic() + _TIMEOUT
        while "at work" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the mail worker did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.05)
        yield process.pid


async def raw_rate(port: int, raw: Path, count: int) -> dict[str, float]:
    specification = {"port": port, "raw": str(raw), "connections": _CONNECTIONS, "count": count}
    with on_cores(APPLICATION):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(_HERE / "mail_raw.py")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=python_environment(),
        )
    output, _ = await process.communicate(json.dumps(specification).encode())
    return json.loads(output)


async def worker_rate(pid: int, count: int, occasion: str) -> dict[str, float]:
    before = cpu_seconds(pid)
    await promise(count, occasion, claims.now())
    await _all_sent()
    used = cpu_seconds(pid) - before
    [row] = await sql.fetch(
        "SELECT count(*) AS sent, min(dated_at) AS first, max(finished_at) AS last"
        " FROM outbox_mail WHERE status = 'SENT' AND dedupe_key LIKE ?",
        f"{occasion}:%",
    )
    if row["sent"] != count:
        raise SystemExit(f"{row['sent']} of {count} mails were sent")
    return {
        "per_second": count / (row["last"] - row["first"]) * 1000,
        "app_us": used / count * 1e6,
    }


async def lateness(count: int) -> list[float]:
    """From due to sent, in milliseconds, of fifty mails per second."""
    await promise(count, "punctual", claims.now() + 1000, every=20)
    await _all_sent()
    rows = await sql.fetch(
        "SELECT finished_at - due_at AS late FROM outbox_mail WHERE dedupe_key LIKE 'punctual:%'"
    )
    return [float(row["late"]) for row in rows]


async def _all_sent() -> None:
    async with asyncio.timeout(_TIMEOUT + 30):
        while await claims.next_due() is not None or await sql.fetch(
            "SELECT 1 FROM outbox_mail WHERE status = 'SENDING' LIMIT 1"
        ):
            await asyncio.sleep(0.1)


async def empty_claims(rows: int) -> list[float]:
    """How long a claim takes when nothing is due among this many rows, in milliseconds."""
    await fill(rows)
    times = []
    for number in range(220):
        began = time.perf_counter()
        await claims.claim_due(limit=8, lease=60)
        if number >= 20:
            times.append((time.perf_counter() - began) * 1000)
    return times


def _message() -> bytes:
    config = MailConfig(secret="nobody's", mail_from="no-reply@nordlicht.example")
    mail = preview("review.received", "en", "friendly", config)
    return write_message(
        sender=("", "a@nordlicht.example"),
        to=("", "b@shop.example"),
        subject=mail.subject,
        date=datetime.now(UTC),
        message_id="<a@nordlicht.example>",
        text=mail.text,
        html=mail.html,
    )
