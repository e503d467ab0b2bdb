"""The secret that outlives changes of the installation's own: opt-outs are found by it for ever.

Digests of recipients are stored without their addresses, so they cannot be made anew with another
secret, and a second copy of a mail is known by its Message-ID. So the first secret goes on keying
both. The database keeps it, locked with the present one.
"""

import hmac
import logging
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken

from mailers.configuration import MailConfig
from models import sql

_log = logging.getLogger("candor.mail")

_LOCKED = "SELECT locked FROM mail_secret WHERE name = 'lasting'"
_KEEP = "INSERT INTO mail_secret (name, locked) VALUES ('lasting', ?) ON CONFLICT DO NOTHING"
_LOCK_ANEW = "UPDATE mail_secret SET locked = ? WHERE name = 'lasting' AND locked = ?"


async def lasting_secret(config: MailConfig) -> str:
    """The first secret of this installation, as far as it can be known; asked for once."""
    if "lasting" not in config.found:
        config.found["lasting"] = await _look(config)
    return config.found["lasting"]


async def _look(config: MailConfig) -> str:
    rows = await sql.fetch(_LOCKED)
    if not rows:
        # Until now everything was keyed with the oldest that we are told.
        first = config.secret_previous or config.secret
        await sql.execute(_KEEP, _lock(config.secret).encrypt(first.encode()).decode())
        rows = await sql.fetch(_LOCKED)
    return await _unlocked(config, rows[0]["locked"])


async def _unlocked(config: MailConfig, locked: str) -> str:
    for secret in (config.secret, config.secret_previous):
        if secret is None:
            continue
        try:
            found = _lock(secret).decrypt(locked).decode()
        except InvalidToken:
            continue
        if secret != config.secret:
            anew = _lock(config.secret).encrypt(found.encode()).decode()
            await sql.execute(_LOCK_ANEW, anew, locked)
        return found
    _log.error(
        "Opt-outs of this database are known by another secret only, so mails may go to people who"
        " declined them: set CANDOR_SECRET_PREVIOUS to the secret before this one."
    )
    return config.secret


def _lock(secret: str) -> Fernet:
    key = hmac.digest(secret.encode(), b"lasting secret", "sha256")
    return Fernet(urlsafe_b64encode(key))
