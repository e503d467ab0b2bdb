"""Good tokens of three algorithms, and every kind of bad one."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from candor.callers import tokens
from candor.callers.tokens import BadToken, TokenVerifier, new_key, sign
from candor.settings import Settings
from models import ApiKey, clock
from resolvers.viewer import Role

ISSUER, AUDIENCE = "https://shop.example", "candor"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
QUERY = "{ viewer { role externalId displayName vendor { displayName } } }"


def _jwk(key, kid, algorithm):
    jwk = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    return jwk | {"kid": kid, "use": "sig", "alg": algorithm}


@pytest.fixture
def settings(settings, tmp_path) -> Settings:
    """An installation that also takes the marketplace's own tokens."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [_jwk(RSA, "rsa", "RS256"), _jwk(EC, "ec", "ES256")]}))
    return replace(settings, jwks_file=path, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)


def claims(**changes):
    now = datetime.now(UTC)
    return {
        "sub": "MARIA",
        "role": "customer",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": now + timedelta(minutes=5),
    } | changes


@pytest.fixture
def answer(client):
    async def answer(authorization):
        headers = {"Authorization": authorization}
        return await client.post("/graphql", json={"query": QUERY}, headers=headers)

    return answer


def _public_pem():
    return RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _raw(header, payload, signature=b""):
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _signed_with_the_public_key():
    payload = claims(exp=int(datetime.now(UTC).timestamp()) + 300)
    unsigned = _raw({"alg": "HS256", "kid": "rsa", "typ": "JWT"}, payload).rstrip(".")
    mac = hmac.new(_public_pem(), unsigned.encode(), hashlib.sha256).digest()
    return unsigned + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


@pytest.mark.parametrize(("algorithm", "kid"), [("HS256", None), ("RS256", "rsa"), ("ES256", "ec")])
async def test_a_good_token_of_each_algorithm_is_accepted(answer, settings, algorithm, kid):
    key = {"HS256": settings.secret, "RS256": RSA, "ES256": EC}[algorithm]
    token = jwt.encode(claims(name="Maria Souza"), key, algorithm, headers={"kid": kid} if kid else None)  # fmt: skip

    response = await answer(f"Bearer {token}")

    assert response.status_code == 200
    assert response.json()["data"]["viewer"] == {
        "role": "CUSTOMER",
        "externalId": "MARIA",
        "displayName": "Maria Souza",
        "vendor": None,
    }


async def test_our_own_tokens_carry_the_issuer_and_audience(answer, settings):
    token = sign(settings, {"sub": "ADA", "role": "ADMIN"}, timedelta(minutes=1))

    viewer = (await answer(f"bearer {token}")).json()["data"]["viewer"]

    assert (viewer["role"], viewer["externalId"]) == ("ADMIN", "ADA")


def _bad_tokens(secret):
    soon = int(datetime.now(UTC).timestamp()) + 300
    payload = claims(exp=soon)

    def hs(**changes):
        return jwt.encode(claims(**changes), secret, "HS256")

    def without(name):
        return jwt.encode({k: v for k, v in claims().items() if k != name}, secret, "HS256")

    past = datetime.now(UTC) - timedelta(minutes=2)
    return {
        "unsigned": _raw({"alg": "none", "typ": "JWT"}, payload),
        "unsigned, spelled otherwise": _raw({"alg": "NoNe"}, payload),
        "no algorithm": _raw({"typ": "JWT"}, payload),
        "a list of algorithms": _raw({"alg": ["HS256"]}, payload),
        "an object as algorithm": _raw({"alg": {}}, payload),
        "HS512": _raw({"alg": "HS512"}, payload, b"x" * 64),
        "the public key as secret": _signed_with_the_public_key(),
        "another secret": jwt.encode(claims(), "x" * 40, "HS256"),
        "an empty secret": _raw({"alg": "HS256"}, payload),
        "a strange RSA key": jwt.encode(claims(), STRANGER, "RS256", headers={"kid": "rsa"}),
        "an unknown key": jwt.encode(claims(), RSA, "RS256", headers={"kid": "other"}),
        "no key id": jwt.encode(claims(), RSA, "RS256"),
        "ES256 with the id of the RSA key": jwt.encode(claims(), EC, "ES256", headers={"kid": "rsa"}),
        "RS256 with the id of the EC key": jwt.encode(claims(), RSA, "RS256", headers={"kid": "ec"}),
        "a key id that is a number": _raw({"alg": "RS256", "kid": 7}, payload),
        "expired": hs(exp=past),
        "not yet": hs(nbf=datetime.now(UTC) + timedelta(hours=1)),
        "another audience": hs(aud="another"),
        "no audience": without("aud"),
        "another issuer": hs(iss="https://evil.example"),
        "no issuer": without("iss"),
        "no expiry": without("exp"),
        "an endless expiry": hs(exp=float("inf")),
        "an expiry in words": hs(exp="tomorrow"),
        "no subject": without("sub"),
        "a number as subject": _raw({"alg": "HS256"}, payload | {"sub": 7}),
        "an empty subject": hs(sub=""),
        "NUL in the subject": hs(sub="MA\x00RIA"),
        "no role": without("role"),
        "an unknown role": hs(role="guest"),
        "a role that is a list": hs(role=["admin"]),
        "a vendor without a vendor": hs(role="vendor"),
        "a customer with a vendor": hs(vendor="NINA"),
        "garbage": "garbage",
        "dots": "..",
        "three words": "a.b.c",
        "a deep header": base64.urlsafe_b64encode(b"[" * 30_000).decode() + ".e30.x",
        "a deep payload": jwt.api_jws.encode(b"[" * 30_000, secret, "HS256"),
        "a payload that is a list": jwt.api_jws.encode(b"[]", secret, "HS256"),
        "an unknown key of ours": "candor_" + "x" * 43,
        "an empty key of ours": "candor_",
    }  # fmt: skip


async def test_every_bad_token_is_401_and_never_counts_as_no_token(answer, settings):
    found = {
        name: await answer(f"Bearer {token}")
        for name, token in _bad_tokens(settings.secret).items()
    }

    codes = {
        name: (response.status_code, response.json()["errors"][0]["extensions"]["code"])
        for name, response in found.items()
    }
    assert codes == dict.fromkeys(found, (401, "UNAUTHENTICATED"))
    assert all("data" not in response.json() for response in found.values())
    assert all(response.headers["www-authenticate"] == "Bearer" for response in found.values())


@pytest.mark.parametrize(
    "authorization",
    ["Basic YTpi", "Bearer", "Bearer ", "Token x", "x", "Bearer a b", b"Bearer \xff"],
)
async def test_another_scheme_is_401(answer, authorization):
    response = await answer(authorization)

    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_vendors_token_names_the_vendor(answer, settings, feed):
    await feed()
    token = sign(settings, {"sub": "NINA-2", "role": "vendor", "vendor": "NINA"}, timedelta(1))

    viewer = (await answer(f"Bearer {token}")).json()["data"]["viewer"]

    assert viewer["role"] == "VENDOR"
    assert viewer["vendor"] == {"displayName": "Nina"}


async def test_a_key_works_until_it_is_revoked_and_its_hash_is_no_key(answer, settings):
    key, digest = new_key()
    row = await ApiKey.create(
        name="back end", digest=digest, scopes="", created_at=datetime.now(UTC)
    )

    before = await answer(f"Bearer {key}")
    by_hash = await answer(f"Bearer candor_{digest}")
    row.revoked_at = datetime.now(UTC)
    await row.save()
    after = await answer(f"Bearer {key}")

    assert before.json()["data"]["viewer"] == {
        "role": "INTEGRATION",
        "externalId": "back end",
        "displayName": None,
        "vendor": None,
    }
    assert (by_hash.status_code, after.status_code) == (401, 401)


async def test_without_a_secret_a_token_signed_with_an_empty_one_is_refused(database):
    settings = Settings(database_url=database, secret="")
    header, payload = {"alg": "HS256"}, claims(role="admin", exp=2**33)
    unsigned = _raw(header, payload).rstrip(".")
    mac = hmac.new(b"", unsigned.encode(), hashlib.sha256).digest()
    token = unsigned + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    with pytest.raises(BadToken):
        await TokenVerifier(settings).viewer(f"Bearer {token}")


async def test_a_token_is_checked_once_a_minute(answer, settings, monkeypatch, at):
    lifetime = timedelta(minutes=5)
    signed = {name: sign(settings, {"sub": name, "role": "customer"}, lifetime) for name in "AB"}
    checked = []
    decode = jwt.decode

    def check(token, *args, **kwargs):
        checked.append(token)
        return decode(token, *args, **kwargs)

    monkeypatch.setattr(jwt, "decode", check)
    now = clock.now()
    for seconds in (0, 1, 59, 61):
        at(now + timedelta(seconds=seconds))
        for name, token in signed.items():
            viewer = (await answer(f"Bearer {token}")).json()["data"]["viewer"]
            assert viewer["externalId"] == name

    assert checked == list(signed.values()) * 2


async def test_a_cached_token_expires_when_it_says(answer, settings, monkeypatch, at):
    token = sign(settings, {"sub": "MARIA", "role": "customer"}, timedelta(seconds=20))
    assert (await answer(f"Bearer {token}")).status_code == 200
    monkeypatch.setattr(jwt, "decode", _expired)
    assert (await answer(f"Bearer {token}")).status_code == 200
    at(clock.now() + timedelta(seconds=21))

    assert (await answer(f"Bearer {token}")).status_code == 401


def _expired(*_args, **_kwargs):
    raise jwt.ExpiredSignatureError


async def test_cached_tokens_do_not_fill_the_memory(settings, monkeypatch):
    monkeypatch.setattr(tokens, "MAX_CACHED", 10)
    verifier = TokenVerifier(settings)
    for number in range(25):
        token = sign(settings, {"sub": f"C{number}", "role": "customer"}, timedelta(hours=1))
        assert (await verifier.viewer(f"Bearer {token}")).external_id == f"C{number}"
    long = sign(settings, {"sub": "X", "role": "customer", "more": "x" * 4_000}, timedelta(hours=1))
    await verifier.viewer(f"Bearer {long}")

    assert len(verifier._cache) == 5


async def test_nobody_is_anonymous(client):
    response = await client.post("/graphql", json={"query": "{ viewer { role externalId } }"})

    assert response.json()["data"] == {"viewer": {"role": "ANONYMOUS", "externalId": None}}


def test_every_role_of_a_token_is_a_role():
    assert {Role.CUSTOMER, Role.VENDOR, Role.STAFF, Role.ADMIN} < set(Role)
