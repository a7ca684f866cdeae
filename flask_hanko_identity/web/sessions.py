"""Between the login cookie and the login session."""

from flask import g

from ..flows.accounts import MOST
from ..flows.accounts import Account
from ..flows.accounts import list_accounts
from ..flows.context import Context
from ..flows.login_sessions import NewSession
from ..flows.login_sessions import SignedIn
from ..flows.login_sessions import find_signed_in
from ..flows.login_sessions import sign_out
from .cookies import clear_login_token
from .cookies import login_token
from .cookies import other_login_tokens
from .cookies import set_login_token
from .cookies import set_other_login_tokens


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
    """Give the browser the cookie of a session that was just opened, and keep the one of another account."""
    previous = login_token(ctx.project)
    if opened.keeps_previous and previous is not None:
        others = [token for token in other_login_tokens(ctx.project) if token != previous]
        set_other_login_tokens(ctx.project, [previous, *others][:MOST])
    set_login_token(ctx.project, opened.token)


def signed_in_tokens(ctx: Context) -> list[str]:
    """The tokens of all accounts that this browser says it is signed in with, the current one first."""
    current = login_token(ctx.project)
    return [*([current] if current else []), *other_login_tokens(ctx.project)]


def other_accounts(ctx: Context) -> list[Account]:
    """The accounts that are signed in here besides the current one."""
    return list_accounts(ctx, other_login_tokens(ctx.project))


def end_login_session(ctx: Context) -> None:
    """Sign the browser out of the context's project, whether it is signed in or not."""
    signed_in = current_login(ctx)
    if signed_in is not None:
        sign_out(ctx, signed_in)
    clear_login_token(ctx.project)
    g.hanko_identity_logins = {}
    g.hanko_identity_login = None
