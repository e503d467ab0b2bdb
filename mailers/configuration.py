"""Configuration of the mails: where they go, who sends them, timeouts and retries."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pace:
    """Times in seconds. The defaults are for production; tests use shorter ones."""

    poll: float = 1.0
    # How long a claim lasts unless the worker renews it.
    lease: float = 60.0
    connect: float = 15.0
    command: float = 60.0
    # RFC 5321 4.5.3.2.6: a shorter wait for the response to the text causes second copies.
    data: float = 600.0
    # Delays after temporary refusals of one mail, by attempt.
    retries: tuple[float, ...] = (
        *(60.0, 300.0, 900.0, 1800.0, 3600.0),
        *(7200.0, 14400.0, 28800.0, 43200.0, 86400.0),
    )
    # Delay before a mail without a response is sent again.
    resend: float = 900.0
    # How long the circuit breaker opens after a first failure; doubled each time.
    pause: float = 1.0
    longest_pause: float = 300.0
    # How long a stop waits for mails that are being sent.
    stop: float = 30.0


@dataclass(frozen=True)
class MailConfig:
    """What the mailers know about the installation."""

    secret: str
    secret_previous: str | None = None
    smtp_url: str = "console:"
    mail_from: str = "Candor <no-reply@localhost>"
    public_url: str = "http://127.0.0.1:8000"
    connections: int = 4
    # At most this many mails per second; None is no limit.
    rate: float | None = None
    pace: Pace = field(default_factory=Pace)
    # The stable secret, once it was read.
    secret_cache: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
