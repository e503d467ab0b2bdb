import asyncio
from dataclasses import replace

import pytest
from aiosmtpd.smtp import AuthResult

from mailers.configuration import MailConfig
from mailers.smtp.transport import open_link
from mailers.smtp.verdict import Outcome, RelayFailure

RAW = (
    b"From: a@nordlicht.example\r\nMessage-ID: <1@x>\r\nSubject: x\r\n\r\nhello\r\n.\r\n..dots\r\n"
)
SENT, RETRY, DEAD = Outcome.SENT, Outcome.RETRY, Outcome.DEAD
RELAY_FAILED, UNANSWERED = Outcome.RELAY_FAILED, Outcome.UNANSWERED
FENCED = Outcome.FENCED
OUTAGE, THROTTLED, REFUSED = RelayFailure.OUTAGE, RelayFailure.THROTTLED, RelayFailure.REFUSED


async def _yes():
    return True


async def _no():
    return False


@pytest.fixture
async def send(config):
    """Send a mail through a link to this URL `times` times; returns the verdicts."""

    async def make(url, *, to="b@x.example", times=1, gate=_yes):
        link = open_link(replace(config, smtp_url=url))
        try:
            sender = "no-reply@nordlicht.example"
            return [await link.send(sender=sender, to=to, raw=RAW, gate=gate) for _ in range(times)]
        finally:
            await link.close()

    return make


# What the server does, and the verdict: outcome, code, no such mailbox, hint in seconds, failure.
RESPONSES = {
    "accepted": ({}, (SENT, 250, False, None, OUTAGE)),
    "421 at MAIL": ({"mail": "421 4.7.0 slow down"}, (RELAY_FAILED, 421, False, None, OUTAGE)),
    "421 at RCPT": (
        {"rcpt": "421 4.7.0 slow down, try again in 2 minutes"},
        (RELAY_FAILED, 421, False, 120, OUTAGE),
    ),
    "421 after the dot": ({"data": "421 4.3.2 closing"}, (RELAY_FAILED, 421, False, None, OUTAGE)),
    "454 throttling at MAIL": (
        {"mail": "454 Throttling failure: Maximum sending rate exceeded"},
        (RELAY_FAILED, 454, False, None, THROTTLED),
    ),
    "454 throttling after the dot": (
        {"data": "454 4.7.0 Throttling, retry in 90 seconds"},
        (RELAY_FAILED, 454, False, 90, THROTTLED),
    ),
    "4xx at MAIL": ({"mail": "451 4.3.0 temporary"}, (RELAY_FAILED, 451, False, None, OUTAGE)),
    "553 at MAIL: our sender": (
        {"mail": "553 5.1.8 sender refused"},
        (RELAY_FAILED, 553, False, None, REFUSED),
    ),
    "530 at MAIL: our credentials": (
        {"mail": "530 5.7.0 authentication required"},
        (RELAY_FAILED, 530, False, None, REFUSED),
    ),
    "450 greylisting": (
        {"rcpt": "450 4.2.0 Greylisted, please try again in 300 seconds"},
        (RETRY, 450, False, 300, OUTAGE),
    ),
    "451 after the dot": ({"data": "451 4.3.0 try later"}, (RETRY, 451, False, None, OUTAGE)),
    "550 5.1.1 no such user": ({"rcpt": "550 5.1.1 no such user"}, (DEAD, 550, True, None, OUTAGE)),
    "550 5.1.10 null MX": (
        {"rcpt": "550 5.1.10 recipient not found"},
        (DEAD, 550, True, None, OUTAGE),
    ),
    "550 with words for a missing mailbox": (
        {"rcpt": "550 User unknown"},
        (DEAD, 550, True, None, OUTAGE),
    ),
    "550 with other words": ({"rcpt": "550 rejected"}, (DEAD, 550, False, None, OUTAGE)),
    "5.1.1 after the dot says nothing about the mailbox": (
        {"data": "550 5.1.1 no such user"},
        (DEAD, 550, False, None, OUTAGE),
    ),
    "554 5.7.1 relaying denied": (
        {"rcpt": "554 5.7.1 relay access denied"},
        (DEAD, 554, False, None, OUTAGE),
    ),
    "550 5.7.515 we are not authenticated": (
        {"data": "550 5.7.515 Access denied, sending domain does not meet the required level"},
        (DEAD, 550, False, None, OUTAGE),
    ),
    "552 5.3.4 too big": ({"data": "552 5.3.4 message too big"}, (DEAD, 552, False, None, OUTAGE)),
    "550 5.6.0 content": ({"data": "550 5.6.0 bad content"}, (DEAD, 550, False, None, OUTAGE)),
    "452 4.2.2 mailbox full": (
        {"rcpt": "452 4.2.2 mailbox full"},
        (RETRY, 452, False, None, OUTAGE),
    ),
    "552 5.2.2 mailbox full": (
        {"rcpt": "552 5.2.2 mailbox full"},
        (RETRY, 552, False, None, OUTAGE),
    ),
    "dropped at RCPT": ({"rcpt": "drop"}, (RELAY_FAILED, None, False, None, OUTAGE)),
    "dropped after the dot": ({"data": "drop"}, (UNANSWERED, None, False, None, OUTAGE)),
    "answered too late after the dot": ({"data": 1.6}, (UNANSWERED, None, False, None, OUTAGE)),
    "answered too late at RCPT": ({"rcpt": 1.6}, (RELAY_FAILED, None, False, None, OUTAGE)),
    "550, and then RSET stalls": (
        {"rcpt": "550 5.1.1 no such user", "rset": 3.0},
        (DEAD, 550, True, None, OUTAGE),
    ),
}


@pytest.mark.parametrize("case", RESPONSES)
async def test_the_verdict_on_a_response(case, inbox, serve, send):
    inbox.plan, expected = RESPONSES[case]
    port = await serve(inbox)

    [verdict] = await send(f"smtp://127.0.0.1:{port}")

    result = (
        verdict.outcome,
        verdict.code,
        verdict.no_such_mailbox,
        verdict.retry_after,
        verdict.failure,
    )
    assert result == expected
    assert verdict.until_expiry == ("mailbox full" in case)
    assert inbox.got("b@x.example") == (verdict.outcome is SENT)


def answers(*, data=b"354 go\r\n", dot=b"250 ok\r\n", then=None):
    """A server that accepts everything, except with the given responses."""

    async def script(reader, writer):
        writer.write(b"220 x ESMTP\r\n")
        in_data = False
        while line := await reader.readline():
            if in_data:
                if line == b".\r\n":
                    in_data = False
                    writer.write(dot)
                    if then:
                        await writer.drain()
                        await then(writer)
                        return
            elif line.upper().startswith(b"DATA"):
                if data is None:
                    writer.transport.abort()
                    return
                writer.write(data)
                in_data = data.startswith(b"354")
            else:
                writer.write(b"250 ok\r\n")

    return script


def greets(banner, *, wait=0.0):
    async def script(reader, writer):
        await asyncio.sleep(wait)
        writer.write(banner)
        await writer.drain()
        await asyncio.sleep(0.05)

    return script


async def drips(reader, writer):
    for octet in b"220 slow relay ESMTP\r\n":
        writer.write(bytes([octet]))
        await writer.drain()
        await asyncio.sleep(0.2)


async def floods(reader, writer):
    writer.write(b"220-" + b"x" * 600 + b"\r\n")
    while not writer.is_closing():
        writer.write(b"220-" + b"y" * 100_000 + b"\r\n")
        await writer.drain()


async def _hang(_writer):
    await asyncio.sleep(3)


SCRIPTS = {
    "dropped on DATA": (answers(data=None), UNANSWERED),
    "DATA answered by 250 instead of 354": (answers(data=b"250 ok\r\n"), RELAY_FAILED),
    "DATA refused": (answers(data=b"550 5.7.1 no\r\n"), DEAD),
    "garbage after the dot": (answers(dot=b"oops\r\n"), UNANSWERED),
    "251 after the dot": (answers(dot=b"251 will forward\r\n"), UNANSWERED),
    "half a response after the dot": (answers(dot=b"250-half\r\n", then=_hang), UNANSWERED),
    "421 as the banner": (greets(b"421 4.3.2 too many connections\r\n"), RELAY_FAILED),
    "554 as the banner: a blocked address": (greets(b"554 5.7.1 blocked\r\n"), RELAY_FAILED),
    "no SMTP server": (greets(b"HTTP/1.1 400 Bad Request\r\n\r\n"), RELAY_FAILED),
    "no banner": (greets(b"", wait=2), RELAY_FAILED),
    "a banner that drips": (drips, RELAY_FAILED),
    "a banner without end": (floods, RELAY_FAILED),
}


@pytest.mark.parametrize("case", SCRIPTS)
async def test_the_verdict_on_a_strange_server(case, serve_script, send):
    script, expected = SCRIPTS[case]
    port = await serve_script(script)

    [verdict] = await send(f"smtp://127.0.0.1:{port}")

    assert verdict.outcome is expected


def pipelines(received, *, mail=b"250 ok\r\n", rcpt=b"250 ok\r\n"):
    """A server with PIPELINING that records which commands arrive together."""
    responses = {b"MAIL": mail, b"RCPT": rcpt, b"DATA": b"354 go\r\n"}

    async def script(reader, writer):
        writer.write(b"220 x ESMTP\r\n")
        while octets := await reader.read(65_536):
            commands = [line[:4] for line in octets.split(b"\r\n") if line]
            received.append(commands)
            if commands == [b"EHLO"]:
                writer.write(b"250-x\r\n250-SIZE 9999999\r\n250 PIPELINING\r\n")
            elif octets.endswith(b"\r\n.\r\n"):
                writer.write(b"250 2.0.0 queued\r\n")
            else:
                for command in commands:
                    for octet in responses.get(command, b"250 ok\r\n"):
                        writer.write(bytes([octet]))
                if b"abort" in mail + rcpt:
                    await writer.drain()
                    return

    return script


PIPELINED = {
    "accepted": ({}, (SENT, 250)),
    "our sender is refused": (
        {"mail": b"553 5.1.8 no\r\n", "rcpt": b"503 5.5.1 no MAIL\r\n"},
        (RELAY_FAILED, 553),
    ),
    "the recipient is refused": ({"rcpt": b"550-5.1.1 no\r\n550 5.1.1 user\r\n"}, (DEAD, 550)),
    "a temporary refusal of the recipient": ({"rcpt": b"450 4.2.0 later\r\n"}, (RETRY, 450)),
    "disconnected after the first response": ({"rcpt": b"abort"}, (RELAY_FAILED, None)),
    "421 and disconnected": ({"mail": b"421 4.3.2 abort\r\n", "rcpt": b""}, (RELAY_FAILED, 421)),
}


@pytest.mark.parametrize("case", PIPELINED)
async def test_commands_are_pipelined_if_the_server_allows_it(case, serve_script, send):
    responses, expected = PIPELINED[case]
    received = []
    port = await serve_script(pipelines(received, **responses))

    [verdict] = await send(f"smtp://127.0.0.1:{port}")

    assert (verdict.outcome, verdict.code) == expected
    assert received[1] == [b"MAIL", b"RCPT"]
    assert ([b"DATA"] in received) == (verdict.outcome is SENT)


@pytest.mark.parametrize(
    "to", ["a b@x.example", "a@x.example> SIZE=1", "a@x\r\nRCPT TO:<b@x", "é@x"]
)
async def test_an_address_that_would_end_a_command_is_never_sent(to, inbox, serve, send):
    port = await serve(inbox)

    [verdict] = await send(f"smtp://127.0.0.1:{port}", to=to)

    assert verdict.outcome is DEAD
    assert inbox.connections == 0


@pytest.mark.parametrize("address", ["smtp://127.0.0.1:1", "smtp://nowhere.invalid:25?tls=none"])
async def test_an_unreachable_relay_is_an_outage(address, send):
    [verdict] = await send(address)

    assert (verdict.outcome, verdict.failure) == (RELAY_FAILED, OUTAGE)


async def test_a_connection_is_used_again_and_replaced_when_the_server_closed_it(
    serve_script, send
):
    async def close(writer):
        await asyncio.sleep(0.02)
        writer.write(b"421 4.4.2 idle\r\n")
        await writer.drain()

    port = await serve_script(answers(then=close))

    verdicts = await send(f"smtp://127.0.0.1:{port}", times=4)

    assert [verdict.outcome for verdict in verdicts] == [SENT] * 4


async def test_one_connection_carries_many_mails(inbox, serve, send):
    port = await serve(inbox)

    await send(f"smtp://127.0.0.1:{port}", times=120)

    assert len(inbox.mails) == 120
    assert inbox.connections == 2  # the first hundred, and the rest
    assert inbox.mails[0][1] == RAW


async def test_nothing_is_sent_when_the_gate_says_no_and_the_connection_stays_good(
    inbox, serve, send
):
    port = await serve(inbox)
    results = iter([_no(), _yes()])

    verdicts = await send(f"smtp://127.0.0.1:{port}", times=2, gate=lambda: next(results))

    assert [verdict.outcome for verdict in verdicts] == [FENCED, SENT]
    assert inbox.got("b@x.example") == 1


async def test_an_error_of_the_gate_is_raised(inbox, serve, send):
    async def broken():
        raise ConnectionError("the database is gone")

    port = await serve(inbox)

    with pytest.raises(ConnectionError, match="the database is gone"):
        await send(f"smtp://127.0.0.1:{port}", gate=broken)
    assert inbox.mails == []


async def test_the_link_still_works_after_an_error_of_the_gate(inbox, serve, config):
    async def broken():
        raise ConnectionError("the database is gone")

    link = open_link(replace(config, smtp_url=f"smtp://127.0.0.1:{await serve(inbox)}"))
    mail = {"sender": "a@nordlicht.example", "to": "b@x.example", "raw": RAW}

    with pytest.raises(ConnectionError):
        await link.send(**mail, gate=broken)
    verdict = await link.send(**mail, gate=_yes)
    await link.close()

    assert verdict.outcome is SENT
    assert inbox.got("b@x.example") == 1


async def test_a_server_that_disconnects_during_the_gate_has_no_mail(serve_script, send):
    async def script(reader, writer):
        writer.write(b"220 x ESMTP\r\n")
        while line := await reader.readline():
            writer.write(b"250 ok\r\n")
            if line.startswith(b"RCPT"):
                await writer.drain()
                return

    async def slow():
        await asyncio.sleep(0.1)
        return True

    port = await serve_script(script)

    [verdict] = await send(f"smtp://127.0.0.1:{port}", gate=slow)

    assert verdict.outcome is RELAY_FAILED


def _authenticator(_server, _session, _envelope, _mechanism, data):
    is_valid = data.login == b"us@er" and data.password == b"p:/w"
    return AuthResult(success=is_valid, handled=is_valid)


CREDENTIALS = "us%40er:p%3A%2Fw"


async def test_starttls_with_a_checked_certificate_and_credentials(
    certificates, inbox, serve, send
):
    authority, contexts = certificates
    port = await serve(
        inbox, tls_context=contexts["good"], authenticator=_authenticator, auth_required=True
    )

    [good] = await send(f"smtp://{CREDENTIALS}@127.0.0.1:{port}?ca={authority}")
    [wrong] = await send(f"smtp://us%40er:wrong@127.0.0.1:{port}?ca={authority}")
    [no_authority] = await send(f"smtp://{CREDENTIALS}@127.0.0.1:{port}")

    assert good.outcome is SENT
    assert (wrong.outcome, wrong.failure, wrong.code) == (RELAY_FAILED, REFUSED, 535)
    assert (no_authority.outcome, no_authority.failure) == (RELAY_FAILED, REFUSED)
    assert len(inbox.mails) == 1


@pytest.mark.parametrize("name", ["expired", "other"])
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_wrong_certificate_is_refused(name, scheme, *, certificates, inbox, serve, send):
    authority, contexts = certificates
    if scheme == "smtps":
        port = await serve(inbox, tls=contexts[name])
    else:
        port = await serve(inbox, tls_context=contexts[name])

    [verdict] = await send(f"{scheme}://{CREDENTIALS}@127.0.0.1:{port}?ca={authority}")

    assert (verdict.outcome, verdict.failure) == (RELAY_FAILED, REFUSED)
    assert inbox.mails == []


async def test_smtps_is_encrypted_from_the_start(certificates, inbox, serve, send):
    authority, contexts = certificates
    port = await serve(inbox, tls=contexts["good"])

    [good] = await send(f"smtps://127.0.0.1:{port}?ca={authority}")

    assert good.outcome is SENT


async def test_credentials_are_never_sent_in_the_clear(inbox, serve, send):
    port = await serve(inbox, authenticator=_authenticator, auth_require_tls=False)

    [verdict] = await send(f"smtp://{CREDENTIALS}@127.0.0.1:{port}")

    assert (verdict.outcome, verdict.failure) == (RELAY_FAILED, REFUSED)
    assert inbox.mails == []


REFUSALS = {
    "smtp://": "no host",
    "smtp://user@relay.example": "both a user and a password",
    "smtp://u:p@relay.example?tls=none": "not sent without encryption",
    "smtps://relay.example?tls=none": "always encrypted",
    "smtp://relay.example:99999": "port",
    "smtp://relay.example?starttls=no": "unknown option: starttls",
    "smtp://relay.example?tls=maybe": "can only be none",
    "smtp://u:pa/ss@relay.example": "port|path",
    "http://relay.example": "must begin with",
    "relay.example": "must begin with",
    "": "must begin with",
}


@pytest.mark.parametrize("url", REFUSALS)
def test_a_wrong_url_is_refused_with_a_reason(url):
    with pytest.raises(ValueError, match=REFUSALS[url]):
        open_link(MailConfig(secret="x", smtp_url=url))


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "no-reply",
        "Shop <a@b.example",
        "Shop\r\nBcc: x <a@b.example>",
        "a@b.example, c@d.example",
    ],
)
def test_a_wrong_sender_is_refused(sender):
    with pytest.raises(ValueError, match="must read"):
        open_link(MailConfig(secret="x", smtp_url="smtp://localhost", mail_from=sender))


async def test_console_and_file_need_no_server(capsys, folder, send):
    [printed] = await send("console:")
    [written] = await send(f"file:{folder}")

    assert (printed.outcome, written.outcome) == (SENT, SENT)
    assert "Subject: x" in capsys.readouterr().out
