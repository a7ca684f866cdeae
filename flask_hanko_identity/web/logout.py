"""The end-session endpoint and its pages (RP-Initiated Logout 1.0)."""

from flask import Blueprint
from flask import redirect
from flask import request
from flask import url_for

from ..errors import PageExpired
from ..flows import logout as flow
from ..flows.context import Context
from ..protocol.errors import RequestRefused
from ..text import gettext
from .authorize import Answer
from .authorize import see_other
from .context import ready_context
from .cookies import browser_token
from .cookies import clear_login_token
from .cookies import login_token
from .forms import LogoutForm
from .host_accounts import find_login
from .host_accounts import sign_out_of_host
from .host_accounts import stays_signed_in
from .pages import render
from .requests import authorization_pairs


def add_logout_views(blueprint: Blueprint) -> None:
    """Add the endpoint to ``hanko_oidc``."""

    @blueprint.get("/<slug>/logout")
    def end_session(slug: str) -> Answer:
        ctx, login = find_login(ready_context(slug), may_create=False)
        return _answer(ctx, flow.begin(ctx, _parameters(), login_token=login.token))

    @blueprint.post("/<slug>/logout")
    def end_session_by_post(slug: str) -> Answer:
        # Section 2 wants POST as well; a cross-site one brings no cookies, so a GET of our own follows.
        parked = flow.park(ready_context(slug), _parameters())
        return redirect(url_for("hanko_oidc.resume_end_session", slug=slug, request=parked.handle), 303)

    @blueprint.get("/<slug>/logout/resume")
    def resume_end_session(slug: str) -> Answer:
        ctx, login = find_login(ready_context(slug), may_create=False)
        return _answer(ctx, flow.resume(ctx, request.args.get("request", ""), login_token=login.token))

    @blueprint.post("/<slug>/logout/confirm")
    def confirm_end_session(slug: str) -> Answer:
        ctx = ready_context(slug)
        form = LogoutForm()
        if not form.validate():
            raise PageExpired(gettext("This page is over. Go back to the app and sign out there again."))
        handle = form.request.data or ""
        seen_by = login_token(ctx.project)
        ctx, login = find_login(ctx, may_create=False)
        if login.token is not None and login.token != seen_by:
            # The host has another person now, whom the page did not name.
            return redirect(url_for("hanko_oidc.resume_end_session", slug=slug, request=handle), 303)
        return _answer(ctx, flow.confirm(ctx, handle, login_token=login.token))

    @blueprint.get("/<slug>/signed-out")
    def signed_out(slug: str) -> Answer:
        return render("logged_out.html", stays_signed_in=stays_signed_in(ready_context(slug)))


def _parameters() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in authorization_pairs():
        if name in flow.KNOWN and value:
            # RFC 6749, section 3.1, by which this endpoint's parameters go too.
            if name in found:
                raise RequestRefused(gettext("The sign-out request repeats itself."), details=[("parameter", name)])
            found[name] = value
    return found


def _answer(ctx: Context, outcome: flow.AskFirst | flow.Done) -> Answer:
    if isinstance(outcome, flow.AskFirst):
        browser_token()
        form = LogoutForm(formdata=None)
        form.request.data = outcome.handle
        return render("logout.html", form=form, client_name=outcome.client_name, user=outcome.signed_in)
    clear_login_token(ctx.project)
    if outcome.ended:
        sign_out_of_host(ctx)
    if outcome.uri is not None:
        return see_other(outcome.uri)
    return redirect(url_for("hanko_oidc.signed_out", slug=ctx.project.slug), 303)
