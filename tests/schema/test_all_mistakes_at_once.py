"""All errors of an input are reported at once, each with its field."""

import pytest

LONG = "x" * 20_001
BAD_STARS = {"rating": 9, "communication": 0, "quality": -1, "value": 6}


def errors_of(payload) -> list[tuple[str, str]]:
    return [(error["code"], ".".join(error["field"][1:])) for error in payload["errors"]]


STARS = [("RATING_OUT_OF_RANGE", name) for name in ("rating", "communication", "quality", "value")]


async def test_of_a_review(feed, maria, stored):
    await feed()
    before = await stored()
    given = {"order": {"externalId": "ORDER-1"}, **BAD_STARS, "body": "short"}

    payload = await maria.do("createReview", "review { id }", **given, idempotencyKey=" k ")

    assert payload["review"] is None
    assert errors_of(payload) == [*STARS, ("BODY_TOO_SHORT", "body"), ("INVALID", "idempotencyKey")]
    assert await stored() == before


async def test_but_first_whether_there_is_such_an_order_and_whether_it_can_be_reviewed(
    feed, maria, carl
):
    await feed(status="REFUNDED")
    given = {"order": {"externalId": "ORDER-1"}, **BAD_STARS, "body": "", "idempotencyKey": "\x00"}

    assert errors_of(await carl.do("createReview", **given)) == [("NOT_FOUND", "order")]
    assert errors_of(await maria.do("createReview", **given)) == [("ORDER_REFUNDED", "order")]


async def test_of_an_edit(review, maria, carl, stored):
    id = (await review())["id"]
    before = await stored()

    payload = await maria.do("editReview", reviewId=id, **BAD_STARS, body=LONG)
    nothing = await maria.do("editReview", reviewId=id, rating=None, body=None, value=7)

    assert errors_of(payload) == [*STARS, ("BODY_TOO_LONG", "body")]
    assert sorted(errors_of(nothing)) == [
        ("INVALID", "body"),
        ("INVALID", "rating"),
        ("RATING_OUT_OF_RANGE", "value"),
    ]
    assert errors_of(await carl.do("editReview", reviewId=id, rating=None)) == [
        ("FORBIDDEN", "reviewId")
    ]
    assert await stored() == before


async def test_of_settings(ada, stored):
    before = await stored()

    payload = await ada.do(
        "updateSettings",
        "settings { siteName }",
        siteName=None,
        siteUrl="nowhere",
        timeZone="Mars/Olympus",
        reviewWindowDays=-1,
        reviewModeration=True,
        shareAudience=None,
        sellerLevels=[{"level": "LEVEL_1", "minAverage": 4.123, "minReviews": 0}],
    )

    assert payload["settings"] is None
    assert errors_of(payload) == [
        ("INVALID", name)
        for name in (
            "siteName",
            "siteUrl",
            "timeZone",
            "reviewWindowDays",
            "shareAudience",
            "sellerLevels",
        )
    ]
    assert await stored() == before


async def test_of_a_rating(open_update, solve, maria, carl, ada, act, stored):
    await ada.do("updateSettings", ratingCommentsEnabled=False)
    update = await open_update()
    await solve(update)
    before = await stored()

    assert errors_of(await act(maria, "rateUpdate", update, stars=0, comment="Hm.")) == [
        ("RATING_OUT_OF_RANGE", "stars"),
        ("COMMENTS_DISABLED", "comment"),
    ]
    assert errors_of(await act(maria, "rateUpdate", update, stars=6, comment=LONG)) == [
        ("RATING_OUT_OF_RANGE", "stars"),
        ("BODY_TOO_LONG", "comment"),
    ]
    assert errors_of(await act(carl, "rateUpdate", update, stars=6)) == [("NOT_FOUND", "updateId")]
    assert await stored() == before


async def test_of_a_new_update(feed, sam, maria, stored):
    await feed()
    before = await stored()
    given = {"title": "", "message": LONG}

    payload = await sam.do("openUpdate", order={"externalId": "ORDER-1"}, **given)
    ids = await sam.do("openUpdate", order={"id": "x"}, assignee={"id": "y"}, **given)
    unknown = await maria.do("openUpdate", order={"externalId": "ORDER-2"}, **given)

    assert errors_of(payload) == [("INVALID", "title"), ("BODY_TOO_LONG", "message")]
    assert errors_of(ids) == [("INVALID", "order.id"), ("INVALID", "assignee.id")]
    assert errors_of(unknown) == [("NOT_FOUND", "order")]
    assert await stored() == before


async def test_of_a_decision(review, ada, stored):
    id = (await review())["id"]
    before = await stored()
    wrong = {"note": "x" * 2001, "expectedEditedAt": "yesterday"}

    payload = await ada.do("approveReview", reviewId=id, **wrong)
    many = await ada.do(
        "moderateReviews",
        "results { errors { code field } }",
        decisions=[
            {"reviewId": id, "status": "APPROVED", "reason": "SPAM", **wrong},
            {"reviewId": id, "status": "REJECTED", **wrong},
        ],
    )

    assert errors_of(payload) == [("INVALID", "note"), ("INVALID", "expectedEditedAt")]
    assert [errors_of(each) for each in many["results"]] == [
        [
            ("INVALID", f"decisions.{place}.{name}")
            for name in ("reason", "note", "expectedEditedAt")
        ]
        for place in (0, 1)
    ]
    assert await stored() == before


async def test_of_notices_to_mark(maria, stored):
    payload = await maria.do("markNotificationsRead", ids=["x", "y"])

    assert errors_of(payload) == [("INVALID", "ids.0"), ("INVALID", "ids.1")]


UNKNOWN = "UgAAAAAAAAAAAAAAAAAAAAc"


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        ("deleteReview", {"reason": ""}),
        ("deleteReply", {"reason": ""}),
        ("approveReview", {"note": "x" * 2001}),
        ("rejectReview", {"reason": "SPAM", "expectedEditedAt": "yesterday"}),
        ("editReview", {"rating": None}),
    ],
)
async def test_what_does_not_exist_is_told_before_what_is_wrong_with_it(mutation, given, ada, app):
    payload = await ada.do(mutation, reviewId=UNKNOWN, **given)

    assert errors_of(payload) == [("NOT_FOUND", "reviewId")]
