"""`candor` in its own process with changed constants: TEST_CHANGES names them and their values.

With TEST_SLOW, reading the settings takes this many seconds or this statement. The mail
"review.received" needs no review. Worker processes run this file again, so all of this holds in
them, too.
"""

import asyncio
import importlib
import json
import os

from mailers.letters.registry import MAILERS
from mailers.mail import Mail, Person
from models import sql
from resolvers import site_settings

CHANGES = json.loads(os.environ.get("TEST_CHANGES", "{}"))
for place, value in CHANGES.items():
    module, _, name = place.rpartition(".")
    setattr(importlib.import_module(module), name, value)

SLOW = os.environ.get("TEST_SLOW", "0")


at_once = site_settings.current


async def current():
    if SLOW.startswith("SELECT"):
        await sql.fetch(SLOW)
    else:
        await asyncio.sleep(float(SLOW))
    return await at_once()


if SLOW != "0":
    site_settings.current = current


async def received(_site, _subject_id, **_params):
    return Mail(Person("", "nina@example.com"), "en", "Hello", "Hello.\n", "<p>Hello.</p>")


MAILERS["review.received"] = received

if __name__ == "__main__":
    from candor.commands.main import main

    main()
