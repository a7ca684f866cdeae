"""Projects whose host signs people in: between the host's login state, which we only read, and our own."""

import logging
from dataclasses import replace
from typing import Any

from flask import current_app
from flask import make_response
from flask import redirect
from flask import url_for
from werkzeug.routing import BuildError
from werkzeug.wrappers import Response as AnyResponse

from ..errors import HostFunctionFailed
from ..errors import Unavailable
from ..flows.authorize import PendingRequest
from ..flows.authorize import find_pending
from ..flows.context import Context
from ..flows.host_accounts import HostLogin
from ..flows.host_accounts import follow
from ..protocol.host_accounts import HostPerson
from ..protocol.host_accounts import examine
from ..storage.projects import ProjectType
from ..text import gettext
from .context import state
from .cookies import clear_login_token
from .cookies import login_token
from .cookies import set_login_token
from .pages import render

LONGEST_HINT = 320
"""Characters of a ``login_hint`` that the host's login view is handed."""

log = logging.getLogger("flask_hanko_identity")


def find_login(ctx: Context, *, may_create: bool = True) -> tuple[Context, HostLogin]:
    """Who is signed in to the project, by our cookie or, in a project of type host, by the host's word.

    :param may_create: False where somebody who is new to the project need not become known to it.
    :return: the context with the person in it, and the login.
    :raises HostFunctionFailed: if the host cannot say who it is.
    """
    brought = login_token(ctx.project)
    if ctx.project.type != ProjectType.HOST:
        return ctx, HostLogin(brought)
    ctx = replace(ctx, person=_ask(ctx))
    login = follow(ctx, login_token=brought, may_create=may_create)
    if login.token is not None and login.token != brought:
        set_login_token(ctx.project, login.token)
    elif login.token is None and brought is not None:
        clear_login_token(ctx.project)
    return ctx, login


def send_to_host(ctx: Context, handle: str, *, login: HostLogin, returned: bool) -> AnyResponse:
    """Let the host sign the person in; its login view sends the browser back to the request.

    Who comes back from there and is still not signed in as asked sees a page first, else the browser would go round
    in circles.

    :raises Unavailable: if the host has not told us where its login view is.
    """
    pending = find_pending(ctx, handle)
    url = _login_url(ctx, handle, pending)
    if not returned and not login.is_inactive:
        return redirect(url, 303)
    page = render(
        "host_sign_in.html",
        url=url,
        client_name=pending.client_name if pending is not None else None,
        is_inactive=login.is_inactive,
        again=ctx.person is not None,
    )
    return make_response(page, 403 if login.is_inactive else 200)


def sign_out_of_host(ctx: Context) -> None:
    """End the host's own session, if it gave a function for that.

    :raises HostFunctionFailed: if that raises.
    """
    function = state().hooks.host_logout
    if ctx.project.type != ProjectType.HOST or function is None:
        return
    try:
        function()
    except Exception as error:
        raise HostFunctionFailed(f"host_logout raised {type(error).__name__}") from error


def stays_signed_in(ctx: Context) -> bool:
    """Whether signing out of the project leaves the person signed in to the host."""
    return ctx.project.type == ProjectType.HOST and state().hooks.host_logout is None


def _ask(ctx: Context) -> HostPerson | None:
    function = state().hooks.host_user
    if function is None:
        return None
    try:
        user = function()
    except Exception as error:
        raise HostFunctionFailed(f"host_user raised {type(error).__name__}") from error
    return None if user is None else examine(user, now=ctx.now)


def _login_url(ctx: Context, handle: str, pending: PendingRequest | None) -> str:
    gaps = state().host_gaps(current_app)
    if gaps:
        log.error("project %s: nobody can sign in: this app lacks %s", ctx.project.slug, ", ".join(gaps))
        raise _not_ready()
    values: dict[str, Any] = {"next": url_for("hanko_oidc.resume", slug=ctx.project.slug, request=handle)}
    if ctx.person is not None:
        values["reauthenticate"] = "1"
    if pending is not None and pending.login_hint and len(pending.login_hint) <= LONGEST_HINT:
        values["login_hint"] = pending.login_hint
    if pending is not None and "create" in pending.prompt:
        values["create"] = "1"
    try:
        return url_for(ctx.settings.host_login_view, **values)
    except BuildError as error:
        log.error("project %s: nobody can sign in: the login view's address needs %s", ctx.project.slug, error)
        raise _not_ready() from error


def _not_ready() -> Unavailable:
    return Unavailable(gettext("Nobody can sign in here yet. Tell the people who run this app, with the number below."))
