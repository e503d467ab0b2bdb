"""What is asked: the documents, their variables, and the same as requests on the wire."""

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
class Question:
    """The variables of one operation, and who asks."""

    operation: str
    variables: dict[str, Any]
    token: str | None = None

    def to_candor(self) -> bytes:
        body = {"query": DOCUMENTS[self.operation], "variables": self.variables}
        return self._post("/graphql", orjson.dumps(body))

    def to_baseline(self) -> bytes:
        return self._post(f"/{self.operation}", orjson.dumps(self.variables))

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


def storefront(service: str, after: str | None = None) -> Question:
    variables = {"ref": {"externalId": service}}
    return Question("Q1", variables if after is None else variables | {"after": after})


def rating(service: str) -> Question:
    return Question("Q2", {"ref": {"externalId": service}})


def cards(services: list[str]) -> Question:
    return Question("Q3", {"services": [{"externalId": each} for each in services]})


def review(size: Size, number: int, settings: Settings) -> Question:
    """The review of an open order, by its customer."""
    order, customer = open_order(size, number)
    claims = {"sub": customer, "role": "customer", "name": "Maria Souza"}
    place = min(number, size.open_orders - 2)
    given = {
        "order": {"externalId": order},
        "rating": 5 - place % 5,
        "body": f"  Order {place}: everything was exactly as promised. Grüße and thanks! ",
        "communication": 4,
        "quality": 5 - place % 3,
    }
    return Question("M1", {"input": given}, sign(settings, claims, timedelta(hours=6)))


def trace(size: Size, *, at_least: int = 0) -> list[str]:
    """Services as visitors ask for them, zipf like their reviews; only those with so many."""
    counts = [count for count in size.counts[:-3] if count >= at_least]
    drawn = random.Random(_SEED).choices(range(len(counts)), counts, k=TRACE)
    return [service_id(number) for number in drawn]


def questions(operation: str, size: Size) -> list[Question]:
    """The trace of an operation that reads."""
    services = trace(size)
    if operation == "Q1":
        return [storefront(service) for service in services]
    if operation == "Q2":
        return [rating(service) for service in services]
    return [cards(pick) for pick in _hands(services)]


def _hands(services: list[str]) -> list[list[str]]:
    """As many cards as a page shows, none twice, again and again along the trace."""
    endless = itertools.cycle(services)
    found = []
    for _ in range(len(services) // CARDS * 2):
        hand: dict[str, None] = {}
        for _ in range(20 * CARDS):
            hand[next(endless)] = None
            if len(hand) == CARDS:
                break
        found.append(list(hand))
    return found
