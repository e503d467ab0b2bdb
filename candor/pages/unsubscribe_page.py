"""`/unsubscribe/{token}`: by one click of a mail program (RFC 8058), or by choice."""

from starlette.responses import HTMLResponse

from candor.pages.forms import ONE_CLICK, Form
from candor.pages.page_request import Visit
from mailers.catalogue import Category
from mailers.letters.site import category_of
from mailers.outbox import suppression


async def unsubscribe_page(visit: Visit) -> HTMLResponse:
    """The choice, after a POST as it is stored. Doing it twice changes nothing."""
    recipient, category = visit.claim.subject.hex, category_of(visit.claim)
    stored = await _store(recipient, category, visit.form) if visit.form else False
    says_nothing = visit.form is not None and not stored
    declined = await suppression.declined(recipient)
    return visit.page(
        "unsubscribe",
        status=422 if says_nothing else 200,
        category=category.value,
        wanted=[each.value for each in Category if each not in declined],
        just_now=stored,
        says_nothing=says_nothing,
    )


async def _store(recipient: str, category: Category, form: Form) -> bool:
    """Whether the form said anything."""
    name, said = ONE_CLICK
    if form.text(name) == said:
        await suppression.opt_out(recipient, [category])
        return True
    if form.text("choose"):
        wanted = [each for each in Category if each.value in form.texts("category")]
        await suppression.opt_in(recipient, wanted)
        await suppression.opt_out(recipient, set(Category) - set(wanted))
        return True
    return False
