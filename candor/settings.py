"""The environment, read once and checked: the one place that knows what a variable means."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MIN_SECRET = 32


class BadSettings(Exception):
    """A variable holds what cannot be; the message names it."""


@dataclass(frozen=True)
class Settings:
    """How this installation is run. See docs and `.env.example` for each variable."""

    database_url: str = "sqlite://candor.sqlite3"
    secret: str = field(default="", repr=False)
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwks_file: Path | None = None
    jwks_url: str | None = None
    public_url: str = "http://127.0.0.1:8000"
    production: bool = False
    cors_origins: tuple[str, ...] = ()


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises BadSettings with the name of the variable at fault."""
    env = os.environ if environment is None else environment

    def get(name: str, default: str = "") -> str:
        return env.get(f"CANDOR_{name}", "").strip() or default

    production = _one_of("ENV", get("ENV", "development"), "development", "production")
    database_url = get("DATABASE_URL", Settings.database_url)
    if not database_url.startswith(("sqlite://", "postgres://", "postgresql://")):
        raise BadSettings("CANDOR_DATABASE_URL must begin with sqlite:// or postgres://.")
    if get("JWKS_FILE") and get("JWKS_URL"):
        raise BadSettings("Set CANDOR_JWKS_FILE or CANDOR_JWKS_URL, not both.")
    return Settings(
        database_url=database_url,
        secret=_secret(get("SECRET"), production=production == "production"),
        jwt_issuer=get("JWT_ISSUER") or None,
        jwt_audience=get("JWT_AUDIENCE") or None,
        jwks_file=_file("JWKS_FILE", get("JWKS_FILE")),
        jwks_url=_url("JWKS_URL", get("JWKS_URL")) or None,
        public_url=_url("PUBLIC_URL", get("PUBLIC_URL", Settings.public_url)).rstrip("/"),
        production=production == "production",
        cors_origins=_origins(get("CORS_ORIGINS")),
    )


def _one_of(name: str, value: str, *choices: str) -> str:
    if value not in choices:
        raise BadSettings(f"CANDOR_{name} must be {' or '.join(choices)}.")
    return value


def _url(name: str, value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise BadSettings(f"CANDOR_{name} must begin with http:// or https://.")
    return value


def _file(name: str, value: str) -> Path | None:
    if not value:
        return None
    path = Path(value)
    if not path.is_file():
        raise BadSettings(f"CANDOR_{name}: there is no file {value}.")
    return path


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
    for origin in origins:
        if origin == "*" or not origin.startswith(("http://", "https://")):
            raise BadSettings(
                "CANDOR_CORS_ORIGINS holds exact origins such as https://shop.example, no wildcard."
            )
    return origins


def _secret(given: str, *, production: bool) -> str:
    """The secret given; in development one that is made once and kept in a file."""
    if given:
        if len(given) < MIN_SECRET:
            raise BadSettings(f"CANDOR_SECRET needs {MIN_SECRET} characters or more.")
        return given
    if production:
        raise BadSettings("CANDOR_SECRET is required in production.")
    path = Path("candor-secret")
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    secret = path.read_text().strip()
    if len(secret) < MIN_SECRET:
        raise BadSettings("The file candor-secret is damaged: delete it, and a new one is made.")
    return secret
