"""What subscribers of different roles hear of a review, by every field of the schema."""

import orjson
from graphql import get_named_type, is_leaf_type

from models import Review
from resolvers.announcements import announce_review
from schema.context import Context
from tests.candor.sameness import STOCK, VIEWERS, operation_of
from tests.schema.field_walk import TYPES, fact
from tests.waiting import until, until_subscribed

# What a viewer sees of a review that others do not.
OWN = {"order", "viewerHasVoted", "moderation", "revisions"}


async def test_each_viewer_hears_of_every_field_what_they_would_read(shop_of_everything, hear):
    """Every field of a review, to each role at once: as when that viewer alone asked for it."""
    review = await Review.get(status="APPROVED", deleted_at=None)
    own = set()
    for name, definition in TYPES["Review"].fields.items():
        selection = fact(name, definition) or _without_arguments(name, definition)
        text = f"subscription {{ reviewPublished {{ id {selection} }} }}"
        heard = {who: hear(viewer, text) for who, viewer in VIEWERS.items()}
        await until_subscribed(times=len(VIEWERS))
        await announce_review(review)
        await until(lambda heard=heard: all(heard.values()))
        told = {}
        for who, viewer in VIEWERS.items():
            (answer,) = heard[who]
            told[who] = answer["reviewPublished"]
            text = f'{{ node(id: "{told[who]["id"]}") {{ ... on Review {{ id {selection} }} }} }}'
            read = await STOCK.execute(operation_of(text), {}, Context(viewer))
            assert told[who] == orjson.loads(orjson.dumps(read.result.data))["node"], (who, name)
        if len({orjson.dumps(each) for each in told.values()}) > 1:
            own.add(name)
        await hear.leave_all()
    assert own >= OWN, "the viewers of this test are too much alike to prove anything"


def _without_arguments(name, definition):
    inner = get_named_type(definition.type)
    leaves = " ".join(
        each for each, of in inner.fields.items() if is_leaf_type(get_named_type(of.type))
    )
    return f"{name} {{ {leaves} }}"
