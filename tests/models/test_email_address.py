import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.email_address import normalised

GOOD = {
    "maria@example.com": "maria@example.com",
    "  maria@example.com ": "maria@example.com",
    "Maria.Souza+tag@Example.COM": "Maria.Souza+tag@example.com",
    "m@bücher.example": "m@xn--bcher-kva.example",
    "m@xn--bcher-kva.example": "m@xn--bcher-kva.example",
    "o'neil!#$%&*/=?^_`{|}~-@a.b.example": "o'neil!#$%&*/=?^_`{|}~-@a.b.example",
    f"{'a' * 64}@example.com": f"{'a' * 64}@example.com",
}

BAD = {
    "": "one @",
    "maria": "one @",
    "a@b@c.example": "one @",
    "maria@localhost": "domain",
    "maria@": "domain",
    "@example.com": "before the @",
    "maria@example..com": "domain",
    "maria@-example.com": "domain",
    "maria@exa_mple.com": "domain",
    f"m@{'a' * 64}.example": "domain",
    f"m@{'a.' * 140}example": "domain",
    f"{'a' * 65}@example.com": "before the @",
    ".maria@example.com": "before the @",
    "ma..ria@example.com": "before the @",
    "märia@example.com": "outside ASCII",
    "Maria <maria@example.com>": "bare address",
    "maria@example.com (Maria)": "bare address",
    "maria@example.com, e@x.example": "bare address",
    "maria@example.com;e@x.example": "bare address",
    '"maria"@example.com': "bare address",
    "maria@[127.0.0.1]": "bare address",
    "maria@example.com> SIZE=1": "bare address",
    "maria@example.com\r\nRCPT TO:<e@x.example>": "line break",
    "maria@example.com\n": "line break",
    "maria\x00@example.com": "line break",
    "maria\u202e@example.com": "line break",
    "maria\u2028@example.com": "line break",
}


@pytest.mark.parametrize("typed", GOOD)
def test_an_address_is_normalised_for_smtp(typed):
    assert normalised(typed) == GOOD[typed]


@pytest.mark.parametrize("typed", BAD)
def test_anything_else_is_refused_with_a_reason(typed):
    with pytest.raises(ValueError, match=BAD[typed]):
        normalised(typed)


@given(st.text(max_size=40) | st.text('aé@.<>,;"\\( \r\n\0-', max_size=20))
def test_an_accepted_address_is_ascii_with_one_at_and_stays_as_it_is(typed):
    try:
        address = normalised(typed)
    except ValueError:
        return

    assert address.isascii()
    assert address.isprintable()
    assert address.count("@") == 1
    assert not set(address) & set(' <>,;"()[]\\')
    assert normalised(address) == address
