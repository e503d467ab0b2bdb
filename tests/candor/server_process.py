"""`candor serve` in a process of its own, hurried: TEST_CHANGES names constants and their values.

With TEST_SLOW the settings take so many seconds to read. Worker processes run this file again, so
they are hurried too.
"""

import importlib
import json
import os

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

if __name__ == "__main__":
    from candor.command_line import main

    main()
