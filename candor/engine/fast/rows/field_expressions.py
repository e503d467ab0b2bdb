"""Fields as expressions over their source: `{rating}` names a column of a row.

Only fields that everybody who sees the row may read. A column has the type of its field, so only
sums are checked at run time.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from strawberry.utils.str_converters import to_camel_case

from models import base64url
from models.person_name import public_name
from models.rating_tally import Tally, breakdown, hundredths
from models.review import MAIN, SUB_RATINGS, EditedBy
from models.service import SERVICE_PUBLIC
from models.vendor import VENDOR_PUBLIC
from resolvers.review_actions import Actions
from resolvers.service_standing import standing
from schema import ids
from schema.json_ld import aggregate_rating
from schema.rating_summary import stars


class SameRow(str):
    """An object read from the same row as its parent: null unless the condition holds.

    Its columns have the prefix, and so have those of all objects below it.
    """

    __slots__ = ("prefix",)
    prefix: str

    def __new__(cls, condition: str, prefix: str = "") -> Self:
        self = super().__new__(cls, condition)
        self.prefix = prefix
        return self


class FieldExpressions(NamedTuple):
    """The expressions of a type's fields, and how `name` in them is read from the source `v`.

    A source that is a tuple in a list is unpacked into this many `parts`.
    """

    reading: str
    fields: dict[str, str]
    parts: int = 0


ROW, _OBJECT, _TUPLE, _PART = "{v}['{name}']", "{v}.{name}", "{v}[{name}]", "{v}_{name}"
_ALWAYS = SameRow("")
_STARS = "{n1}, {n2}, {n3}, {n4}, {n5}"
_COUNT = "{n1} + {n2} + {n3} + {n4} + {n5}"


def _columns(names: Iterable[str], prefix: str = "") -> dict[str, str]:
    """Fields that are plain columns, by their names in the schema."""
    return {to_camel_case(name): f"{{{prefix}{name}}}" for name in names}


FIELD_EXPRESSIONS = {
    "Service": FieldExpressions(
        ROW,
        {
            "id": f"encode({ids.LETTERS['Service']!r} + {{its_id}}.bytes)",
            **_columns(SERVICE_PUBLIC, "its_"),
            "ratingSummary": _ALWAYS,
            "standing": f"standing({_STARS})",
            "jsonLd": f"json_ld({{its_title}}, {{its_url}}, {_STARS})",
            "vendor": _ALWAYS,
            "reviews": "page",
        },
    ),
    "Vendor": FieldExpressions(
        ROW,
        {
            "id": f"encode({ids.LETTERS['Vendor']!r} + {{seller_id}}.bytes)",
            **_columns(VENDOR_PUBLIC, "seller_"),
            "ratingSummary": SameRow("", "seller_"),
        },
    ),
    "RatingSummary": FieldExpressions(
        ROW,
        {
            "count": f"whole({_COUNT})",
            "average": f"average({_STARS})",
            "breakdown": f"breakdown(({_STARS}))",
            "subRatings": _ALWAYS,
        },
    ),
    "StarCount": FieldExpressions(_PART, {"stars": "{0}", "count": "{1}", "percentage": "{2}"}, 3),
    "SubRatingAverages": FieldExpressions(
        ROW,
        {name: f"({{{name}_sum}}, {{{name}_count}})" for name in SUB_RATINGS},
    ),
    "SubRatingAverage": FieldExpressions(
        _TUPLE, {"count": "{1}", "average": "stars(hundredths({0}, {1}))"}
    ),
    "ReviewConnection": FieldExpressions(
        _OBJECT,
        {
            "edges": "zip({cursors}, {rows})",
            "nodes": "{rows}",
            "pageInfo": _ALWAYS,
            "totalCount": "whole({total})",
            # Row answers have totals from counters only.
            "totalCountIsExact": "True",
        },
    ),
    "PageInfo": FieldExpressions(
        _OBJECT,
        {
            "hasNextPage": "{has_next}",
            "hasPreviousPage": "{has_previous}",
            "startCursor": "{cursors}[0] if {cursors} else None",
            "endCursor": "{cursors}[-1] if {cursors} else None",
        },
    ),
    "ReviewEdge": FieldExpressions(_PART, {"cursor": "{0}", "node": "{1}"}, 2),
    "Review": FieldExpressions(
        ROW,
        {
            "id": f"encode({ids.LETTERS['Review']!r} + {{id}}.bytes)",
            **_columns(MAIN),
            "subRatings": _ALWAYS,
            "status": "{status}",
            "verifiedPurchase": "{verified}",
            "author": _ALWAYS,
            "createdAt": "{created_at}",
            "publishedAt": "{published_at}",
            "editedAt": "{edited_at}",
            "editedBy": "{edited_by} and edited_by({edited_by})",
            "reply": SameRow("{reply_body} is not None and {replied_at} is not None"),
            "helpfulCount": "{helpful_count}",
            # Of viewers who can only read; see ABOUT_VIEWER.
            "viewerHasVoted": "False",
            "viewerIsAuthor": "False",
            "viewerCan": _ALWAYS,
        },
    ),
    "ReviewAuthor": FieldExpressions(ROW, {"displayName": "public_name({author_name})"}),
    "SubRatings": FieldExpressions(ROW, _columns(SUB_RATINGS)),
    "ReviewReply": FieldExpressions(
        ROW,
        {
            "body": "{reply_body}",
            "createdAt": "{replied_at}",
            "repliedToVersionAt": "{replied_to_version_at} or {created_at}",
        },
    ),
    "ReviewActions": FieldExpressions(ROW, dict.fromkeys(Actions._fields, "False")),
}
# Fields that depend on who asks. Rows answer them for PUBLIC_ONLY_ROLES alone.
ABOUT_VIEWER = {("Review", name) for name in ("viewerHasVoted", "viewerIsAuthor", "viewerCan")}


def _whole(number: int) -> int:
    """The number, if GraphQL's Int can hold it. Raises OverflowError."""
    if number >= 2**31:
        raise OverflowError
    return number


def _edited_by(stored: str) -> str:
    return EditedBy(stored).value


def _average(*counts: int) -> float | None:
    return stars(Tally(*counts).hundredths)


def _json_ld(title: str, url: str | None, *counts: int) -> str | None:
    return aggregate_rating(title, url, Tally(*counts))


def _standing(*counts: int) -> str:
    return standing(Tally(*counts)).value


# The functions that expressions call.
SCOPE: dict[str, Any] = {
    "average": _average,
    "breakdown": breakdown,
    "edited_by": _edited_by,
    "encode": base64url.encode,
    "hundredths": hundredths,
    "json_ld": _json_ld,
    "public_name": public_name,
    "standing": _standing,
    "stars": stars,
    "whole": _whole,
}
