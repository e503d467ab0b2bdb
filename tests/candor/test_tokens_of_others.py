"""Tokens of other issuers: with other names, other shapes, in other languages."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from candor.callers.tokens import BadToken, TokenVerifier, sign
from candor.settings import BadSettings, from_environment

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "tokens.md").read_text()
EC = ec.generate_private_key(ec.SECP256R1())
SECRET = "a secret of the tests, long enough to sign with"
RUN = {"php": ["php"], "js": ["node", "-"], "python": [sys.executable, "-"]}


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: only whether a member of the team is active stands in it."""
    return sqlite_database


@pytest.fixture
def keys(tmp_path):
    """The file with the provider's public key."""
    jwk = json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(EC.public_key()))
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [jwk | {"kid": "1", "use": "sig", "alg": "ES256"}]}))
    return path


@pytest.fixture
def settings_of(database, keys):
    def read(**variables):
        given = {f"CANDOR_{name}": value for name, value in variables.items()}
        return from_environment(
            {
                "CANDOR_SECRET": SECRET,
                "CANDOR_DATABASE_URL": database,
                "CANDOR_JWKS_FILE": str(keys),
            }
            | given
        )

    return read


def theirs(**claims):
    """A token of the provider."""
    given = {"sub": "MARIA", "exp": datetime.now(UTC) + timedelta(minutes=5)} | claims
    return jwt.encode(given, EC, "ES256", headers={"kid": "1"})


async def viewer(settings, token):
    """The role, the id and the vendor of a token; None when it is refused."""
    try:
        found = await TokenVerifier(settings).viewer(f"Bearer {token}")
    except BadToken:
        return None
    return found.role.value, found.external_id, found.vendor


async def test_claims_and_roles_go_by_the_names_that_are_set(settings_of, app):
    settings = settings_of(
        JWT_ROLE_CLAIM="https://nordlicht.example/role",
        JWT_VENDOR_CLAIM="https://nordlicht.example/vendor",
        JWT_ROLES="buyer:customer, seller:vendor,urn:team:staff",
    )

    def token(role, **claims):
        return theirs(**{"https://nordlicht.example/role": role} | claims)

    seller = token("seller", **{"https://nordlicht.example/vendor": "V1"})
    assert await viewer(settings, token("buyer")) == ("CUSTOMER", "MARIA", None)
    assert await viewer(settings, seller) == ("VENDOR", "MARIA", "V1")
    assert await viewer(settings, token("urn:team")) == ("STAFF", "MARIA", None)
    assert await viewer(settings, theirs(role="buyer")) is None
    assert await viewer(settings, token("seller", vendor="V1")) is None
    # A role of theirs is not a role of ours just because the names are equal.
    assert await viewer(settings, token("admin")) is None


async def test_without_a_map_roles_go_by_our_names(settings_of):
    settings = settings_of(JWT_ROLE_CLAIM="user_role")

    assert await viewer(settings, theirs(user_role="Customer")) == ("CUSTOMER", "MARIA", None)
    assert await viewer(settings, theirs(role="customer")) is None


async def test_our_own_tokens_are_valid_with_any_names_of_others(settings_of, app):
    settings = settings_of(
        JWT_ROLE_CLAIM="r", JWT_VENDOR_CLAIM="v", JWT_ROLES="admin:customer,seller:vendor"
    )
    hour = timedelta(hours=1)
    vendor = sign(settings, {"sub": "NINA", "role": "vendor", "vendor": "V1"}, hour)
    staff = sign(settings, {"sub": "SAM", "role": "staff"}, hour)

    assert await viewer(settings, vendor) == ("VENDOR", "NINA", "V1")
    assert await viewer(settings, staff) == ("STAFF", "SAM", None)


OTHER_SHAPES = [
    ({"role": "vendor", "vendor": ["V1"]}, "vendor must be a string, and is a list"),
    ({"role": "vendor", "vendor": {"id": "V1"}}, "vendor must be a string, and is a dict"),
    ({"role": "vendor", "vendor": 17}, "vendor must be a string, and is a int"),
    ({"role": "vendor", "vendor": ""}, "vendor: An id has 1 to 200 printable characters"),
    ({"role": "vendor", "vendor": "V1\n"}, "vendor: An id has"),
    ({"role": "vendor"}, "vendor belongs to the role vendor"),
    ({"role": "customer", "vendor": "V1"}, "vendor belongs to the role vendor"),
    ({"role": ["admin"]}, "role must be a string, and is a list"),
    ({"role": {"admin": True}}, "role must be a string, and is a dict"),
    ({"role": True}, "role must be a string, and is a bool"),
    ({"role": "root"}, "role is none of customer, vendor, staff, moderator, admin"),
    ({}, "role is missing"),
    ({"role": "customer", "name": ["Maria"]}, "name must be a string, and is a list"),
    ({"role": "customer", "name": 7}, "name must be a string, and is a int"),
    ({"role": "customer", "email": {"a": 1}}, "email must be a string, and is a dict"),
    ({"role": "customer", "email": False}, "email must be a string, and is a bool"),
    ({"role": "customer", "sub": ""}, "sub: An id has"),
    ({"role": "customer", "sub": 7}, "InvalidSubjectError"),
    ({"role": "customer", "sub": ["MARIA"]}, "InvalidSubjectError"),
]


@pytest.mark.parametrize(("claims", "reason"), OTHER_SHAPES, ids=str)
async def test_a_claim_of_another_shape_is_refused_and_the_log_alone_says_why(
    client, settings, claims, reason, caplog
):
    given = {"sub": "MARIA", "exp": datetime.now(UTC) + timedelta(minutes=5)} | claims
    payload = json.dumps(given | {"exp": int(given["exp"].timestamp())}).encode()
    token = jwt.api_jws.encode(payload, settings.secret, "HS256")
    caplog.set_level("INFO")

    answer = await client.post(
        "/graphql",
        json={"query": "{ viewer { role } }"},
        headers={"Authorization": f"Bearer {token}"},
    )

    assert answer.status_code == 401
    [error] = answer.json()["errors"]
    assert (error["message"], error["extensions"]) == (
        "The token is not valid here.",
        {"code": "UNAUTHENTICATED"},
    )
    assert f"a token was refused: {reason}" in caplog.text
    assert "MARIA" not in caplog.text
    assert "V1" not in caplog.text


async def test_omitted_and_null_claims_are_absent(settings_of):
    token = theirs(role="customer", vendor=None, name=None, email="")

    assert await viewer(settings_of(), token) == ("CUSTOMER", "MARIA", None)


async def test_why_a_key_or_an_issuer_is_not_accepted_is_logged(settings_of, keys, caplog):
    caplog.set_level("INFO")
    issued = settings_of(JWT_ISSUER="https://shop.example")
    strange = jwt.encode({"sub": "A", "exp": 2**33}, EC, "ES256", headers={"kid": "2"})

    assert await viewer(issued, theirs(role="customer", iss="https://other.example")) is None
    assert await viewer(issued, strange) is None
    assert await viewer(replace(issued, jwks_file=None), strange) is None
    assert [record.getMessage() for record in caplog.records if record.name == "candor.tokens"] == [
        "a token was refused: InvalidIssuerError",
        "a token was refused: its key is not in CANDOR_JWKS_FILE",
        "a token was refused: there is no CANDOR_JWKS_FILE or CANDOR_JWKS_URL for its algorithm",
    ]


@pytest.mark.parametrize(
    "variables",
    [
        {"JWT_ROLES": "buyer"},
        {"JWT_ROLES": "buyer:root"},
        {"JWT_ROLES": ":customer"},
        {"JWT_ROLES": "buyer:customer,buyer:admin"},
        {"JWT_ROLE_CLAIM": "vendor"},
    ],
)
def test_invalid_names_are_refused(settings_of, variables):
    with pytest.raises(BadSettings, match=f"CANDOR_{next(iter(variables))}"):
        settings_of(**variables)


@pytest.fixture(params=RUN)
def signed(request):
    """A token made by the documented program in this language, and the program."""
    command = RUN[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} on this machine")
    block = rf"^```{request.param}\n(.*?)^```$"
    [program] = re.findall(block, DOCUMENT, re.DOTALL | re.MULTILINE)
    done = subprocess.run(
        command,
        input=program,
        env={"PATH": os.environ["PATH"], "CANDOR_SECRET": SECRET},
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    )
    return done.stdout.strip(), program


async def test_the_documents_sign_a_token_in_five_lines(settings_of, signed):
    token, program = signed

    assert len(re.findall(r"^[^<\n]", program, re.MULTILINE)) == (4 if "<?php" in program else 5)
    assert await viewer(settings_of(), token) == ("CUSTOMER", "CUST-1", None)


def test_the_settings_for_providers_are_settings(settings_of):
    blocks = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)

    for block in blocks:
        given = dict(line.removeprefix("CANDOR_").split("=", 1) for line in block.splitlines())
        assert settings_of(**given, JWKS_FILE="").jwks_url.startswith("https://")
    assert len(blocks) == 3
