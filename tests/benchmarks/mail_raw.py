"""aiosmtplib alone: how fast it sends ready bytes, on this many connections."""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import aiosmtplib


async def main(port, raw, connections, count):
    left = iter(range(count))

    async def one():
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for _ in left:
                await client.sendmail("a@nordlicht.example", ["b@shop.example"], raw)

    began, used = time.perf_counter(), _cpu()
    await asyncio.gather(*(one() for _ in range(connections)))
    seconds = time.perf_counter() - began
    return {"per_second": count / seconds, "app_us": (_cpu() - used) / count * 1e6}


def _cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    given = json.loads(sys.stdin.read())
    given["raw"] = Path(given["raw"]).read_bytes()
    print(json.dumps(asyncio.run(main(**given))))
