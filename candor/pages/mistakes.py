"""What was wrong with what somebody sent by a form."""

from resolvers.errors import Refusal


def by_field(refused: Refusal | None) -> dict[str, str]:
    """The code of each field's first mistake, by the field's name; empty when all was well."""
    codes: dict[str, str] = {}
    for mistake in refused.all if refused else ():
        codes.setdefault(mistake.field[0] if mistake.field else "", mistake.code)
    return codes
