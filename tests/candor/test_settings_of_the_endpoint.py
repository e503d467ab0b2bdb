"""Configuration of the endpoint by variables."""

import pytest

from candor.settings import BadSettings, from_environment

SECRET = {"CANDOR_SECRET": "x" * 32}
PRODUCTION = SECRET | {"CANDOR_ENV": "production"}


def test_development_is_open_and_production_is_not():
    development, production = from_environment(SECRET), from_environment(PRODUCTION)

    assert (development.graphiql, development.rate_limits, development.json_logs) == (
        True,
        False,
        False,
    )
    assert (production.graphiql, production.rate_limits, production.json_logs) == (
        False,
        True,
        True,
    )
    assert development.introspection
    assert production.introspection
    assert (production.max_cost_anonymous, production.max_cost) == (1_000, 5_000)


def test_each_can_be_said():
    settings = from_environment(
        PRODUCTION
        | {
            "CANDOR_RATE_LIMITS": "off",
            "CANDOR_GRAPHIQL": "on",
            "CANDOR_INTROSPECTION": "OFF",
            "CANDOR_MAX_COST": "70",
            "CANDOR_MAX_COST_ANONYMOUS": "7",
            "CANDOR_OPERATION_SECONDS": "3",
            "CANDOR_REDIS_URL": "redis://localhost:6379/1",
            "CANDOR_LOGS": "text",
            "CANDOR_COMPILED": "off",
        }
    )

    assert (settings.rate_limits, settings.graphiql, settings.introspection) == (False, True, False)
    assert (settings.max_cost, settings.max_cost_anonymous, settings.operation_seconds) == (
        70,
        7,
        3,
    )
    assert settings.redis_url == "redis://localhost:6379/1"
    assert (settings.json_logs, settings.compiled) == (False, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CANDOR_RATE_LIMITS", "maybe"),
        ("CANDOR_MAX_COST", "0"),
        ("CANDOR_MAX_COST", "-5"),
        ("CANDOR_MAX_COST", "many"),
        ("CANDOR_MAX_COST", "9" * 5_000),
        ("CANDOR_OPERATION_SECONDS", "0.5"),
        ("CANDOR_REDIS_URL", "http://localhost"),
        ("CANDOR_TRUSTED_DOCUMENTS", "always"),
        ("CANDOR_TRUSTED_DOCUMENTS", "only"),
        ("CANDOR_LOGS", "xml"),
        ("CANDOR_CORS_ORIGINS", "*"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(name, value):
    with pytest.raises(BadSettings, match=name):
        from_environment(SECRET | {name: value})


def test_an_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("candor.settings.find_spec", lambda _: None)

    for name, value, extra in (
        ("CANDOR_REDIS_URL", "redis://localhost", "redis"),
        ("CANDOR_OPENTELEMETRY", "on", "opentelemetry"),
    ):
        with pytest.raises(BadSettings, match=extra):
            from_environment(SECRET | {name: value})
