"""What the fields of one request share."""

import asyncio
from contextlib import suppress

import pytest

from schema.context import Context


@pytest.mark.parametrize("ticks", range(5))
async def test_a_page_that_nobody_waits_for_any_more_never_holds_up_the_next(ticks):
    async def fetch(_viewer, parents):
        return [2 * parent for parent in parents]

    context = Context()
    given_up = asyncio.ensure_future(context.page(fetch, 1))
    for _ in range(ticks):
        await asyncio.sleep(0)
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up

    async with asyncio.timeout(5):
        assert await context.page(fetch, 2) == 4
