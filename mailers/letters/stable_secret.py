"""The stable secret: keys stored digests, and survives changes of `CANDOR_SECRET`.

Digests of recipients are stored without their addresses, so another secret cannot recompute them;
and every attempt of a mail needs the same Message-ID. So the installation's first secret keeps
keying both. The database stores it, encrypted with the current secret.
"""

import hmac
import logging
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken

from mailers.configuration import MailConfig
from models import sql

_log = logging.getLogger("candor.mail")

_SELECT = "SELECT locked FROM mail_secret WHERE name = 'lasting'"
_INSERT = "INSERT INTO mail_secret (name, locked) VALUES ('lasting', ?) ON CONFLICT DO NOTHING"
_UPDATE = "UPDATE mail_secret SET locked = ? WHERE name = 'lasting' AND locked = ?"


async def stable_secret(config: MailConfig) -> str:
    """The first secret of this installation, else the current one. Read once per configuration."""
    if "stable" not in config.secret_cache:
        config.secret_cache["stable"] = await _read(config)
    return config.secret_cache["stable"]


async def _read(config: MailConfig) -> str:
    rows = await sql.fetch(_SELECT)
    if not rows:
        # Existing digests were made with the oldest secret in the configuration.
        first = config.secret_previous or config.secret
        await sql.execute(_INSERT, _cipher(config.secret).encrypt(first.encode()).decode())
        rows = await sql.fetch(_SELECT)
    return await _decrypted(config, rows[0]["locked"])


async def _decrypted(config: MailConfig, locked: str) -> str:
    for secret in (config.secret, config.secret_previous):
        if secret is None:
            continue
        try:
            first = _cipher(secret).decrypt(locked).decode()
        except InvalidToken:
            continue
        if secret != config.secret:
            relocked = _cipher(config.secret).encrypt(first.encode()).decode()
            await sql.execute(_UPDATE, relocked, locked)
        return first
    _log.error(
        "The opt-outs of this database need another secret, so mails may go to people who declined"
        " them: set CANDOR_SECRET_PREVIOUS to the secret before this one."
    )
    return config.secret


def _cipher(secret: str) -> Fernet:
    key = hmac.digest(secret.encode(), b"lasting secret", "sha256")
    return Fernet(urlsafe_b64encode(key))
