"""Every mail in every language, light and dark, with friendly and hostile texts, to look at."""

from html import escape
from pathlib import Path

from mailers.catalogue import CATALOGUE
from mailers.configuration import MailConfig
from mailers.from_address import Sender
from mailers.letters import translations
from mailers.letters.examples import ADDRESS, CASES, example, example_site
from mailers.mail import Mail, Person
from mailers.outbox.claims import now
from mailers.smtp.mime import message_id, write_message
from mailers.smtp.transport import open_link
from mailers.smtp.verdict import Verdict
from mailers.worker.compose import headers
from models import clock

# The frames of mails have no scripts, forms, origin or network.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="{policy}">
<style>
body {{ margin: 2rem; font: 16px/1.5 system-ui, sans-serif; color: #23272b; background: #fbfaf7 }}
h2 {{ margin: 2.5rem 0 .5rem; font-size: 1.1rem }}
.row {{ display: flex; flex-wrap: wrap; gap: 1rem }}
iframe {{ width: 400px; height: 640px; border: 1px solid #ddd7c8; border-radius: 8px }}
pre {{ width: 520px; height: 610px; margin: 0; padding: 1rem; overflow: auto; background: #fff;
  border: 1px solid #ddd7c8; border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere }}
</style></head><body>{body}</body></html>
"""

_DARK = "@media (prefers-color-scheme: dark)"
_SCHEMES = {"light": "@media not all", "dark": "@media all"}


def write_previews(folder: Path, config: MailConfig) -> Path:
    """Write a page per kind of mail, and an index; returns the path of the index."""
    folder.mkdir(parents=True, exist_ok=True)
    links = []
    for kind in CATALOGUE:
        (folder / f"{kind}.html").write_text(page(kind, config), "utf-8")
        links.append(f'<li><a href="{kind}.html">{kind}</a></li>')
    index = folder / "index.html"
    index.write_text(_page("Mails", f"<h1>Mails</h1><ul>{''.join(links)}</ul>"), "utf-8")
    return index


def page(kind: str, config: MailConfig) -> str:
    """One mail in every language and case, as a page that runs and loads nothing."""
    rows = [
        _row(f"{language}, {case}", preview(kind, language, case, config), kind)
        for language in translations.languages()
        for case in CASES
    ]
    return _page(kind, f"<h1>{kind}</h1>{''.join(rows)}")


def preview(kind: str, language: str, case: str, config: MailConfig) -> Mail:
    """One mail with the example data of a case."""
    to = Person(CASES[case].name, ADDRESS, language)
    return example(kind, CASES[case], example_site(config), to)


async def send_example(kind: str, *, to: str, language: str, config: MailConfig) -> Verdict:
    """Send one mail with example data to a real inbox, without the outbox."""
    link = open_link(config)
    try:
        mail = preview(kind, language, "friendly", config)
        sender = Sender.parse(config.mail_from)
        raw = _message(kind, mail, to, sender, config)
        return await link.send(sender=sender.address, to=to, raw=raw, gate=_open_gate)
    finally:
        await link.close()


def _row(title: str, mail: Mail, kind: str) -> str:
    frames = [
        f'<iframe sandbox="" title="{scheme}" srcdoc="{escape(in_scheme(mail.html, scheme))}">'
        "</iframe>"
        for scheme in _SCHEMES
    ]
    head = "\n".join(f"{name}: {value}" for name, value in headers(kind, mail))
    text = escape(f"Subject: {mail.subject}\n{head}\n\n{mail.text}")
    return f'<h2>{escape(title)}</h2><div class="row">{"".join(frames)}<pre>{text}</pre></div>'


def in_scheme(html: str, scheme: str) -> str:
    """The mail in light or dark mode, whatever the browser prefers."""
    return html.replace(_DARK, _SCHEMES[scheme])


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), policy=_POLICY, body=body)


def _message(kind: str, mail: Mail, to: str, sender: Sender, config: MailConfig) -> bytes:
    return write_message(
        sender=(sender.name, sender.address),
        to=(mail.to.name, to),
        subject=mail.subject,
        date=clock.now(),
        message_id=message_id(config.secret, f"example:{kind}:{now()}", sender.domain),
        text=mail.text,
        html=mail.html,
        headers=headers(kind, mail),
    )


async def _open_gate() -> bool:
    return True
