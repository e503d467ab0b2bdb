"""`candor links`: the links to orders that mails have carried."""

import click

from candor.commands.environment import run_in_database
from candor.commands.site_settings import OPERATOR
from resolvers import order_links
from resolvers.errors import Refusal
from resolvers.ref import Ref


@click.group()
def links() -> None:
    """The links to orders that mails have carried."""


@links.command()
@click.option("--order", required=True, metavar="ID", help="The order's id in the marketplace.")
def revoke(order: str) -> None:
    """End all links to an order and its updates, at once: a mail was forwarded, or went astray.

    Mails that leave from now on have new links. It is recorded in the tracking log.
    """
    run_in_database(_revoke(order))
    click.echo(f"All links to the order {order} were revoked.", err=True)


async def _revoke(order: str) -> None:
    try:
        await order_links.revoke_links(OPERATOR, order=Ref(external_id=order.replace("\x00", "")))
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from None
