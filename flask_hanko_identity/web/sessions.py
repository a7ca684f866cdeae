"""Between the login cookie and the login session."""

from flask import g

from ..flows.context import Context
from ..flows.login_sessions import NewSession
from ..flows.login_sessions import SignedIn
from ..flows.login_sessions import find_signed_in
from ..flows.login_sessions import sign_out
from .cookies import clear_login_token
from .cookies import login_token
from .cookies import set_login_token


def current_login(ctx: Context) -> SignedIn | None:
    """Who is signed in to the context's project in this browser; asked of the database once in a request."""
    found: dict[int, SignedIn | None] | None = g.get("hanko_identity_logins")
    if found is None:
        found = g.hanko_identity_logins = {}
    if ctx.project.id not in found:
        found[ctx.project.id] = find_signed_in(ctx, login_token(ctx.project))
    g.hanko_identity_login = found[ctx.project.id]
    return found[ctx.project.id]


def begin_login_session(ctx: Context, opened: NewSession) -> None:
    """Give the browser the cookie of a session that was just opened."""
    set_login_token(ctx.project, opened.token)


def end_login_session(ctx: Context) -> None:
    """Sign the browser out of the context's project, whether it is signed in or not."""
    signed_in = current_login(ctx)
    if signed_in is not None:
        sign_out(ctx, signed_in)
    clear_login_token(ctx.project)
    g.hanko_identity_logins = {}
    g.hanko_identity_login = None
