"""Input, selection and error codes of mutations of reviews."""

GIVEN = {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": "Very good work."}
EDITED = "review { id rating body status editedAt publishedAt subRatings { communication quality value } revisions { rating body } moderation { status reason note } }"


def codes(payload):
    return [error["code"] for error in payload["errors"]]
