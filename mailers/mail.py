"""What a mailer returns: a mail, or the reason why there is none."""

from dataclasses import dataclass

from models import person_name


@dataclass(frozen=True)
class Person:
    """A recipient."""

    name: str
    address: str | None
    locale: str | None = None

    @property
    def greeted(self) -> str:
        """The name for the greeting; empty if it is an address, a number or no name at all."""
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
    """Why the mail is not sent."""

    because: str


NO_ADDRESS = Skipped("no address is known")
