"""The schema, and its SDL."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.mail_delivery import MailDelivery
from schema.mutation import Mutation
from schema.notification import Notification
from schema.order import Order
from schema.order_update import OrderUpdate
from schema.query import Query
from schema.review import Review
from schema.scalars import SCALARS
from schema.service import Service
from schema.subscription import Subscription
from schema.team_member import TeamMember
from schema.tracking_event import TrackingEvent
from schema.update_note import Note
from schema.vendor import Vendor

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[
        MailDelivery,
        Note,
        Notification,
        Order,
        OrderUpdate,
        Review,
        Service,
        TeamMember,
        TrackingEvent,
        Vendor,
    ],
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
)


_ONE_OF = "directive @oneOf on INPUT_OBJECT"
_ONE_OF_TEXT = "Exactly one of the fields of such an input is given, and it is not null."


def printed() -> str:
    """The SDL, as in `schema.graphql`."""
    return schema.as_str().replace(_ONE_OF, f'"""{_ONE_OF_TEXT}"""\n{_ONE_OF}', 1)
