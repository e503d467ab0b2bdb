"""aiosmtplib alone: how fast it sends ready bytes, on this many connections."""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import aiosmtplib


async def main(port, raw, connections, count):
    remaining = iter(range(count))

    async def send():
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for _ in remaining:
                await client.sendmail("a@nordlicht.example", ["b@shop.example"], raw)

    began, cpu = time.perf_counter(), _cpu()
    await asyncio.gather(*(send() for _ in range(connections)))
    seconds = time.perf_counter() - began
    return {"per_second": count / seconds, "app_us": (_cpu() - cpu) / count * 1e6}


def _cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    specification = json.loads(sys.stdin.read())
    specification["raw"] = Path(specification["raw"]).read_bytes()
    print(json.dumps(asyncio.run(main(**specification))))
