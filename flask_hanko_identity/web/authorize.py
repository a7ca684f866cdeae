"""The authorization endpoint and the consent page."""

from urllib.parse import urlsplit

from flask import Blueprint
from flask import Response
from flask import redirect
from flask import request
from flask import url_for
from werkzeug.wrappers import Response as AnyResponse

from ..errors import PageExpired
from ..flows import authorize as flow
from ..flows.context import Context
from ..flows.host_accounts import HostLogin
from ..protocol.interaction import Interaction
from ..protocol.interaction import proves_identity
from ..storage.projects import ProjectType
from ..text import gettext
from .context import ready_context
from .cookies import browser_token
from .cookies import login_token
from .cookies import other_login_tokens
from .forms import ConsentForm
from .host_accounts import find_login
from .host_accounts import send_to_host
from .pages import render
from .requests import authorization_pairs

Answer = str | AnyResponse

_PAGES = {
    Interaction.LOGIN: "hanko_login.login",
    Interaction.CREATE: "hanko_login.signup",
    Interaction.SELECT: "hanko_sessions.accounts",
}


def add_authorize_views(blueprint: Blueprint) -> None:
    """Add the endpoint to ``hanko_oidc``."""

    @blueprint.get("/<slug>/authorize")
    def authorize(slug: str) -> Answer:
        browser_token()
        ctx, login = find_login(ready_context(slug))
        return _answer(ctx, login, flow.begin(ctx, authorization_pairs(), login_token=login.token, others=_others(ctx)))

    @blueprint.post("/<slug>/authorize")
    def authorize_by_post(slug: str) -> Answer:
        # OpenID Connect Core 1.0, section 3.1.2.1. No cookie is read or set here: a cross-site POST brings none.
        ctx = ready_context(slug)
        return _answer(ctx, HostLogin(None), flow.park(ctx, authorization_pairs()))

    @blueprint.get("/<slug>/authorize/resume")
    def resume(slug: str) -> Answer:
        browser_token()
        ctx, login = find_login(ready_context(slug))
        handle = request.args.get("request", "")
        returned = "first" not in request.args
        outcome = flow.resume(ctx, handle, login_token=login.token, others=_others(ctx), returned=returned)
        return _answer(ctx, login, outcome, returned=returned)

    @blueprint.post("/<slug>/authorize/decision")
    def decide(slug: str) -> Answer:
        ctx = ready_context(slug)
        form = ConsentForm()
        if not form.validate() or form.allow.data == form.deny.data:
            raise PageExpired(gettext("This page is over. Go back to the app and start again."))
        handle = form.request.data or ""
        seen_by = login_token(ctx.project)
        ctx, login = find_login(ctx)
        if login.token != seen_by:
            # The host has another person now, who has not seen the page: it is for them to decide.
            return redirect(url_for("hanko_oidc.resume", slug=slug, request=handle), 303)
        outcome = flow.decide(ctx, handle, allow=form.allow.data, login_token=login.token, others=_others(ctx))
        return _answer(ctx, login, outcome)


def _others(ctx: Context) -> list[str]:
    return other_login_tokens(ctx.project) if ctx.project.type == ProjectType.IDENTITY else []


def _answer(ctx: Context, login: HostLogin, outcome: flow.Outcome, *, returned: bool = False) -> Answer:
    slug = ctx.project.slug
    if isinstance(outcome, flow.Redirect):
        return see_other(outcome.uri)
    if isinstance(outcome, flow.AskConsent):
        return _consent_page(outcome)
    if isinstance(outcome, flow.Parked):
        first = "1" if ctx.project.type == ProjectType.HOST else None
        return redirect(url_for("hanko_oidc.resume", slug=slug, request=outcome.handle, first=first), 303)
    if outcome.interaction is Interaction.CONSENT:
        return redirect(url_for("hanko_oidc.resume", slug=slug, request=outcome.handle), 303)
    if ctx.project.type == ProjectType.HOST:
        return send_to_host(ctx, outcome.handle, login=login, returned=returned)
    return redirect(url_for(_PAGES[outcome.interaction], slug=slug, request=outcome.handle), 303)


def see_other(uri: str) -> Response:
    """Send the browser to an address of an app that was proven."""
    # 303, so that what was posted here is never posted there (RFC 9700, section 4.12). The Location is set as it
    # is: the address was proven as it is, and must not be rewritten.
    response = Response(status=303)
    response.autocorrect_location_header = False
    response.headers["Location"] = uri
    return response


def _consent_page(outcome: flow.AskConsent) -> str:
    asked = outcome.request
    form = ConsentForm(formdata=None)
    form.request.data = outcome.handle
    return render(
        "consent.html",
        form=form,
        client=asked.client,
        user=outcome.signed_in,
        scopes=[(scope, scope_sentence(scope)) for scope in asked.consent_scope],
        redirect_host=_destination(asked.redirect_uri),
        proven=proves_identity(asked.client, asked.redirect_uri),
        request_handle=outcome.handle,
    )


def _destination(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    # What follows a private-use scheme is not a host, and may look like another's.
    return parts.netloc if parts.scheme in ("http", "https") else parts.scheme


def scope_sentence(scope: str) -> str:
    """What a scope lets an app do, for people."""
    return {
        "openid": gettext("Know that it is you when you sign in"),
        "profile": gettext("See your name and profile details"),
        "email": gettext("See your e-mail address"),
        "address": gettext("See your postal address"),
        "phone": gettext("See your phone number"),
        "offline_access": gettext("Stay connected while you are away"),
    }[scope]
