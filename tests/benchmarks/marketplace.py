"""A seeded marketplace to measure on, with its reviews distributed over services by Zipf's law.

Services and vendors grow with the reviews, so that pages are equally full at every size. The last
three services are special: one whose reviews have equal times, one with a single review, and one
with none.
"""

import bisect
import hashlib
import itertools
import random
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

TIED_REVIEWS = 15
_SEED = 20_260_131
_YEARS = timedelta(days=730)
_FIRST = ("Maria", "José", "Ana", "Zoë", "Li", "Omar", "Nina", "Søren", "Priya", "Jürgen", "Cher")
_LAST = ("Souza", "Álvarez", "Ng", "O’Brien", "Weber", "Østergård", "Kaur", "Silva", "Müller", "")
_WORDS = [
    "very",
    "good",
    "work",
    "on",
    "time",
    "and",
    "always",
    "friendly",
    "the",
    "design",
    "was",
    "exactly",
    "what",
    "we",
    "had",
    "hoped",
    "for",
    "nothing",
    "to",
    "complain",
    "we",
    "would",
    "order",
    "again",
    "at",
    "once",
    "thank",
    "you",
    "Grüße",
    "façade",
    "naïve",
    "👍",
    "déjà",
]

Row = tuple[object, ...]
Table = tuple[str, tuple[str, ...], Iterator[Row]]


@dataclass(frozen=True)
class Size:
    """The size of a marketplace. Open orders have no review yet, but a reminder each."""

    reviews: int
    open_orders: int = 0

    @property
    def services(self) -> int:
        return max(20, self.reviews // 50)

    @property
    def vendors(self) -> int:
        return max(5, self.reviews // 500)

    @property
    def customers(self) -> int:
        return max(100, self.reviews // 4)

    @cached_property
    def counts(self) -> list[int]:
        """The number of reviews of each service, highest first, the special services last."""
        harmonic = sum(1 / rank for rank in range(1, self.services + 1))
        counts = [round(self.reviews / harmonic / rank) for rank in range(1, self.services + 1)]
        counts[-3:] = [TIED_REVIEWS, 1, 0]
        counts[0] += self.reviews - sum(counts)
        return counts

    @cached_property
    def ends(self) -> list[int]:
        return list(itertools.accumulate(self.counts))

    @property
    def special(self) -> dict[str, str]:
        """Services on which pages are checked, by what is special about them."""
        return {
            "hottest": service_id(0),
            "median": service_id(self.services // 2),
            "equal times": service_id(self.services - 3),
            "one review": service_id(self.services - 2),
            "empty": service_id(self.services - 1),
        }


def service_id(number: int) -> str:
    return f"SERVICE-{number:05}"


def open_order(size: Size, number: int) -> tuple[str, str]:
    """The ids of an open order and of its customer. The last two orders have one customer."""
    return f"OPEN-{number:06}", f"CUSTOMER-{_buyer_of_open(size, number):06}"


def _buyer_of_open(size: Size, number: int) -> int:
    return min(number, size.open_orders - 2) * 7 % size.customers


def _service_of_open(size: Size, number: int) -> int:
    """The service of an open order, distributed as the reviews are."""
    index = min(number, size.open_orders - 2) * 104_729 % size.reviews
    return bisect.bisect_right(size.ends, index)


class Marketplace:
    """The rows of all tables. Only `now` differs from run to run."""

    def __init__(self, size: Size, now: datetime) -> None:
        self.size = size
        self._start = now - _YEARS
        self._completed = now - timedelta(days=1)
        self._random = random.Random(_SEED)
        self._services = array("l", _shuffled(size, self._random))
        self._buyers = array(
            "l", (int(self._random.random() * size.customers) for _ in range(size.reviews))
        )
        self._texts = [_text(self._random) for _ in range(2000)]
        self._step = _YEARS / size.reviews

    def tables(self) -> list[Table]:
        """Name, columns and rows of each table, in an order that satisfies foreign keys."""
        person = ("id", "external_id", "display_name", "email", "created_at")
        return [
            ("customer", person, self._customers()),
            ("vendor", person, self._vendors()),
            ("service", _SERVICE, self._service_rows()),
            ("orders", _ORDER, itertools.chain(self._orders(), self._open_orders())),
            ("review", _REVIEW, self._reviews()),
            ("outbox_mail", _MAIL, self._reminders()),
            ("notification", _NOTICE, self._notices()),
        ]

    def _at(self, number: int) -> datetime:
        moment = self._start + number * self._step
        return moment.replace(microsecond=0) if number % 7 == 0 else moment

    def _key(self, kind: int, number: int, at: datetime) -> UUID:
        """A UUIDv7 of this time whose random bits follow from the number."""
        milliseconds = int(at.timestamp() * 1000)
        low = number * 0x9E3779B97F4A7C15 & (1 << 62) - 1
        return UUID(int=milliseconds << 80 | 7 << 76 | kind << 64 | 2 << 62 | low)

    def _customer(self, number: int) -> UUID:
        return self._key(1, number, self._start)

    def _vendor(self, number: int) -> UUID:
        return self._key(2, number % self.size.vendors, self._start)

    def _service(self, number: int) -> UUID:
        return self._key(3, number, self._start)

    def _order(self, number: int) -> UUID:
        return self._key(4, number, self._start)

    def _open_order(self, number: int) -> UUID:
        return self._key(5, number, self._completed)

    def _customers(self) -> Iterator[Row]:
        for number in range(self.size.customers):
            first, last = _FIRST[number % len(_FIRST)], _LAST[number // 3 % len(_LAST)]
            name = f"{first} {last}".strip() if number % 97 else f"{first}{number}@example.com"
            address = f"c{number}@example.com"
            yield (
                self._customer(number),
                f"CUSTOMER-{number:06}",
                name,
                address,
                self._start,
            )

    def _vendors(self) -> Iterator[Row]:
        for number in range(self.size.vendors):
            address = f"v{number}@example.com"
            yield (
                self._vendor(number),
                f"VENDOR-{number:05}",
                f"Atelier {number}",
                address,
                self._start,
            )

    def _service_rows(self) -> Iterator[Row]:
        for number in range(self.size.services):
            title = f"I will design your {_WORDS[number % len(_WORDS)]} logo No. {number}"
            url = f"https://shop.example/services/{number}"
            yield (
                self._service(number),
                service_id(number),
                self._vendor(number),
                title,
                title.casefold(),
                url,
                self._start,
            )

    def _orders(self) -> Iterator[Row]:
        for number, (service, buyer) in enumerate(zip(self._services, self._buyers, strict=True)):
            at = self._at(number)
            parties = (self._customer(buyer), self._vendor(service), self._service(service))
            yield (
                self._order(number),
                f"ORDER-{number:07}",
                "COMPLETED",
                at,
                True,
                *parties,
                1,
                at,
            )

    def _open_orders(self) -> Iterator[Row]:
        for number in range(self.size.open_orders):
            service = _service_of_open(self.size, number)
            parties = (
                self._customer(_buyer_of_open(self.size, number)),
                self._vendor(service),
                self._service(service),
            )
            at = self._completed
            yield (
                self._open_order(number),
                open_order(self.size, number)[0],
                "COMPLETED",
                at,
                True,
                *parties,
                1,
                at,
            )

    def _reviews(self) -> Iterator[Row]:
        draw = self._random.random
        special = self.size.services - 3
        for number, (service, buyer) in enumerate(zip(self._services, self._buyers, strict=True)):
            at = self._at(number) if service != special else self._start
            body, folded = self._texts[int(draw() * len(self._texts))]
            state = draw() if service < special else 1.0
            status = _status(state)
            rated = draw() < 0.6
            replied = draw() < 0.4
            yield (
                self._key(6, number, at),
                self._order(number),
                self._service(service),
                self._vendor(service),
                self._customer(buyer),
                _stars(draw()),
                *((_stars(draw()), _stars(draw()), None) if rated else (None, None, None)),
                body,
                folded,
                True,
                status,
                at,
                None if status == "PENDING" else at,
                at + timedelta(days=1) if 0.02 <= state < 0.025 else None,
                int(draw() ** 8 * 200),
                body[:120] if replied else None,
                at + timedelta(hours=5) if replied else None,
            )

    def _reminders(self) -> Iterator[Row]:
        created = int(self._completed.timestamp() * 1000)
        due = created + 3 * 86_400_000
        for number in range(self.size.open_orders):
            order, customer = self._open_order(number), open_order(self.size, number)[1]
            yield (
                self._key(7, number, self._completed),
                "review.reminder",
                self._event(number),
                "CUSTOMER",
                customer,
                f"c{int(customer[9:])}@example.com",
                "Order",
                order,
                "{}",
                "SCHEDULED",
                due,
                due + 30 * 86_400_000,
                0,
                0,
                False,
                created,
            )

    def _notices(self) -> Iterator[Row]:
        for number in range(self.size.open_orders):
            yield (
                self._key(8, number, self._completed),
                "CUSTOMER",
                open_order(self.size, number)[1],
                "review.reminder",
                self._event(number),
                "Order",
                self._open_order(number),
                self._completed + timedelta(days=3),
            )

    def _event(self, number: int) -> str:
        person = f"CUSTOMER:{open_order(self.size, number)[1]}"
        digest = hashlib.sha256(person.encode()).hexdigest()[:32]
        moment = self._completed.isoformat()
        return f"review.reminder:{self._open_order(number).hex}:{moment}:{digest}"


_SERVICE = ("id", "external_id", "vendor_id", "title", "title_folded", "url", "created_at")
_ORDER = (
    *("id", "external_id", "status", "completed_at", "reminders_allowed"),
    *("customer_id", "vendor_id", "service_id", "link_version", "created_at"),
)
_REVIEW = (
    *("id", "order_id", "service_id", "vendor_id", "customer_id"),
    *("rating", "communication", "quality", "value", "body", "body_folded", "verified", "status"),
    *("created_at", "published_at", "deleted_at", "helpful_count", "reply_body", "replied_at"),
)
_MAIL = (
    *("id", "mail", "dedupe_key", "audience", "recipient", "address", "subject_type"),
    *("subject_id", "params", "status", "due_at", "expires_at", "attempts", "ambiguous"),
    *("in_data", "created_at"),
)
_NOTICE = (
    *("id", "audience", "recipient", "kind", "event_key", "subject_type", "subject_id"),
    "created_at",
)


def _shuffled(size: Size, source: random.Random) -> list[int]:
    services = [service for service, count in enumerate(size.counts) for _ in range(count)]
    source.shuffle(services)
    return services


def _text(source: random.Random) -> tuple[str, str]:
    words = source.choices(_WORDS, k=source.randint(8, 80))
    text = " ".join(words).capitalize() + "."
    return text, unicodedata.normalize("NFKC", text).casefold()


def _stars(draw: float) -> int:
    return 5 if draw < 0.62 else 4 if draw < 0.85 else 3 if draw < 0.93 else 2 if draw < 0.97 else 1


def _status(draw: float) -> str:
    return "PENDING" if draw < 0.01 else "REJECTED" if draw < 0.02 else "APPROVED"
