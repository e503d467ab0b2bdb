"""Refusals of a form's input by field."""

from resolvers.errors import Refusal


def codes_by_field(refusal: Refusal | None) -> dict[str, str]:
    """The code of each field's first error by the field's name; empty without a refusal."""
    codes: dict[str, str] = {}
    for error in refusal.all if refusal else ():
        codes.setdefault(error.field[0] if error.field else "", error.code)
    return codes
