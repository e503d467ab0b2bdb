"""The measured operations: their documents, their variables, and the HTTP requests for them."""

import itertools
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from marketplace import Size, open_order, service_id

from candor.callers.tokens import sign
from candor.settings import Settings

TRACE = 4000
CARDS = 24
_SEED = 4000
_SUMMARY = "count average breakdown { stars count percentage }"

DOCUMENTS = {
    "Q1": f"""query Storefront($ref: NodeRef!, $after: String) {{
  service(ref: $ref) {{
    title
    ratingSummary {{ {_SUMMARY} }}
    reviews(first: 10, orderBy: NEWEST, after: $after) {{
      totalCount
      pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
      edges {{
        cursor
        node {{
          id
          rating
          body
          createdAt
          author {{ displayName }}
          subRatings {{ communication quality value }}
          verifiedPurchase
          helpfulCount
          reply {{ body createdAt }}
        }}
      }}
    }}
  }}
}}""",
    "Q2": f"""query Rating($ref: NodeRef!) {{
  service(ref: $ref) {{
    title
    ratingSummary {{ {_SUMMARY} }}
  }}
}}""",
    "Q3": f"""query Cards($services: [NodeRef!]!) {{
  ratingSummaries(services: $services) {{ {_SUMMARY} }}
}}""",
    "M1": """mutation Review($input: CreateReviewInput!) {
  createReview(input: $input) {
    review {
      id
      rating
      body
      status
      createdAt
      author { displayName }
      subRatings { communication quality value }
    }
    errors { code field message }
  }
}""",
}


@dataclass(frozen=True)
class Operation:
    """One of the documents, or another text, with variables and the caller's token."""

    name: str
    variables: dict[str, Any]
    token: str | None = None

    def to_candor(self) -> bytes:
        body = {"query": DOCUMENTS.get(self.name, self.name), "variables": self.variables}
        return self._post("/graphql", orjson.dumps(body))

    def to_baseline(self) -> bytes:
        return self._post(f"/{self.name}", orjson.dumps(self.variables))

    def _post(self, path: str, body: bytes) -> bytes:
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Accept: application/json",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        if self.token is not None:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*lines, "", ""]).encode() + body


def storefront(service: str, after: str | None = None) -> Operation:
    variables = {"ref": {"externalId": service}}
    return Operation("Q1", variables if after is None else variables | {"after": after})


def rating(service: str) -> Operation:
    return Operation("Q2", {"ref": {"externalId": service}})


def cards(services: list[str]) -> Operation:
    return Operation("Q3", {"services": [{"externalId": each} for each in services]})


def review(size: Size, number: int, settings: Settings) -> Operation:
    """The review of an open order, by its customer."""
    order, customer = open_order(size, number)
    claims = {"sub": customer, "role": "customer", "name": "Maria Souza"}
    # The last two orders get the same review.
    varied = min(number, size.open_orders - 2)
    review_input = {
        "order": {"externalId": order},
        "rating": 5 - varied % 5,
        "body": f"  Order {varied}: everything was exactly as promised. Grüße and thanks! ",
        "communication": 4,
        "quality": 5 - varied % 3,
    }
    return Operation("M1", {"input": review_input}, sign(settings, claims, timedelta(hours=6)))


def trace(size: Size, *, at_least: int = 0) -> list[str]:
    """Services in the order of visits, distributed as their reviews; only those with this many."""
    counts = [count for count in size.counts[:-3] if count >= at_least]
    drawn = random.Random(_SEED).choices(range(len(counts)), counts, k=TRACE)
    return [service_id(number) for number in drawn]


def ordinary(size: Size) -> list[str]:
    """Services from the middle of the ranking by reviews."""
    return [service_id(number) for number in range(size.services // 4, size.services // 2)]


def reads(name: str, size: Size) -> list[Operation]:
    """The trace of a query."""
    services = trace(size)
    if name == "Q1":
        return [storefront(service) for service in services]
    if name == "Q2":
        return [rating(service) for service in services]
    return [cards(page) for page in _pages_of_cards(services)]


def _pages_of_cards(services: list[str]) -> list[list[str]]:
    """Groups of different services along the trace, each the cards of one page."""
    endless = itertools.cycle(services)
    pages = []
    for _ in range(len(services) // CARDS * 2):
        page: dict[str, None] = {}
        for _ in range(20 * CARDS):
            page[next(endless)] = None
            if len(page) == CARDS:
                break
        pages.append(list(page))
    return pages
