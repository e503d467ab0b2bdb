"""X-Forwarded headers count only if they come from proxies that the operator trusts."""

import json
from ipaddress import ip_network

import pytest

from candor.server.proxies import Proxies
from candor.settings import BadSettings, Settings, from_environment
from tests.candor.real_server import RealServer, start

STRANGER = "127.0.0.2"
MARIA, CARL = "203.0.113.7", "203.0.113.8"
TOO_MUCH = b"HTTP/1.1 429 "


@pytest.fixture
def database(sqlite_database) -> str:
    """Nothing is stored here."""
    return sqlite_database


@pytest.fixture
async def run(database, tmp_path):
    """A server whose callers have a small budget."""
    servers: list[RealServer] = []

    async def make(*options, **variables) -> RealServer:
        given = {"GRACE": 1, "MAIL_WORKER": "off", "RATE_LIMITS": "on", "BUDGET": 20}
        server = await start(database, *options, folder=tmp_path, **(given | variables))
        servers.append(server)
        return await server.ready()

    yield make
    for server in servers:
        await server.kill()


async def asked(server, forwarded="", source="127.0.0.1", **headers):
    """The answer to a request from this address."""
    if forwarded:
        headers["X_Forwarded_For"] = forwarded
    client = await server.ask(source=source, Connection="close", **headers)
    return await client.end()


async def spent(server, forwarded="", source="127.0.0.1"):
    """Use up the budget of this caller."""
    for _ in range(60):
        if (await asked(server, forwarded, source)).startswith(TOO_MUCH):
            return
    pytest.fail("nobody's budget was used up")


async def is_spent(server, forwarded="", source="127.0.0.1"):
    return (await asked(server, forwarded, source)).startswith(TOO_MUCH)


async def test_this_machine_alone_is_trusted_unless_others_are_named(run):
    server = await run()
    await spent(server, MARIA)

    assert not await is_spent(server, CARL)
    await spent(server, MARIA, STRANGER)
    assert await is_spent(server, CARL, STRANGER)
    assert await is_spent(server, source=STRANGER)


async def test_proxies_are_named_by_address_and_by_network(run):
    server = await run(TRUSTED_PROXIES="192.0.2.1, 127.0.0.2/31")
    await spent(server, MARIA, STRANGER)

    assert not await is_spent(server, CARL, STRANGER)
    assert await is_spent(server, MARIA, "127.0.0.3")
    # An address that is no longer named is no longer trusted.
    await spent(server, MARIA)
    assert await is_spent(server, CARL)


async def test_the_variable_of_uvicorn_has_no_effect_and_is_reported(run, capfd):
    server = await run(environment={"FORWARDED_ALLOW_IPS": "*"})
    await spent(server, MARIA, STRANGER)

    assert await is_spent(server, CARL, STRANGER)
    assert "FORWARDED_ALLOW_IPS is not heeded" in capfd.readouterr().err


async def test_an_address_that_a_client_invents_is_not_believed(run):
    server = await run()
    await spent(server, f"198.51.100.1, {MARIA}")

    assert await is_spent(server, f"198.51.100.2, {MARIA}")
    assert await is_spent(server, f"127.0.0.1, {MARIA}")
    assert not await is_spent(server, f"{MARIA}, {CARL}")


async def test_a_chain_of_proxies_is_followed_to_the_first_that_is_not_trusted(run):
    server = await run(TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8,2001:db8:1::/48")
    await spent(server, f"{MARIA}, 10.1.2.3, 2001:db8:1::5")

    assert await is_spent(server, f"1.2.3.4, {MARIA}:4711,10.9.9.9")
    assert await is_spent(server, f"{MARIA}, ::ffff:10.0.0.1")
    assert not await is_spent(server, f"{MARIA}, 11.0.0.1, 10.1.2.3")


async def test_a_household_of_ipv6_has_one_budget_however_it_is_written(run):
    server = await run()
    await spent(server, "2001:db8:7::1")

    assert await is_spent(server, "[2001:DB8:7:0::2]:4711")
    assert not await is_spent(server, "2001:db8:8::1")


async def test_a_forwarded_text_that_is_no_address_is_ignored(run):
    server = await run()
    await spent(server, "unknown")

    assert await is_spent(server, "_hidden")
    assert await is_spent(server, f"{MARIA}, unknown")
    assert not await is_spent(server, MARIA)


async def test_a_socket_has_the_address_that_its_proxy_names(run):
    server = await run()
    await spent(server, MARIA)

    answers = {}
    for name in (MARIA, CARL):
        socket = await server.websocket(X_Forwarded_For=name, X_Forwarded_Proto="wss")
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        payload = {"query": "{ viewer { role } }"}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        answers[name] = json.loads(await socket.recv())

    assert answers[MARIA]["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert answers[CARL]["payload"]["data"] == {"viewer": {"role": "ANONYMOUS"}}


async def test_each_request_on_a_proxys_connection_has_its_own_address(run):
    server = await run()
    await spent(server, MARIA)
    client = await server.ask(X_Forwarded_For=CARL)

    assert b" 200 OK" in await client.until(b"ANONYMOUS")
    await client.say(_get("/healthz/", X_Forwarded_For=MARIA))
    await client.until(b"location: http://candor.test/healthz")
    client.got = b""
    await client.say(_get("/healthz", X_Forwarded_For=MARIA))
    assert b" 200 OK" in await client.until(b" 200 OK")


async def test_a_redirect_keeps_the_scheme_of_a_trusted_proxy(run):
    server = await run()
    places = {}
    for source, scheme in (("127.0.0.1", "https"), ("127.0.0.1", "file"), (STRANGER, "https")):
        client = await server.connect(source)
        await client.say(_get("/healthz/", X_Forwarded_Proto=scheme, Connection="close"))
        answer = (await client.end()).decode().lower()
        places[source, scheme] = answer.partition("location: ")[2].partition("\r\n")[0]

    assert places == {
        ("127.0.0.1", "https"): "https://candor.test/healthz",
        ("127.0.0.1", "file"): "http://candor.test/healthz",
        (STRANGER, "https"): "http://candor.test/healthz",
    }


async def test_an_untrusted_proxy_is_reported_once(run, capfd):
    server = await run()
    await asked(server, source=STRANGER)
    await asked(server, MARIA)
    before = capfd.readouterr().err
    for number in range(3):
        await asked(server, f"203.0.113.{number}", STRANGER)

    told = capfd.readouterr().err
    assert "CANDOR_TRUSTED_PROXIES" not in before
    assert told.count("X-Forwarded-For of 127.0.0.2 does not count.") == 1
    assert told.count("CANDOR_TRUSTED_PROXIES") == 1


async def test_every_process_of_several_trusts_the_same(run):
    server = await run("--workers", "2", TRUSTED_PROXIES=STRANGER, MAX_CONNECTIONS_PER_ADDRESS=1)
    for number in range(8):
        client = await server.ask(source=STRANGER, X_Forwarded_For=f"203.0.113.{number}")
        assert b" 200 OK" in await client.until(b"ANONYMOUS")


def test_a_client_of_a_listener_for_ipv6_is_known_by_its_ipv4_address():
    proxies = Proxies([ip_network("127.0.0.1")])

    assert proxies.trusts("::ffff:127.0.0.1")
    assert not proxies.trusts("::ffff:127.0.0.2")
    assert not proxies.trusts("/run/candor.sock")
    assert not proxies.trusts("1" * 100_000)


@pytest.mark.parametrize(
    "value", ["*", "nginx", "10.0.0.1/8", "0.0.0.0/0", "::/0", "127.0.0.1 10.0.0.1", ","]
)
def test_a_value_that_names_no_proxy_is_refused(value):
    with pytest.raises(BadSettings, match="CANDOR_TRUSTED_PROXIES holds addresses and networks"):
        from_environment({"CANDOR_SECRET": "x" * 32, "CANDOR_TRUSTED_PROXIES": value})


def test_the_default_is_this_machine():
    given = from_environment({"CANDOR_SECRET": "x" * 32, "CANDOR_TRUSTED_PROXIES": ""})

    assert given.trusted_proxies == Settings().trusted_proxies == (ip_network("127.0.0.1"),)


def _get(path, **headers):
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: candor.test\r\n{named}\r\n".encode()
