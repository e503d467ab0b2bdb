"""The results of many decisions on reviews: each stands alone, all are made together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from strawberry import Info

from models import Review
from models.outcome import retry_once, watched
from models.unavailable import Unavailable
from resolvers import outages, review_moderation
from resolvers.errors import Refusal
from resolvers.review_moderation import Decision
from schema.context import Context
from schema.errors import UserError
from schema.fetch import present
from schema.references import read
from schema.review_input import ModerationInput, ModerationResult
from schema.selection import selected


@dataclass(frozen=True)
class _Row:
    """A decision at its place in the input."""

    place: int
    given: ModerationInput

    def refused(self, refusal: Refusal) -> ModerationResult:
        for error in refusal.all:
            error.field = ["decisions", str(self.place), *error.field]
        errors = [UserError.of(error) for error in refusal.all]
        return ModerationResult(review_id=self.given.review_id, errors=errors)


async def decided(
    info: Info[Context, None], decisions: Sequence[ModerationInput]
) -> list[ModerationResult]:
    """The result of each decision. Those on one review are made in the order given."""
    results: dict[int, ModerationResult] = {}
    waiting = [_Row(place, given) for place, given in enumerate(decisions)]
    while waiting:
        first: dict[str, _Row] = {}
        later = [row for row in waiting if first.setdefault(row.given.review_id, row) is not row]
        results |= await _round(info, [*first.values()])
        waiting = later
    return [results[place] for place in range(len(decisions))]


async def _round(info: Info[Context, None], rows: list[_Row]) -> dict[int, ModerationResult]:
    """The results of decisions on different reviews, by their places.

    An outage refuses them all: they are one transaction.
    """
    results: dict[int, ModerationResult] = {}
    readable: list[_Row] = []
    decisions: list[tuple[UUID, Decision]] = []
    for row in rows:
        try:
            given = read(row.given)
        except Refusal as refusal:
            results[row.place] = row.refused(refusal)
        else:
            readable.append(row)
            decisions.append((given.pop("review_id"), Decision(**given)))
    if not readable:
        return results
    with watched():
        try:
            decide = partial(review_moderation.decide_all, info.context.viewer, decisions)
            return results | await _shown(info, readable, await retry_once(decide))
        except Unavailable as trouble:
            return results | {
                row.place: row.refused(outages.refusal_of(trouble)) for row in readable
            }


async def _shown(
    info: Info[Context, None], rows: list[_Row], stored: list[Review | Refusal]
) -> dict[int, ModerationResult]:
    reviews = [each for each in stored if isinstance(each, Review)]
    below = selected(info).below("results", "review")
    nodes: Any = iter(await present(info.context, "Review", reviews, below))
    return {
        row.place: row.refused(each)
        if isinstance(each, Refusal)
        else ModerationResult(review_id=row.given.review_id, review=next(nodes))
        for row, each in zip(rows, stored, strict=True)
    }
