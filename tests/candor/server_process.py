"""`candor` in a process of its own, hurried: TEST_CHANGES names constants and their values.

With TEST_SLOW the settings take so many seconds to read. The mail "review.received" needs no
review. Worker processes run this file again, so all of this holds in them too.
"""

import importlib
import json
import os

from mailers.mail import Mail, Person
from mailers.registry import MAILERS

CHANGES = json.loads(os.environ.get("TEST_CHANGES", "{}"))
for place, value in CHANGES.items():
    module, _, name = place.rpartition(".")
    setattr(importlib.import_module(module), name, value)

if seconds := float(os.environ.get("TEST_SLOW", "0")):
    import asyncio

    from resolvers import site_settings

    async def current():
        await asyncio.sleep(seconds)

    site_settings.current = current


async def received(_site, _subject_id, **_params):
    return Mail(Person("", "nina@example.com"), "en", "Hello", "Hello.\n", "<p>Hello.</p>")


MAILERS["review.received"] = received

if __name__ == "__main__":
    from candor.command_line import main

    main()
