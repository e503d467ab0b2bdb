"""Verifies credentials: tokens of ours and of the marketplace, API keys, tokens of links."""

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import jwt

from candor.callers import key_uses
from candor.callers.claims import BadClaim, viewer_of
from candor.callers.guests import guest_of
from candor.settings import Settings
from mailers.letters.signed_links import BadLink, ExpiredLink, Purpose, cut, read
from models import ApiKey, base64url, clock
from resolvers.inactive_members import InactiveMembers
from resolvers.team_members import NOT_ACTIVE
from resolvers.viewer import ANONYMOUS, Role, Viewer

log = logging.getLogger("candor.tokens")
KEY_PREFIX = "candor_"
_LEEWAY = timedelta(seconds=30)
# Verified tokens are cached: checking a signature costs more than the rest of a small query. API
# keys and links can be revoked in our tables, so they are looked up each time. Of the team, whose
# members can be deactivated there, a process reads all who are, a few times a second at most.
CACHE_SECONDS, MAX_CACHED, MAX_CACHED_LENGTH = 60, 10_000, 4_000


class BadToken(Exception):
    """The token is not valid here."""

    # A bad token never counts as no token.
    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class _NotVerifiable(Exception):
    """Why a token cannot be verified; only for the log."""


def sign(settings: Settings, claims: Mapping[str, Any], ttl: timedelta) -> str:
    """A token of ours (HS256) with these claims, valid for `ttl`."""
    now = clock.now()
    payload = settings.claims.named(claims) | {"iat": now, "exp": now + ttl}
    if settings.jwt_issuer:
        payload["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        payload["aud"] = settings.jwt_audience
    return jwt.encode(payload, settings.secret, algorithm="HS256")


class _Cached(NamedTuple):
    viewer: Viewer
    until: float


class TokenVerifier:
    """Turns an Authorization header into a Viewer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._remote = jwt.PyJWKClient(settings.jwks_url, timeout=5) if settings.jwks_url else None
        self._local = (
            jwt.PyJWKSet.from_dict(json.loads(settings.jwks_file.read_text()))
            if settings.jwks_file
            else None
        )
        self._cache: dict[str, _Cached] = {}
        self._inactive = InactiveMembers()

    async def viewer(self, authorization: str | None) -> Viewer:
        """The viewer of an Authorization header, ANONYMOUS without one. Raises BadToken."""
        if not authorization:
            return ANONYMOUS
        scheme, _, credential = authorization.partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential:
            raise BadToken("Send Authorization: Bearer and a token.")
        if credential.startswith(KEY_PREFIX):
            return await _key_holder(credential)
        if (link := cut(credential)) is not None:
            return await self._link_holder(link)
        viewer = await self._token_holder(credential)
        if viewer.is_team and await self._inactive.include(viewer.external_id or ""):
            raise BadToken(NOT_ACTIVE)
        return viewer

    async def _token_holder(self, credential: str) -> Viewer:
        cached = self._cache.get(credential)
        if cached is not None and clock.now().timestamp() < cached.until:
            return cached.viewer
        try:
            return self._remember(credential, *await self._claims(credential))
        except jwt.ExpiredSignatureError:
            raise BadToken("The token has expired.") from None
        except (BadClaim, _NotVerifiable) as error:
            log.warning("a token was refused: %s", error)
        except jwt.InvalidTokenError as error:
            log.info("a token was refused: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - tokens are untrusted input: any error means a bad one
            log.info("a token was refused: it broke (%s)", type(error).__name__)
        raise BadToken

    def _remember(self, token: str, claims: dict[str, Any], is_ours: bool) -> Viewer:
        """The viewer of a verified token, kept in the cache for CACHE_SECONDS."""
        viewer = viewer_of(claims, self._settings.claims, is_ours=is_ours)
        if len(token) <= MAX_CACHED_LENGTH:
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            until = min(int(claims["exp"]), clock.now().timestamp() + CACHE_SECONDS)
            self._cache[token] = _Cached(viewer, until)
        return viewer

    async def _link_holder(self, token: str) -> Viewer:
        try:
            claim = read(
                self._settings.secret,
                token,
                Purpose.REVIEW,
                Purpose.RATE_UPDATE,
                previous=self._settings.secret_previous,
            )
            return await guest_of(claim)
        except ExpiredLink:
            raise BadToken("The link has expired.") from None
        except BadLink:
            raise BadToken from None

    async def _claims(self, token: str) -> tuple[dict[str, Any], bool]:
        """The claims of a token, and whether our secret signed it."""
        # The header, still unverified, only picks the key; PyJWT then verifies the whole token.
        header = json.loads(base64url.decode(token.partition(".")[0]))
        algorithm = header.get("alg")
        # The algorithm picks the kind of key: a public key is never taken for a shared secret.
        if algorithm == "HS256" and self._settings.secret:
            return self._decode_ours(token), True
        if algorithm in ("RS256", "ES256"):
            return self._decode(token, await self._public_key(token, header), algorithm), False
        raise _NotVerifiable("it is not signed with HS256, RS256 or ES256")

    def _decode_ours(self, token: str) -> dict[str, Any]:
        try:
            return self._decode(token, self._settings.secret, "HS256")
        except jwt.InvalidSignatureError:
            if self._settings.secret_previous is None:
                raise
            return self._decode(token, self._settings.secret_previous, "HS256")

    def _decode(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._settings.jwt_audience,
            issuer=self._settings.jwt_issuer,
            leeway=_LEEWAY,
            options={
                "require": ["exp", "sub"],
                "verify_aud": self._settings.jwt_audience is not None,
                # An issuer whose clock is ahead issues tokens in our future.
                "verify_iat": False,
            },
        )
        int(claims.get("iat", 0))  # raises if it is no number
        return claims

    async def _public_key(self, token: str, header: dict[str, Any]) -> Any:
        if self._remote is not None:
            return (await asyncio.to_thread(self._remote.get_signing_key_from_jwt, token)).key
        if self._local is None:
            raise _NotVerifiable(
                "there is no CANDOR_JWKS_FILE or CANDOR_JWKS_URL for its algorithm"
            )
        for key in self._local.keys:
            if key.key_id == header.get("kid") and key.public_key_use in {"sig", None}:
                return key.key
        raise _NotVerifiable("its key is not in CANDOR_JWKS_FILE")


def new_key() -> tuple[str, str]:
    """A new API key, and its digest, which is stored."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    return key, digest(key)


def digest(key: str) -> str:
    """A key is long and random, so a plain hash protects it from readers of the table."""
    return hashlib.sha256(key.encode()).hexdigest()


async def _key_holder(key: str) -> Viewer:
    row = await ApiKey.get_or_none(digest=digest(key), revoked_at=None)
    if row is None:
        raise BadToken("The API key is unknown or was revoked.")
    if row.valid_until is not None and row.valid_until <= clock.now():
        raise BadToken("The API key has expired.")
    key_uses.record_use(row)
    return Viewer(Role.INTEGRATION, external_id=row.name, vendor=row.vendor, scopes=row.scope_names)
