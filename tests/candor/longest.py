"""The longest values that the schema allows, and their size in bytes of JSON."""

import re
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
)

from mailers.catalogue import CATALOGUE

# A letter that takes twelve bytes when escaped in JSON.
WIDE = "\U00010437"
_ID = 200
_ADDRESS, _WEB_ADDRESS = 254, 2_000
_TEXT = 20_000
# The name of a mail, and how many there are.
_KIND = max(map(len, CATALOGUE))
# Lengths that the descriptions do not state. A new text must be here or state its length.
_UNSAID = {
    "NodeRef.externalId": _ID,
    "OrderInput.externalId": _ID,
    "PersonInput.externalId": _ID,
    "ServiceInput.externalId": _ID,
    "PersonInput.email": _ADDRESS,
    "PersonInput.locale": _ID,
    "ServiceInput.url": _WEB_ADDRESS,
    "TeamMemberInput.externalId": _ID,
    "TeamMemberInput.email": _ADDRESS,
    "ReopenUpdateInput.note": _TEXT,
    "StillHasIssueInput.note": _TEXT,
    "UpdateSettingsInput.siteUrl": _WEB_ADDRESS,
    "UpdateSettingsInput.timeZone": _ID,
    "UpdateSettingsInput.adminEmail": _ADDRESS,
    "UpdateSettingsInput.promoterShareUrl": _WEB_ADDRESS,
    "UpdateSettingsInput.reviewUrlTemplate": _WEB_ADDRESS,
    "UpdateSettingsInput.updateUrlTemplate": _WEB_ADDRESS,
    "UpdateSettingsInput.vendorReviewUrlTemplate": _WEB_ADDRESS,
    "UpdateSettingsInput.teamReviewUrlTemplate": _WEB_ADDRESS,
    "UpdateSettingsInput.teamUpdateUrlTemplate": _WEB_ADDRESS,
    "MailSwitchInput.mail": _KIND,
    "MailFilter.mail": _ID,
    "MailFilter.recipient": _ADDRESS,
    "TrackingFilter.actor": _ID,
    "after": 3_000,
    "before": 3_000,
}
_ROWS = {
    "UpdateSettingsInput.sellerLevels": 3,
    "UpdateSettingsInput.mailSwitches": len(CATALOGUE),
}
# Two lists that share one maximum.
_TOGETHER = {"services": 100, "vendors": 0}
_SCALARS = {"Int": 11, "Float": 24, "Boolean": 5, "DateTime": 40, "Date": 12, "ID": 60}


def characters(place: str, description: str | None) -> int:
    """The most characters that a text may have."""
    said = re.findall(r"([\d,]+) characters", description or "")
    return max(int(n.replace(",", "")) for n in said) if said else _UNSAID[place]


def rows(place: str, description: str | None) -> int:
    """The most elements that a list may have."""
    said = re.search(r"([\d,]+) at most", description or "")
    return int(said[1].replace(",", "")) if said else {**_ROWS, **_TOGETHER}[place]


def octets(kind: Any, place: str, description: str | None) -> int:
    """The length in JSON of the longest value, with each character of its texts escaped."""
    if isinstance(kind, GraphQLNonNull):
        return octets(kind.of_type, place, description)
    if isinstance(kind, GraphQLList):
        one = octets(kind.of_type, place, description)
        return 2 + rows(place, description) * (one + 2)
    if isinstance(kind, GraphQLInputObjectType):
        fields = [
            len(name) + 6 + octets(field.type, f"{kind.name}.{name}", field.description)
            for name, field in kind.fields.items()
        ]
        return 2 + (max(fields) if kind.is_one_of else sum(fields))
    if isinstance(kind, GraphQLEnumType):
        return 2 + max(map(len, kind.values))
    if kind is GraphQLString or kind.name == "String":
        return 2 + 12 * characters(place, description)
    return _SCALARS[kind.name]


def filled(kind: GraphQLInputObjectType, given: dict[str, Any]) -> dict[str, Any]:
    """The input with each of its texts at its maximum length."""
    texts = {
        name: WIDE * characters(f"{kind.name}.{name}", field.description)
        for name, field in kind.fields.items()
        if name in given and getattr(field.type, "of_type", field.type) is GraphQLString
    }
    return given | texts
