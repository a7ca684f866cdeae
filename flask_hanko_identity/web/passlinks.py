"""The pages by which people sign in by mail. They are plain forms and work without a script."""

from flask import Blueprint
from flask import current_app
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ..errors import Forbidden
from ..errors import InvalidInput
from ..errors import NotFound
from ..errors import PageExpired
from ..flows.authorize import PendingRequest
from ..flows.authorize import find_pending
from ..flows.ceremonies import require_own_pages
from ..flows.context import Context
from ..flows.passlink_requests import ask
from ..flows.passlink_requests import find_asked
from ..flows.passlink_requests import is_offered
from ..flows.passlink_uses import Used
from ..flows.passlink_uses import WrongCode
from ..flows.passlink_uses import use_code
from ..text import gettext
from .context import context
from .context import state
from .continuation import continue_url
from .continuation import known_handle
from .continuation import known_page
from .cookies import login_token
from .csrf import IdentityForm
from .mail import AppMailer
from .pages import render
from .passkey_offer import after_sign_in
from .sessions import begin_login_session


def make_passlinks_blueprint() -> Blueprint:
    """``hanko_passlinks``: sign-in and sign-up by mail, and the outbox of debug mode."""
    blueprint = Blueprint("hanko_passlinks", __name__)
    for rule, view, methods in (
        ("/email", ask_page, "GET"),
        ("/email", ask_for_mail, "POST"),
        ("/code", inbox, "GET"),
        ("/code", enter_code, "POST"),
        ("/outbox", outbox, "GET"),
    ):
        blueprint.add_url_rule("/<slug>" + rule, view_func=view, methods=[methods])
    return blueprint


def ask_page(slug: str) -> ResponseReturnValue:
    """A page with nothing but an e-mail field."""
    ctx = context(slug)
    require_own_pages(ctx)
    pending = pending_request(ctx, request.args.get("request"))
    if not is_offered(ctx, pending):
        raise Forbidden(gettext("You cannot sign in by e-mail here. Use a passkey."))
    return _ask_page(pending, known_page(request.args.get("next")), email="", problem="")


def ask_for_mail(slug: str) -> ResponseReturnValue:
    """The button "E-mail me a link". Its answer is the same, whoever has the address."""
    ctx = context(slug)
    IdentityForm().validate()
    pending = pending_request(ctx, request.form.get("request") or None)
    page = known_page(request.form.get("next"))
    email = request.form.get("email", "").strip()
    try:
        handle = ask(ctx, email=email, pending=pending, page=page)
    except InvalidInput as refusal:
        return _ask_page(pending, page, email=email, problem=refusal.message), refusal.status_code
    return redirect(url_for("hanko_passlinks.inbox", slug=slug, sent=handle), 303)


def inbox(slug: str) -> ResponseReturnValue:
    """The page that waits for the code."""
    ctx = context(slug)
    require_own_pages(ctx)
    return _inbox(ctx)


def enter_code(slug: str) -> ResponseReturnValue:
    """The code that was typed."""
    ctx = context(slug)
    IdentityForm().validate()
    code, handle = request.form.get("code", ""), known_handle(request.args.get("sent"))
    try:
        used = use_code(ctx, handle, code=code, current_token=login_token(ctx.project))
    except InvalidInput as refusal:
        return _inbox(ctx, problem=refusal.message), refusal.status_code
    except WrongCode as refusal:
        if not refusal.left:
            raise
        return _inbox(ctx, problem=refusal.message), refusal.status_code
    return go_on(ctx, used)


def outbox(slug: str) -> ResponseReturnValue:
    """What would have been sent, in debug mode without a mail server only."""
    ctx = context(slug)
    mailer = state().mailer
    if not current_app.debug or not isinstance(mailer, AppMailer) or mailer.has_server:
        raise NotFound(gettext("There is no such page. Check the address."))
    return render("outbox.html", mails=mailer.outbox(ctx.project))


def go_on(ctx: Context, used: Used) -> ResponseReturnValue:
    """Where the browser goes once a link or a code was used."""
    if used.opened is None:
        return redirect(continue_url(ctx, handle=used.request, page=used.page), 303)
    begin_login_session(ctx, used.opened)
    onward = after_sign_in(ctx, used.opened, needs_passkey=True, handle=used.request, page=used.page)
    return redirect(onward, 303)


def pending_request(ctx: Context, handle: str | None) -> PendingRequest | None:
    """The authorization request that a page serves, if it was given one's handle.

    :raises PageExpired: if that is not there any more.
    """
    if handle is None:
        return None
    pending = find_pending(ctx, handle) if known_handle(handle) else None
    if pending is None:
        raise PageExpired(
            gettext(
                "This sign-in is over: it took too long, was finished already, or began in another browser. "
                "Go back to the app and start again."
            )
        )
    return pending


def _ask_page(pending: PendingRequest | None, page: str | None, *, email: str, problem: str) -> str:
    asked = {"request": None if pending is None else pending.handle, "next": page}
    return render("ask_for_mail.html", asked=asked, email=email, problem=problem, form=IdentityForm(formdata=None))


def _inbox(ctx: Context, *, problem: str = "") -> str:
    mailer = state().mailer
    is_shown_here = current_app.debug and isinstance(mailer, AppMailer) and not mailer.has_server
    return render(
        "inbox.html",
        asked=find_asked(ctx, known_handle(request.args.get("sent"))),
        problem=problem,
        form=IdentityForm(formdata=None),
        outbox_url=url_for("hanko_passlinks.outbox", slug=ctx.project.slug) if is_shown_here else None,
    )
