"""A mutation is declared once; parts that do not fit together are refused at import."""

import pytest
import strawberry
from strawberry import UNSET

from resolvers import rights
from schema.mutation_field import mutation
from schema.review_input import ReviewPayload


@strawberry.input
class Given:
    body: str
    note: str | None = UNSET


async def takes_both(viewer, *, body, note=None): ...


async def takes_anything(viewer, *, body, **changes): ...


async def takes_less(viewer, *, body): ...


async def takes_another_name(viewer, *, body, remark=None): ...


async def needs_more(viewer, *, body, note=None, stars): ...


async def needs_what_may_be_left_out(viewer, *, body, note): ...


def declared(act):
    return mutation("", input=Given, may=rights.may_review, act=act, payload=ReviewPayload)


@pytest.mark.parametrize("act", [takes_both, takes_anything])
def test_what_fits_is_a_field(act):
    assert [each.python_name for each in declared(act).arguments] == ["input"]


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (takes_less, "note"),
        (takes_another_name, "note"),
        (needs_more, "stars"),
        (needs_what_may_be_left_out, "note"),
    ],
)
def test_an_act_of_another_form_is_refused(act, named):
    with pytest.raises(TypeError, match=rf"Given.*{named}|{named}.*Given"):
        declared(act)


def test_so_is_a_right_that_asks_for_more():
    with pytest.raises(TypeError, match=r"Given does not give \{'internal'\}"):
        mutation("", input=Given, may=rights.may_write_notes, act=takes_both, payload=ReviewPayload)
