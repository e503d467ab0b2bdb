"""What the mail worker is told from outside: where mail goes, who sends it, how patient it is."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pace:
    """Times in seconds. The defaults are for the world; tests hurry."""

    poll: float = 1.0
    # A claimed mail belongs to its worker for so long without a sign of life.
    lease: float = 60.0
    connect: float = 15.0
    command: float = 60.0
    # RFC 5321 4.5.3.2.6: a shorter wait for the reply to the whole mail makes second copies.
    data: float = 600.0
    # After a temporary refusal of one mail, attempt by attempt.
    retries: tuple[float, ...] = (
        *(60.0, 300.0, 900.0, 1800.0, 3600.0),
        *(7200.0, 14400.0, 28800.0, 43200.0, 86400.0),
    )
    # After the server fell silent, for the kinds that are sent once more.
    resend: float = 900.0
    # After trouble with the channel: doubled each time, up to the longest.
    pause: float = 1.0
    longest_pause: float = 300.0
    # How long a stop waits for mails that are being handed over.
    stop: float = 30.0


@dataclass(frozen=True)
class MailConfig:
    """Everything that the mailers know of the installation."""

    secret: str
    secret_previous: str | None = None
    smtp_url: str = "console:"
    mail_from: str = "Candor <no-reply@localhost>"
    public_url: str = "http://127.0.0.1:8000"
    connections: int = 4
    # Mails a second at most; None is no limit.
    rate: float | None = None
    pace: Pace = field(default_factory=Pace)
    # What mailers.lasting_secret has found out, once.
    found: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
