"""Each value of an enumeration has a description, and there are no others."""

from enum import StrEnum

import pytest

from schema.enums import describe_enum


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


def test_each_value_gets_its_description():
    describe_enum(Colour, "A colour.", RED="Like blood.", BLUE="Like the sky.")

    values = Colour.__strawberry_definition__.values
    assert {value.name: value.description for value in values} == {
        "RED": "Like blood.",
        "BLUE": "Like the sky.",
    }


@pytest.mark.parametrize(
    ("given", "named"),
    [({"RED": "Like blood."}, "BLUE"), ({"RED": "", "BLUE": "", "GREEN": ""}, "GREEN")],
)
def test_one_that_is_forgotten_or_belongs_to_nothing_is_refused(given, named):
    with pytest.raises(TypeError, match=f"Colour.*{named}"):
        describe_enum(Colour, "A colour.", **given)
