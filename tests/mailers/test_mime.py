import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailers.plain_text import one_line
from mailers.smtp import mime

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Content-Type",
]
UNSUBSCRIBE = f"<https://reviews.nordlicht.example/unsubscribe/{'A' * 150}>"
HEADERS = [
    ("Auto-Submitted", "auto-generated"),
    ("List-Unsubscribe", UNSUBSCRIBE),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
]

# Pieces of header injections and broken encodings.
PIECES = [
    "a",
    "é",
    "★",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\r\nBcc: e@x.example",
    "=?utf-8?q?a=0D=0ABcc:_e=40x.example?=",
    ",",
    ";",
    '"',
    "\\",
    "<",
    ">",
    "(",
    ")",
    "@",
    ":",
    " ",
    "\t",
    "\u2028",
    "\x85",
    "\u202e",
    "שלום",
    "😀",
    "\ud800",
    "=?",
    "?=",
    "." * 30,
    "x" * 70,
]
hostile = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=9).map("".join)


def message(name="Maria", subject="Hello", body="Hello.", headers=HEADERS):
    return mime.write_message(
        sender=(name, "no-reply@nordlicht.example"),
        to=(name, "b@x.example"),
        subject=subject,
        date=NOON,
        message_id="<abc@nordlicht.example>",
        text=body,
        html=f"<p>{body}</p>",
        headers=headers,
    )


@given(name=hostile, subject=hostile, body=hostile)
@example(
    name='a" <e@x.example>, "b',
    subject="=?utf-8?q?a=0D=0ABcc:_e=40x.example?=",
    body="\r\n.\r\nQUIT\r\n",
)
@example(name="x" * 500, subject="é" * 500, body=".\n" * 2000)
def test_two_parsers_read_back_the_same_mail(name, subject, body):
    raw = message(name, subject, body)

    modern = email.message_from_bytes(raw, policy=email.policy.default)
    old = email.message_from_bytes(raw)
    assert modern.keys() == old.keys() == NAMES
    assert not modern.defects
    assert str(modern["Subject"]) == one_line(subject)
    for header, address in (("From", "no-reply@nordlicht.example"), ("To", "b@x.example")):
        [mailbox] = modern[header].addresses
        assert mailbox.addr_spec == address
        [(display_name, spec)] = getaddresses([old[header].replace("\r\n", "")])
        assert (str(make_header(decode_header(display_name))), spec) == (
            one_line(name, 80),
            address,
        )
    text, html = modern.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    expected = re.sub(r"\r\n?", "\n", body).encode("utf-8", "replace").decode()
    assert re.sub(r"\r\n?", "\n", text.get_payload(decode=True).decode()) == expected


@given(subject=hostile, body=hostile)
def test_every_line_is_short_and_ends_with_crlf(subject, body):
    raw = message(subject=subject, body=body)

    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\r\n.\r\n" not in raw
    head = raw.partition(b"\r\n\r\n")[0]
    assert f"List-Unsubscribe: {UNSUBSCRIBE}\r\n".encode() in head  # on one line, not encoded


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: e@x.example", "a\nb", "é", "", " a", "a ", "x" * 1000, "a\x00b"]
)
def test_a_header_that_is_not_visible_ascii_is_refused(value):
    with pytest.raises(ValueError, match="not fit for a header"):
        message(headers=[("X-Mail-Kind", value)])


def test_the_same_promise_has_the_same_message_id_and_another_installation_another():
    first = mime.message_id("secret", "review.replied:1", "nordlicht.example")

    assert first == mime.message_id("secret", "review.replied:1", "nordlicht.example")
    assert first != mime.message_id("secret", "review.replied:2", "nordlicht.example")
    assert first != mime.message_id("other", "review.replied:1", "nordlicht.example")
    assert re.fullmatch(r"<[0-9a-f]{32}@nordlicht\.example>", first)
