"""A service's rating as schema.org JSON-LD, escaped for a script element."""

import json

from models.rating_tally import Tally

_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def aggregate_rating(title: str, url: str | None, tally: Tally) -> str | None:
    """Product with AggregateRating, as one line of JSON; None without ratings."""
    if tally.hundredths is None:
        return None
    document = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": title,
        **({"url": url} if url else {}),
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
