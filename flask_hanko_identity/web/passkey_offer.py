"""After a sign-in that shows that this device has no passkey: the offer to make one, once in a month at most."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta

from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from ..flows.authorize import find_pending
from ..flows.ceremonies import require_own_pages
from ..flows.context import Context
from ..flows.login_sessions import NewSession
from .context import context
from .continuation import continue_url
from .continuation import known_handle
from .continuation import known_page
from .cookies import later_note
from .cookies import set_later_note
from .csrf import IdentityForm
from .pages import render
from .passkey_texts import passkey_texts
from .sessions import current_login

REST = timedelta(days=30)
"""How long “not now” is heeded, in the browser where it was said."""


def after_sign_in(
    ctx: Context, opened: NewSession, *, needs_passkey: bool, handle: object = None, page: object = None
) -> str:
    """Where to go after a sign-in: on, or first to the offer.

    :param needs_passkey: whether the sign-in shows that this device may have no passkey of the person.
    :param handle: see :func:`~.continuation.continue_url`, as for ``page``.
    """
    onward = continue_url(ctx, handle=handle, page=page)
    # Whoever is on the way to their passkeys sees the button there.
    if not needs_passkey or page == "passkeys" or _was_declined(ctx, opened.user_id):
        return onward
    return url_for("hanko_passkeys.offer", slug=ctx.project.slug, request=known_handle(handle), next=known_page(page))


def offer(slug: str) -> ResponseReturnValue:
    """The page that offers a passkey for this device."""
    ctx = context(slug)
    require_own_pages(ctx)
    handle, page = known_handle(request.args.get("request")), known_page(request.args.get("next"))
    login = current_login(ctx)
    if login is None:
        return redirect(url_for("hanko_login.login", slug=slug, request=handle, next=page), 303)
    pending = find_pending(ctx, handle) if handle else None
    return render(
        "passkey_offer.html",
        login=login,
        pending=pending,
        form=IdentityForm(),
        asked={"request": handle or "", "next": page or ""},
        ceremony={
            "kind": "add",
            "options_url": url_for("hanko_passkeys.options", slug=slug),
            "finish_url": url_for("hanko_passkeys.finish", slug=slug),
            "origins": " ".join(ctx.settings.origins),
            "request": handle or "",
            "next": page or "",
            "again": url_for("hanko_login.login", slug=slug, again="1", request=handle, next=page),
        },
        texts=passkey_texts(ctx.settings),
    )


def decline(slug: str) -> ResponseReturnValue:
    """The answer “not now”: go on, and do not ask again here for a month."""
    ctx = context(slug)
    require_own_pages(ctx)
    IdentityForm().validate()
    login = current_login(ctx)
    if login is not None:
        made = int(ctx.now.timestamp())
        set_later_note(ctx.project, f"{made}.{_mac(ctx, login.user_id, made)}", REST)
    onward = continue_url(ctx, handle=request.form.get("request"), page=request.form.get("next"))
    return redirect(onward, 303)


def _was_declined(ctx: Context, user_id: int) -> bool:
    note = later_note(ctx.project)
    if note is None:
        return False
    made, _, mac = note.partition(".")
    if not ctx.ring.verify_mac(mac, *_parts(ctx, user_id, int(made))):
        return False
    return ctx.now < datetime.fromtimestamp(int(made), UTC) + REST


def _mac(ctx: Context, user_id: int, made: int) -> str:
    return ctx.ring.mac(*_parts(ctx, user_id, made))


def _parts(ctx: Context, user_id: int, made: int) -> tuple[str, ...]:
    return ("passkey offer", str(ctx.project.id), str(user_id), str(made))
