"""The page on which somebody who is signed in with several accounts says as whom they go on."""

from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ..flows.accounts import choose_account
from ..flows.accounts import list_accounts
from ..flows.accounts import sign_out_of_all
from ..flows.ceremonies import require_own_pages
from .context import context
from .continuation import continue_url
from .continuation import known_handle
from .continuation import known_page
from .cookies import clear_login_token
from .cookies import set_login_token
from .cookies import set_other_login_tokens
from .csrf import IdentityForm
from .pages import render
from .passlinks import pending_request
from .sessions import current_login
from .sessions import signed_in_tokens


def accounts(slug: str) -> ResponseReturnValue:
    """The accounts that are signed in here; without one, the sign-in page."""
    ctx = context(slug)
    require_own_pages(ctx)
    pending = pending_request(ctx, request.args.get("request"))
    page = known_page(request.args.get("next"))
    listed = list_accounts(ctx, signed_in_tokens(ctx))
    handle = None if pending is None else pending.handle
    if not listed:
        return redirect(url_for("hanko_login.login", slug=slug, request=handle, next=page), 303)
    login = current_login(ctx)
    return render(
        "accounts.html",
        accounts=listed,
        current=None if login is None else login.sid,
        pending=pending,
        waiting={"request": handle, "next": page},
        form=IdentityForm(formdata=None),
    )


def choose(slug: str) -> ResponseReturnValue:
    """Go on as one of them."""
    ctx = context(slug)
    require_own_pages(ctx)
    IdentityForm().validate()
    handle, page = known_handle(request.form.get("request")), known_page(request.form.get("next"))
    token, others = choose_account(ctx, signed_in_tokens(ctx), sid=request.form.get("sid", ""), handle=handle)
    set_login_token(ctx.project, token)
    set_other_login_tokens(ctx.project, others)
    return redirect(continue_url(ctx, handle=handle, page=page), 303)


def sign_out_all(slug: str) -> ResponseReturnValue:
    """Sign out of all of them."""
    ctx = context(slug)
    require_own_pages(ctx)
    IdentityForm().validate()
    sign_out_of_all(ctx, signed_in_tokens(ctx))
    clear_login_token(ctx.project)
    set_other_login_tokens(ctx.project, [])
    return redirect(url_for("hanko_login.login", slug=slug, signed_out="1"), 303)
