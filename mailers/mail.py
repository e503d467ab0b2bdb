"""What a mailer returns: a mail ready for its envelope, or the reason why there is none."""

from dataclasses import dataclass

from models import person_name


@dataclass(frozen=True)
class Person:
    """Somebody to write to."""

    name: str
    address: str | None
    locale: str | None = None

    @property
    def greeted(self) -> str:
        """The name, if it is one; never an address or a number."""
        return person_name.greeting_name(self.name)


@dataclass(frozen=True)
class Mail:
    to: Person
    locale: str
    subject: str
    text: str
    html: str
    reply_to: str | None = None
    unsubscribe: str | None = None


@dataclass(frozen=True)
class Skipped:
    """The mail is not sent, and this is why."""

    because: str


NO_ADDRESS = Skipped("no address is known")
