"""`/unsubscribe/{token}`: by one click of a mail program (RFC 8058), or by choice."""

from starlette.responses import HTMLResponse

from candor.pages.forms import ONE_CLICK, Form
from candor.pages.page_request import PageRequest
from mailers.catalogue import Category
from mailers.letters.site import category_of
from mailers.outbox import suppression


async def unsubscribe_page(page_request: PageRequest) -> HTMLResponse:
    """The choice as stored; a POST stores it first. Repeating it changes nothing."""
    recipient, category = page_request.claim.subject.hex, category_of(page_request.claim)
    stored = await _store(recipient, category, page_request.form) if page_request.form else False
    says_nothing = page_request.form is not None and not stored
    declined = await suppression.declined(recipient)
    return page_request.page(
        "unsubscribe",
        status=422 if says_nothing else 200,
        category=category.value,
        wanted=[each.value for each in Category if each not in declined],
        just_now=stored,
        says_nothing=says_nothing,
    )


async def _store(recipient: str, category: Category, form: Form) -> bool:
    """Store the choice. Returns False if the form contains none."""
    name, value = ONE_CLICK
    if form.text(name) == value:
        await suppression.opt_out(recipient, [category])
        return True
    if form.text("choose"):
        wanted = [each for each in Category if each.value in form.texts("category")]
        await suppression.opt_in(recipient, wanted)
        await suppression.opt_out(recipient, set(Category) - set(wanted))
        return True
    return False
