"""Opens connections to a relay."""

import asyncio
import ssl
from typing import cast

import aiosmtplib

from mailers.relay import Relay


async def open_connection(
    relay: Relay, local_hostname: str, *, connect: float, command: float
) -> tuple[asyncio.Transport, frozenset[str]]:
    """A new connection after TLS, EHLO and login, and the server's extensions in lower case.

    Waits `connect` seconds for the greeting, and `command` for each later response.
    """
    encrypted = relay.tls != "none"
    client = aiosmtplib.SMTP(
        hostname=relay.host,
        port=relay.port,
        username=relay.username,
        password=relay.password,
        local_hostname=local_hostname,
        timeout=command,
        use_tls=relay.tls == "implicit",
        start_tls=relay.tls == "starttls",
        tls_context=ssl.create_default_context(cafile=relay.authority) if encrypted else None,
    )
    try:
        await client.connect(timeout=connect)
        await client._ehlo_or_helo_if_needed()  # its public twin has no HELO
    except BaseException:
        client.close()
        raise
    if client.transport is None:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    return cast("asyncio.Transport", client.transport), frozenset(client.esmtp_extensions)
