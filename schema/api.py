"""The schema itself."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.mutation import Mutation
from schema.notification import Notification
from schema.order import Order
from schema.query import Query
from schema.review import Review
from schema.scalars import SCALARS
from schema.service import Service
from schema.subscription import Subscription
from schema.vendor import Vendor

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Notification, Order, Review, Service, Vendor],
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
)
