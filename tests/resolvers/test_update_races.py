"""Fifty concurrent attempts leave a consistent history, with every event in the log."""

import asyncio
from collections import Counter

import pytest

from models import OrderUpdate, OutboxMail, UpdateNote, UpdateSolve
from resolvers import update_notes, update_ratings, update_solves
from resolvers.errors import Refusal
from resolvers.viewer import Role, Viewer
from schema import ids

TRIES = 50
SAM = Viewer(Role.STAFF, "SAM", "Sam")
MARIA = Viewer(Role.CUSTOMER, "MARIA", "Maria Souza")


@pytest.fixture
def race():
    """Count the outcomes of concurrent attempts: None for success, else the refusal's code."""

    async def run(*tries) -> Counter:
        async def outcome(name, attempt):
            try:
                await attempt
            except Refusal as error:
                return name, error.code
            return name, None

        return Counter(await asyncio.gather(*(outcome(*each) for each in tries)))

    return run


async def rated(update_id) -> tuple[list[int], str]:
    solves = await UpdateSolve.filter(update_id=update_id).exclude(stars=None)
    update = await OrderUpdate.get(id=update_id)
    return [solve.stars for solve in solves], update.status.value


async def test_concurrent_ratings_leave_one(open_update, solve, race, events):
    update = await open_update()
    await solve(update)
    key = ids.decode(update["id"])[1]

    outcomes = await race(
        *(
            (stars, update_ratings.rate_update(MARIA, update_id=key, stars=stars))
            for stars in [1, 2, 3, 4, 5] * (TRIES // 5)
        )
    )

    won = [stars for (stars, code), count in outcomes.items() if code is None for _ in range(count)]
    assert len(won) == 1
    assert {code for _, code in outcomes} == {None, "ALREADY_RATED"}
    assert await rated(key) == (won, "CLOSED")
    assert (await events()).count("update.rated") == 1
    follow_ups = await OutboxMail.filter(mail__in=["rating.promoter", "rating.detractor"])
    assert [mail.mail for mail in follow_ups] == [
        "rating.promoter" if won[0] >= 4 else "rating.detractor"
    ]


async def test_concurrent_ratings_and_reopenings_leave_a_consistent_history(
    open_update, solve, race, events
):
    update = await open_update()
    await solve(update)
    key = ids.decode(update["id"])[1]

    outcomes = await race(
        *(
            each
            for _ in range(TRIES // 2)
            for each in (
                ("rate", update_ratings.rate_update(MARIA, update_id=key, stars=5)),
                ("reopen", update_solves.reopen_update(SAM, update_id=key, note="Again.")),
            )
        )
    )

    stars, status = await rated(key)
    log = Counter(await events())
    if outcomes["rate", None]:
        assert outcomes == {
            ("rate", None): 1,
            ("rate", "ALREADY_RATED"): TRIES // 2 - 1,
            ("reopen", "UPDATE_CLOSED"): TRIES // 2,
        }
        assert (stars, status, log["update.rated"], log["update.reopened"]) == ([5], "CLOSED", 1, 0)
    else:
        assert outcomes == {
            ("reopen", None): 1,
            ("reopen", "NOT_SOLVED"): TRIES // 2 - 1,
            ("rate", "NOT_SOLVED"): TRIES // 2,
        }
        assert (stars, status, log["update.rated"], log["update.reopened"]) == ([], "OPEN", 0, 1)
    assert log["note.posted"] == await UpdateNote.filter(update_id=key).count()


async def test_concurrent_solves_leave_one_and_one_mail(open_update, race, events):
    update = await open_update()
    key = ids.decode(update["id"])[1]

    outcomes = await race(
        *(
            ("solve", update_solves.solve_update(SAM, update_id=key, notify_customer=True))
            for _ in range(TRIES)
        )
    )

    assert outcomes == {("solve", None): 1, ("solve", "CONFLICT"): TRIES - 1}
    assert [s.number for s in await UpdateSolve.filter(update_id=key)] == [1]
    assert (await events()).count("update.solved") == 1
    assert await OutboxMail.filter(mail="update.solved").count() == 1


async def test_a_customers_notes_are_stored_before_a_concurrent_solve_or_refused(
    open_update, race, events
):
    update = await open_update()
    key = ids.decode(update["id"])[1]

    outcomes = await race(
        *(
            ("note", update_notes.post_note(MARIA, update_id=key, body="Hello."))
            for _ in range(TRIES // 2)
        ),
        ("solve", update_solves.solve_update(SAM, update_id=key, notify_customer=False)),
        *(
            ("note", update_notes.post_note(MARIA, update_id=key, body="Hello."))
            for _ in range(TRIES // 2)
        ),
    )

    solve = await UpdateSolve.get(update_id=key)
    notes = await UpdateNote.filter(update_id=key)
    assert outcomes["solve", None] == 1
    assert set(outcomes) <= {("solve", None), ("note", None), ("note", "CONFLICT")}
    assert outcomes["note", None] == len(notes)
    log = await events()
    assert log.count("note.posted") == len(notes)
    assert log.count("update.solved") == 1
    assert (await OrderUpdate.get(id=key)).solved_at == solve.solved_at


async def test_concurrent_steps_of_every_kind_leave_a_consistent_history(
    open_update, solve, race, events
):
    update = await open_update()
    await solve(update)
    key = ids.decode(update["id"])[1]

    for _ in range(3):
        await race(
            *(
                each
                for stars in (1, 3, 5, 2)
                for each in (
                    ("rate", update_ratings.rate_update(MARIA, update_id=key, stars=stars)),
                    ("reopen", update_solves.reopen_update(SAM, update_id=key)),
                    ("issue", update_solves.report_still_has_issue(MARIA, update_id=key)),
                    ("solve", update_solves.solve_update(SAM, update_id=key, notify_customer=True)),
                    ("note", update_notes.post_note(SAM, update_id=key, body="Hello.")),
                )
            )
        )

    row = await OrderUpdate.get(id=key)
    solves = await UpdateSolve.filter(update_id=key).order_by("number")
    stars, status = await rated(key)
    log = Counter(await events())
    assert [s.number for s in solves] == list(range(1, row.solves + 1))
    assert log["update.solved"] == row.solves
    back = log["update.reopened"] + log["update.still_has_issue"]
    # Every solve but the last was reverted; the last was reverted too, or is ratable or rated.
    assert back == row.solves - (status != "OPEN")
    assert (status == "CLOSED") == (len(stars) == 1) == (log["update.rated"] == 1)
    assert not stars or solves[-1].stars == stars[0]
    assert log["note.posted"] == await UpdateNote.filter(update_id=key).count()
