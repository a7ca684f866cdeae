"""Recovery codes: the page that makes them, and the page that takes one. Both are plain forms."""

from typing import Any

from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ..errors import Forbidden
from ..errors import InvalidInput
from ..errors import NotFound
from ..flows.authorize import PendingRequest
from ..flows.ceremonies import require_own_pages
from ..flows.recovery import WrongRecoveryCode
from ..flows.recovery import codes_left
from ..flows.recovery import is_on
from ..flows.recovery import make_codes
from ..flows.recovery import use_code
from ..text import gettext
from .context import context
from .continuation import known_page
from .cookies import login_token
from .csrf import IdentityForm
from .pages import render
from .passlinks import pending_request
from .profile_forms import ButtonForm
from .profile_page import Person
from .profile_page import for_person
from .profile_page import show
from .sessions import begin_login_session


@for_person
def recovery_codes(person: Person) -> ResponseReturnValue:
    """How many codes there are."""
    _require_on(person)
    left = codes_left(person.ctx, user_id=person.login.user_id)
    return show(person, "recovery_codes.html", left=left, codes=[])


@for_person
def make_recovery_codes(person: Person) -> ResponseReturnValue:
    """New codes, on the one page that ever shows them."""
    _require_on(person)
    ButtonForm().validate()
    codes = make_codes(person.ctx, person.login)
    return show(person, "recovery_codes.html", left=None, codes=codes)


def recover(slug: str) -> ResponseReturnValue:
    """The page for somebody who has no passkey any more."""
    ctx = context(slug)
    require_own_pages(ctx)
    pending = pending_request(ctx, request.args.get("request"))
    if not is_on(ctx, pending):
        raise Forbidden(gettext("You cannot sign in with a recovery code here. Use a passkey."))
    return _page(pending, known_page(request.args.get("next")))


def use_recovery_code(slug: str) -> ResponseReturnValue:
    """What was typed there. The answer is the same, whether or not there is such an account."""
    ctx = context(slug)
    require_own_pages(ctx)
    IdentityForm().validate()
    pending = pending_request(ctx, request.form.get("request") or None)
    page, email = known_page(request.form.get("next")), request.form.get("email", "").strip()
    try:
        opened = use_code(
            ctx,
            email=email,
            code=request.form.get("code", ""),
            current_token=login_token(ctx.project),
            pending=pending,
        )
    except (InvalidInput, WrongRecoveryCode) as refusal:
        return _page(pending, page, email=email, refusal=refusal), refusal.status_code
    begin_login_session(ctx, opened)
    handle = None if pending is None else pending.handle
    return redirect(url_for("hanko_passkeys.offer", slug=slug, request=handle, next=page), 303)


def _page(pending: PendingRequest | None, page: str | None, *, email: str = "", refusal: Any = None) -> str:
    return render(
        "recover.html",
        pending=pending,
        asked={"request": None if pending is None else pending.handle, "next": page},
        email=email,
        refusal=refusal,
        form=IdentityForm(formdata=None),
    )


def _require_on(person: Person) -> None:
    if not is_on(person.ctx):
        raise NotFound(gettext("There is no such page. Check the address."))
