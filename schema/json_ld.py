"""A service's rating as schema.org JSON-LD, safe to put into a script element as it is."""

import json

import models

_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def aggregate_rating(service: models.Service) -> str | None:
    """Product with AggregateRating, in one line of JSON; None when nothing is rated."""
    tally = service.tally
    if tally.hundredths is None:
        return None
    document = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": service.title,
        **({"url": service.url} if service.url else {}),
        "aggregateRating": {
            "@type": "AggregateRating",
            "ratingValue": tally.hundredths / 100,
            "reviewCount": tally.count,
            "ratingCount": tally.count,
            "bestRating": 5,
            "worstRating": 1,
        },
    }
    return json.dumps(document, ensure_ascii=False).translate(_ESCAPES)
