"""Tokens as identity providers issue them, with the documented configuration for each."""

import json
import re
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from candor.app import create_app
from candor.settings import from_environment

DOCUMENT = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text()
RSA = rsa.generate_private_key(65_537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
NOW = int(datetime.now(UTC).timestamp())
PERSON = "6f4a2d7e-93c4-4a86-9f54-1b1f8a3f1f10"

# The claims that each puts into an access token, besides those configured for Candor.
CLAIMS = {
    "Auth0": {
        "iss": "https://TENANT.eu.auth0.com/",
        "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "aud": ["https://reviews.nordlicht.example", "https://TENANT.eu.auth0.com/userinfo"],
        "azp": "my_client_id",
        "scope": "openid profile email",
    },
    "Keycloak": {
        "auth_time": NOW,
        "jti": "onrtac:3d7c3a80-1b1c-4a67-9a6b-3b1c43d16a34",
        "iss": "https://login.nordlicht.example/realms/shop",
        "aud": ["candor", "account"],
        "sub": PERSON,
        "typ": "Bearer",
        "azp": "storefront",
        "sid": "aa1f0f8c-2d6a-4e8a-9a0a-52b3cf5d7a11",
        "acr": "1",
        "allowed-origins": ["https://nordlicht.example"],
        "realm_access": {"roles": ["default-roles-shop", "offline_access", "uma_authorization"]},
        "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
        "scope": "openid email profile",
        "email_verified": True,
        "name": "Maria Souza",
        "preferred_username": "maria",
        "given_name": "Maria",
        "family_name": "Souza",
        "email": "maria@example.com",
    },
    "Supabase": {
        "iss": "https://PROJECT.supabase.co/auth/v1",
        "sub": PERSON,
        "aud": "authenticated",
        "email": "maria@example.com",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"email": "maria@example.com", "email_verified": True},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": NOW}],
        "session_id": "0e3f3f0c-5b1f-4a57-8f2b-3b9d8c0f7a55",
        "is_anonymous": False,
    },
}
# The documented set-up at the provider, and the viewer that Candor should find.
SET_UP = {
    "Auth0": [
        ({"https://nordlicht.example/role": "customer"}, "CUSTOMER"),
        (
            {
                "https://nordlicht.example/role": "vendor",
                "https://nordlicht.example/vendor": "ATELIER",
            },
            "VENDOR",
        ),
        ({}, None),
    ],
    "Keycloak": [
        ({"role": "buyer"}, "CUSTOMER"),
        ({"role": "seller", "vendor": "ATELIER"}, "VENDOR"),
        ({"role": "support"}, "STAFF"),
        ({"role": ["buyer"]}, None),
        ({"role": "admin"}, None),
        ({}, None),
    ],
    "Supabase": [
        ({}, "CUSTOMER"),
        ({"role": "anon"}, None),
        ({"role": "service_role"}, None),
    ],
}


def _public(key, algorithm, **said):
    return json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())) | said


KEYS = {
    "keys": [
        # A key that signs nothing, as Keycloak publishes one, too.
        _public(RSA, "RS256", kid="2", use="enc", alg="RSA-OAEP"),
        _public(RSA, "RS256", kid="rs", use="sig", alg="RS256", x5t="aGFzaA"),
        _public(EC, "ES256", kid="es", use="sig", alg="ES256", key_ops=["verify"], ext=True),
    ]
}


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: tokens need none."""
    return sqlite_database


@pytest.fixture
def keys_url():
    """The URL of the provider's keys."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            octets = json.dumps(KEYS).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()
    server.server_close()


@pytest.fixture
def installed(database, keys_url):
    """An installation with the documented configuration for a provider, but with its keys here."""

    def make(provider):
        section = DOCUMENT.partition(f"**{provider}.**")[2]
        block = re.search(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)[1]
        given = dict(line.split("=", 1) for line in block.splitlines())
        own = {"CANDOR_DATABASE_URL": database, "CANDOR_JWKS_URL": keys_url}
        return create_app(from_environment(given | own))

    return make


async def role(application, token):
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://candor.test") as client:
        answer = await client.post(
            "/graphql",
            json={"query": "{ viewer { role externalId } }"},
            headers={"Authorization": f"Bearer {token}"},
        )
    if answer.status_code == 401:
        return None
    return answer.json()["data"]["viewer"]


def signed(provider, claims):
    key, algorithm, kid = (EC, "ES256", "es") if provider == "Supabase" else (RSA, "RS256", "rs")
    now = int(datetime.now(UTC).timestamp())  # the suite may have run for long before
    given = CLAIMS[provider] | {"iat": now, "exp": now + 300} | claims
    return jwt.encode(given, key, algorithm, headers={"kid": kid})


@pytest.mark.parametrize("provider", CLAIMS)
async def test_a_token_of_the_provider_is_accepted_as_documented(app, installed, provider):
    application = installed(provider)

    for claims, expected in SET_UP[provider]:
        viewer = await role(application, signed(provider, claims))
        sub = CLAIMS[provider]["sub"]
        assert viewer == (expected and {"role": expected, "externalId": sub}), claims


@pytest.mark.parametrize("provider", CLAIMS)
@pytest.mark.parametrize(
    "claims", [{"aud": "another"}, {"iss": "https://other.example"}, {"exp": NOW - 60}], ids=str
)
async def test_a_token_for_another_application_is_not(app, installed, provider, claims):
    given, _ = SET_UP[provider][0]

    assert await role(installed(provider), signed(provider, given | claims)) is None
