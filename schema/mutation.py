"""All mutations: the table of contents. Every refusal is data in `errors`."""

import strawberry

from resolvers import notifications, order_feed, order_links, rights, site_settings, team_feed
from schema.mail_mutation import MailMutation
from schema.mutation_field import mutation
from schema.order_input import UpsertOrdersInput, UpsertOrdersPayload
from schema.order_links import RevokeLinksInput, RevokeLinksPayload
from schema.review_mutation import ReviewMutation
from schema.settings import UpdateSettingsInput
from schema.team_input import UpsertTeamMembersInput, UpsertTeamMembersPayload
from schema.update_mutation import UpdateMutation
from schema.viewer_input import MarkNotificationsReadInput, SettingsPayload, ViewerPayload


@strawberry.type(description="What can be done. A refusal changes nothing and stands in `errors`.")
class Mutation(ReviewMutation, UpdateMutation, MailMutation):
    upsert_orders = mutation(
        f"Tell up to {order_feed.MAX_ORDERS} orders, with an API key of the scope ORDERS_WRITE."
        " Idempotent: later news wins, the same news changes nothing, a bad row spoils no good one."
        " Over HTTP, the body may have 28,000,000 bytes: room for"
        f" {order_feed.MAX_ORDERS} with their longest values, sent as variables.",
        input=UpsertOrdersInput,
        may=rights.may_feed,
        act=order_feed.upsert_orders,
        payload=UpsertOrdersPayload,
    )
    upsert_team_members = mutation(
        f"Tell up to {team_feed.MAX_MEMBERS} members of the team, as an admin or with an API key of"
        " the scope TEAM_WRITE, which neither makes nor ends an admin. Repeating it changes"
        " nothing; a bad row spoils no good one.",
        input=UpsertTeamMembersInput,
        may=rights.may_write_team,
        act=team_feed.upsert_members,
        payload=UpsertTeamMembersPayload,
    )
    revoke_links = mutation(
        "End all links to an order and its updates that mails have carried, as an admin. Mails that"
        " leave later have new ones. Again: those end, too.",
        input=RevokeLinksInput,
        may=rights.may_administer,
        act=order_links.revoke_links,
        payload=RevokeLinksPayload,
    )
    update_settings = mutation(
        "Change settings, as an admin. Only the fields given change.",
        input=UpdateSettingsInput,
        may=rights.may_administer,
        act=site_settings.update_settings,
        payload=SettingsPayload,
    )
    mark_notifications_read = mutation(
        "Mark notices of yours as read.",
        input=MarkNotificationsReadInput,
        may=rights.may_read_notifications,
        act=notifications.mark_read,
        payload=ViewerPayload,
    )
