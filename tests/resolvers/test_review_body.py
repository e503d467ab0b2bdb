"""The body of a review: which characters are stored, and which count."""

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


BODIES = [
    ("x" * 9, "BODY_TOO_SHORT"),
    ("x" * 10, "x" * 10),
    ("x" * 20_000, "x" * 20_000),
    ("x" * 20_001, "BODY_TOO_LONG"),
    ("", "BODY_TOO_SHORT"),
    ("x", "BODY_TOO_SHORT"),
    (" " * 50, "BODY_TOO_SHORT"),
    ("\u00a0\u2003\u3000" * 10, "BODY_TOO_SHORT"),
    (" \n\t" + "x" * 9 + " \r\n", "BODY_TOO_SHORT"),
    ("  \n" + "x" * 10 + "\t ", "x" * 10),
    ("x" * 20_000 + " " * 500, "x" * 20_000),
    ("123456789\x00", "BODY_TOO_SHORT"),
    ("1234\x00567890", "1234567890"),
    ("12345\x07\x1b67890\x7f\x9f", "1234567890"),
    ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
    ("\u202e123456789\u2066\u200f", "BODY_TOO_SHORT"),
    ("\u202e1234567890\u2066\u200f", "1234567890"),
    ("123456789" + "\u200b" * 30, "BODY_TOO_SHORT"),
    ("123456789" + "\u00ad\ufeff\u2060" * 10, "BODY_TOO_SHORT"),
    ("\u200b" * 30, "BODY_TOO_SHORT"),
    ("\U000e0041" * 30, "BODY_TOO_SHORT"),
    ("\u3164" * 30, "BODY_TOO_SHORT"),
    ("\u2800" * 30, "BODY_TOO_SHORT"),
    ("\u115f\u1160\uffa0\u034f\ufe0f" * 9, "BODY_TOO_SHORT"),
    ("👍" * 9, "BODY_TOO_SHORT"),
    ("👍" * 10, "👍" * 10),
    (FAMILY * 3, FAMILY * 3),
    ("Größe, 日本語です", "Größe, 日本語です"),
    ("<script>alert(1)</script> & 'x'", "<script>alert(1)</script> & 'x'"),
    ("می‌خواهم کتاب", "می‌خواهم کتاب"),
    ("x" * 20_000 + "\u200b" * 30_000, "BODY_TOO_LONG"),
    ("x\n" * 30_000, "BODY_TOO_LONG"),
]


async def test_a_body_has_10_to_20000_visible_characters(feed, maria, stored):
    for place, (body, expected) in enumerate(BODIES):
        name = f"ORDER-{place}"
        await feed(name)
        before = await stored()

        payload = await maria.do(
            "createReview", "review { body }", order={"externalId": name}, rating=5, body=body
        )

        if expected.startswith("BODY_"):
            assert [(body, e["code"], e["field"]) for e in payload["errors"]] == [
                (body, expected, ["input", "body"])
            ]
            assert await stored() == before
        else:
            assert payload == {"review": {"body": expected}, "errors": []}
