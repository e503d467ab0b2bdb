"""The configuration of the process: environment variables, read once and checked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from candor.settings.claim_names import ClaimNames
from candor.settings.environment import candor_variables, environment, refuse_unknown
from candor.settings.manifest import BadManifest, Mode, read_manifest
from candor.settings.metrics_access import MetricsAccess
from candor.settings.values import (
    MIN_SECRET,
    BadSettings,
    file,
    in_a_labels,
    networks,
    number,
    one_of,
    origins,
    previous_secret,
    roles,
    secret,
    switch,
    url,
)
from mailers.from_address import Sender
from mailers.relay import destination
from models.reaching import names_a_database

__all__ = ["BadSettings", "Settings", "from_environment", "known_names"]


@dataclass(frozen=True)
class Settings:
    """The configuration of this process. `.env.example` describes each variable.

    Not to be confused with the site's settings, which an admin changes in the database.
    """

    database_url: str = field(default="sqlite://candor.sqlite3", repr=False)
    secret: str = field(default="", repr=False)
    secret_previous: str | None = field(default=None, repr=False)
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    claims: ClaimNames = field(default_factory=ClaimNames)
    jwks_file: Path | None = None
    jwks_url: str | None = None
    public_url: str = "http://127.0.0.1:8000"
    production: bool = False
    cors_origins: tuple[str, ...] = ()
    rate_limits: bool = False
    budget: int = 10_000
    redis_url: str | None = field(default=None, repr=False)
    introspection: bool = True
    metrics: MetricsAccess = field(default_factory=MetricsAccess, repr=False)
    graphiql: bool = True
    max_cost_anonymous: int = 1_000
    max_cost: int = 5_000
    # Bytes of one response.
    max_answer: int = 8_000_000
    operation_seconds: float = 10
    # Seconds that running requests and mails have to finish when the process ends.
    grace: int = 10
    # Of each server process.
    max_connections: int = 3_000
    max_connections_per_address: int = 500
    # Proxies whose X-Forwarded-For is trusted.
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.1"),)
    trusted_documents: Mode = "off"
    trusted_manifest: Path | None = None
    compiled: bool = True
    opentelemetry: bool = False
    json_logs: bool = False
    smtp_url: str = field(default="console:", repr=False)
    mail_from: str = "Candor <no-reply@localhost>"
    mail_worker: bool = False
    mail_connections: int = 4
    # Mails a second at most; None is no limit.
    mail_rate: float | None = None


def from_environment(given: Mapping[str, str] | None = None) -> Settings:
    """The configuration from these variables, by default from the environment and `.env`.

    Raises BadSettings, which names the invalid variable.
    """
    variables = environment() if given is None else candor_variables(given)
    refuse_unknown(variables, known_names())

    def get(name: str, default: str = "") -> str:
        return variables.get(f"CANDOR_{name}", default)

    return _read(get)


@cache
def known_names() -> frozenset[str]:
    """The names of all variables, collected while a configuration is read."""
    names = set()

    def get(name: str, default: str = "") -> str:
        names.add(f"CANDOR_{name}")
        # Without a secret, one would be created on disk.
        return "s" * MIN_SECRET if name == "SECRET" else default

    _read(get)
    return frozenset(names)


def _read(get: Callable[..., str]) -> Settings:
    environment_name = one_of("ENV", get("ENV", "development"), "development", "production")
    production = environment_name == "production"
    in_production, in_development = ("on", "off") if production else ("off", "on")
    if get("JWKS_FILE") and get("JWKS_URL"):
        raise BadSettings("Set CANDOR_JWKS_FILE or CANDOR_JWKS_URL, not both.")
    current = secret(get("SECRET"), production=production)
    return Settings(
        database_url=_database_url(get("DATABASE_URL", Settings.database_url)),
        secret=current,
        secret_previous=previous_secret(get("SECRET_PREVIOUS"), current),
        jwt_issuer=get("JWT_ISSUER") or None,
        jwt_audience=get("JWT_AUDIENCE") or None,
        claims=_claims(get),
        jwks_file=file("JWKS_FILE", get("JWKS_FILE")),
        jwks_url=url("JWKS_URL", get("JWKS_URL")) or None,
        public_url=url("PUBLIC_URL", get("PUBLIC_URL", Settings.public_url)).rstrip("/"),
        production=production,
        cors_origins=origins(get("CORS_ORIGINS")),
        rate_limits=switch("RATE_LIMITS", get("RATE_LIMITS", in_production)),
        budget=number("BUDGET", get("BUDGET", "10000")),
        redis_url=_redis(get("REDIS_URL")),
        introspection=switch("INTROSPECTION", get("INTROSPECTION", "on")),
        metrics=MetricsAccess.of(get("METRICS"), production=production),
        graphiql=switch("GRAPHIQL", get("GRAPHIQL", in_development)),
        max_cost_anonymous=number("MAX_COST_ANONYMOUS", get("MAX_COST_ANONYMOUS", "1000")),
        max_cost=number("MAX_COST", get("MAX_COST", "5000")),
        max_answer=number("MAX_ANSWER", get("MAX_ANSWER", str(Settings.max_answer))),
        operation_seconds=number("OPERATION_SECONDS", get("OPERATION_SECONDS", "10")),
        grace=number("GRACE", get("GRACE", "10")),
        max_connections=number("MAX_CONNECTIONS", get("MAX_CONNECTIONS", "3000")),
        max_connections_per_address=number(
            "MAX_CONNECTIONS_PER_ADDRESS", get("MAX_CONNECTIONS_PER_ADDRESS", "500")
        ),
        trusted_proxies=networks("TRUSTED_PROXIES", get("TRUSTED_PROXIES", "127.0.0.1")),
        **_trusted(get("TRUSTED_DOCUMENTS", "off"), get("TRUSTED_MANIFEST")),
        compiled=switch("COMPILED", get("COMPILED", "on")),
        opentelemetry=_tracing(switch("OPENTELEMETRY", get("OPENTELEMETRY", "off"))),
        json_logs=one_of("LOGS", get("LOGS", "json" if production else "text"), "json", "text")
        == "json",
        **_mail(get),
    )


def _claims(get: Callable[..., str]) -> ClaimNames:
    role, vendor = get("JWT_ROLE_CLAIM", "role"), get("JWT_VENDOR_CLAIM", "vendor")
    if role == vendor:
        raise BadSettings("CANDOR_JWT_ROLE_CLAIM and CANDOR_JWT_VENDOR_CLAIM are the same.")
    return ClaimNames(role, vendor, roles(get("JWT_ROLES")))


def _mail(get: Callable[..., str]) -> dict[str, Any]:
    return {
        "smtp_url": _smtp_url(get("SMTP_URL", "console:")),
        "mail_from": _mail_from(get("MAIL_FROM", Settings.mail_from)),
        "mail_worker": switch("MAIL_WORKER", get("MAIL_WORKER", "on")),
        "mail_connections": _connections(get("MAIL_CONNECTIONS", "4")),
        "mail_rate": _rate(get("MAIL_RATE", "unlimited")),
    }


def _connections(value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]?", value):
        raise BadSettings("CANDOR_MAIL_CONNECTIONS must be a whole number, 1 to 99.")
    return int(value)


def _rate(value: str) -> float | None:
    if value == "unlimited":
        return None
    if not re.fullmatch(r"[0-9]{1,4}(?:\.[0-9]{1,6})?", value) or not float(value):
        raise BadSettings("CANDOR_MAIL_RATE must be mails a second, such as 14 or 0.5.")
    return float(value)


def _smtp_url(value: str) -> str:
    try:
        destination(value)
    except ValueError as error:
        raise BadSettings(f"CANDOR_SMTP_URL: {error}") from None
    return value


def _mail_from(value: str) -> str:
    try:
        Sender.parse(value)
    except ValueError as error:
        raise BadSettings(f"CANDOR_MAIL_FROM: {error}") from None
    return value


def _database_url(value: str) -> str:
    """The URL. Raises BadSettings, which never quotes it: it may contain a password."""
    if not names_a_database(value):
        raise BadSettings(
            "CANDOR_DATABASE_URL must look like sqlite://candor.sqlite3 or"
            " postgres://user:password@host:5432/database, and in a password / is written as %2F,"
            " ? as %3F and # as %23."
        )
    return value if value.startswith("sqlite:") else in_a_labels("DATABASE_URL", value)


def _redis(value: str) -> str | None:
    if value and not value.startswith(("redis://", "rediss://", "redis+unix://")):
        raise BadSettings("CANDOR_REDIS_URL must begin with redis:// or rediss://.")
    if value and not (find_spec("redis") and find_spec("limits")):
        raise BadSettings("CANDOR_REDIS_URL needs the packages redis and limits (the extra redis).")
    return in_a_labels("REDIS_URL", value) or None


def _tracing(enabled: bool) -> bool:
    if enabled and find_spec("opentelemetry") is None:
        raise BadSettings(
            "CANDOR_OPENTELEMETRY needs the package opentelemetry-api (the extra opentelemetry)."
        )
    return enabled


def _trusted(mode: str, manifest: str) -> dict[str, Any]:
    one_of("TRUSTED_DOCUMENTS", mode, "off", "prefer", "only")
    path = file("TRUSTED_MANIFEST", manifest)
    if mode != "off" and path is None:
        raise BadSettings("CANDOR_TRUSTED_DOCUMENTS needs a CANDOR_TRUSTED_MANIFEST.")
    if path is not None:
        try:
            read_manifest(path)
        except BadManifest:
            raise BadSettings(
                "CANDOR_TRUSTED_MANIFEST is no manifest of Relay, Apollo or GraphQL Codegen."
            ) from None
    return {"trusted_documents": mode, "trusted_manifest": path}
