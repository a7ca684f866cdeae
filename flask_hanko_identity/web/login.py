"""The pages and ceremonies by which people sign up, sign in and sign out."""

from typing import Any

from flask import Blueprint
from flask import Response
from flask import jsonify
from flask import make_response
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ..flows.authorize import PendingRequest
from ..flows.ceremonies import CeremonyOptions
from ..flows.ceremonies import require_own_pages
from ..flows.context import Context
from ..flows.login import begin_login
from ..flows.login import finish_login
from ..flows.login_sessions import NewSession
from ..flows.passlink_requests import is_offered
from ..flows.passlink_requests import verify_newcomer
from ..flows.passlink_uses import use_link as use_mailed_link
from ..flows.passlinks import OpenLink
from ..flows.passlinks import link_expired
from ..flows.passlinks import look_up
from ..flows.recovery import is_on
from ..flows.recovery import use_enrol_link
from ..flows.signup import begin_signup
from ..flows.signup import find_invitation
from ..flows.signup import finish_signup
from ..flows.signup import is_open
from ..storage.passlinks import PasslinkPurpose
from .context import context
from .continuation import continue_url
from .continuation import known_page
from .cookies import login_token
from .csrf import IdentityForm
from .csrf import check_ceremony_request
from .errors import answers_json
from .pages import render
from .passkey_offer import after_sign_in
from .passkey_texts import passkey_texts
from .passlinks import go_on
from .passlinks import pending_request
from .profile import add_profile_views
from .sessions import begin_login_session
from .sessions import current_login
from .sessions import end_login_session
from .sessions import other_accounts


def make_login_blueprint() -> Blueprint:
    """``hanko_login``: what people see of a project's sign-in."""
    blueprint = Blueprint("hanko_login", __name__)
    for rule, view, methods in (
        ("/login", login, "GET"),
        ("/login/options", login_options, "POST"),
        ("/login/finish", login_finish, "POST"),
        ("/signup", signup, "GET"),
        ("/signup/options", signup_options, "POST"),
        ("/signup/finish", signup_finish, "POST"),
        ("/link/<secret>", link, "GET"),
        ("/link/<secret>", use_link, "POST"),
        ("/sign-out", sign_out, "POST"),
    ):
        blueprint.add_url_rule("/<slug>" + rule, view_func=view, methods=[methods])
    add_profile_views(blueprint)
    return blueprint


def login(slug: str) -> ResponseReturnValue:
    """The page to sign in on."""
    ctx = context(slug)
    require_own_pages(ctx)
    pending = _pending(ctx)
    again = request.args.get("again") == "1"
    login = current_login(ctx)
    if pending is None and login is not None and not again and request.args.get("other") != "1":
        return redirect(continue_url(ctx, page=request.args.get("next")), 303)
    return render(
        "login.html",
        pending=pending,
        confirms=login if again else None,
        others=other_accounts(ctx),
        signup_is_open=is_open(ctx),
        signed_out=request.args.get("signed_out") == "1",
        by_mail=is_offered(ctx, pending),
        by_recovery_code=is_on(ctx, pending),
        ceremony=_ceremony(ctx, pending, kind="login"),
        texts=passkey_texts(ctx.settings),
    )


@answers_json
def login_options(slug: str) -> Response:
    """Options for ``navigator.credentials.get()``."""
    ctx = context(slug)
    check_ceremony_request()
    return _options(begin_login(ctx))


@answers_json
def login_finish(slug: str) -> Response:
    """What ``get()`` gave; answers with where to go."""
    ctx = context(slug)
    data = check_ceremony_request()
    opened = finish_login(
        ctx,
        handle=data.get("ceremony"),
        response=data.get("credential"),
        current_token=login_token(ctx.project),
    )
    return _signed_in(ctx, opened, data)


def signup(slug: str) -> ResponseReturnValue:
    """The page to make an account on."""
    ctx = context(slug)
    find_invitation(ctx, None)
    return _signup_page(ctx, pending=_pending(ctx), invitation=None, secret="")


@answers_json
def signup_options(slug: str) -> Response:
    """Options for ``navigator.credentials.create()``."""
    ctx = context(slug)
    data = check_ceremony_request()
    secret = data.get("invitation")
    return _options(begin_signup(ctx, email=data.get("email"), invitation=secret if isinstance(secret, str) else None))


@answers_json
def signup_finish(slug: str) -> Response:
    """What ``create()`` gave; answers with where to go."""
    ctx = context(slug)
    data = check_ceremony_request()
    opened = finish_signup(
        ctx,
        handle=data.get("ceremony"),
        response=data.get("credential"),
        current_token=login_token(ctx.project),
    )
    verify_newcomer(ctx, user_id=opened.user_id)
    return _signed_in(ctx, opened, data)


def link(slug: str, secret: str) -> ResponseReturnValue:
    """What a one-time link opens. It changes nothing, since previews and scanners open links too."""
    ctx = context(slug)
    require_own_pages(ctx)
    found = look_up(ctx, secret)
    if found is None:
        raise link_expired()
    if found.purpose is PasslinkPurpose.INVITATION:
        return _signup_page(ctx, pending=None, invitation=found, secret=secret)
    return render("link.html", link=found, form=IdentityForm())


def use_link(slug: str, secret: str) -> ResponseReturnValue:
    """The button on a link's page."""
    ctx = context(slug)
    require_own_pages(ctx)
    IdentityForm().validate()
    found = look_up(ctx, secret)
    if found is not None and found.purpose is PasslinkPurpose.ENROL:
        begin_login_session(ctx, use_enrol_link(ctx, secret, current_token=login_token(ctx.project)))
        return redirect(continue_url(ctx, page="passkeys"), 303)
    return go_on(ctx, use_mailed_link(ctx, secret, current_token=login_token(ctx.project)))


def sign_out(slug: str) -> ResponseReturnValue:
    """The sign-out button of our own pages."""
    ctx = context(slug)
    IdentityForm().validate()
    end_login_session(ctx)
    return redirect(url_for("hanko_login.login", slug=slug, signed_out="1"), 303)


def _signup_page(ctx: Context, *, pending: PendingRequest | None, invitation: OpenLink | None, secret: str) -> str:
    return render(
        "signup.html",
        pending=pending,
        invitation=invitation,
        by_mail=invitation is None and is_offered(ctx, pending),
        ceremony={**_ceremony(ctx, pending, kind="signup"), "invitation": secret},
        texts=passkey_texts(ctx.settings),
    )


def _ceremony(ctx: Context, pending: PendingRequest | None, *, kind: str) -> dict[str, Any]:
    """What the script needs to know, as data attributes."""
    slug = ctx.project.slug
    return {
        "kind": kind,
        "options_url": url_for(f"hanko_login.{kind}_options", slug=slug),
        "finish_url": url_for(f"hanko_login.{kind}_finish", slug=slug),
        "origins": " ".join(ctx.settings.origins),
        "request": "" if pending is None else pending.handle,
        "next": known_page(request.args.get("next")) or "",
        "again": "",
    }


def _pending(ctx: Context) -> PendingRequest | None:
    """The authorization request that the page serves, if its address names one.

    :raises PageExpired: if that is not there any more.
    """
    return pending_request(ctx, request.args.get("request"))


def _options(ceremony: CeremonyOptions) -> Response:
    return jsonify(ceremony=ceremony.handle, publicKey=ceremony.options)


def _signed_in(ctx: Context, opened: NewSession, data: dict[str, Any]) -> Response:
    begin_login_session(ctx, opened)
    onward = after_sign_in(
        ctx,
        opened,
        needs_passkey=opened.came_from_elsewhere,
        handle=data.get("request"),
        page=data.get("next"),
    )
    return make_response(jsonify(location=onward))
