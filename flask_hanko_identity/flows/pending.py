"""Authorization requests that wait for a person: remembered, found again in the same browser, answered once."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy import Table
from sqlalchemy import bindparam
from sqlalchemy import insert
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update

from .. import crypto
from ..errors import PageExpired
from ..protocol.authorization_request import ValidRequest
from ..protocol.parameters import is_storable
from ..storage.authorizations import AuthorizationRequest
from ..text import gettext
from .context import Context

PENDING_LIFETIME = timedelta(minutes=30)
"""How long a person may take to sign in and decide."""

_CHOSEN = "chosen sid"
"""Stands among the parameters, where no request can put it: only parameters that are known are kept."""

_request: Table = AuthorizationRequest.__table__  # type: ignore[assignment]

_INSERT = insert(_request)
_BIND = (
    update(_request)
    .where(
        _request.c.handle == bindparam("b_handle"),
        _request.c.project_id == bindparam("b_project"),
        _request.c.answered_at.is_(None),
        _request.c.expires_at > bindparam("b_now"),
        or_(_request.c.browser_digest.is_(None), _request.c.browser_digest == bindparam("b_browser")),
    )
    .values(browser_digest=bindparam("b_browser"))
    .returning(_request.c.id, _request.c.handle, _request.c.parameters, _request.c.created_at)
)
_FIND = select(_request.c.parameters, _request.c.handle).where(
    _request.c.handle == bindparam("b_handle"),
    _request.c.project_id == bindparam("b_project"),
    _request.c.answered_at.is_(None),
    _request.c.expires_at > bindparam("b_now"),
    or_(_request.c.browser_digest.is_(None), _request.c.browser_digest == bindparam("b_browser")),
)
_ANSWER = (
    update(_request)
    .where(_request.c.id == bindparam("b_id"), _request.c.answered_at.is_(None))
    .values(answered_at=bindparam("b_now"))
)
_NOTE = (
    update(_request)
    .where(_request.c.id == bindparam("b_id"), _request.c.answered_at.is_(None))
    .values(parameters=bindparam("b_parameters", type_=_request.c.parameters.type))
)


def remember(ctx: Context, request: ValidRequest, *, browser: bytes | None) -> str:
    """Keep a request; gives its handle.

    :param browser: digest of the browser that it belongs to; None if that will be the first one to continue it.
    """
    handle = crypto.random_text()
    ctx.session.execute(
        _INSERT,
        {
            "project_id": ctx.project.id,
            "client_id": request.client.id,
            "handle": handle,
            "browser_digest": browser,
            "parameters": dict(request.parameters),
            "created_at": ctx.now,
            "expires_at": ctx.now + PENDING_LIFETIME,
        },
    )
    return handle


def find(ctx: Context, handle: str) -> Any:
    """The open request with this handle in this browser. Nothing changes."""
    return ctx.session.execute(_FIND, _key(ctx, handle)).one_or_none() if is_storable(handle) else None


def take(ctx: Context, handle: str) -> Row[Any]:
    """The open request with this handle in this browser, locked for the rest of the transaction.

    :raises PageExpired: if there is none.
    """
    # An unbound request is bound to the first browser that continues it; then it works nowhere else.
    known = bool(ctx.origin.browser) and is_storable(handle)
    row = ctx.session.execute(_BIND, _key(ctx, handle)).one_or_none() if known else None
    if row is None:
        raise PageExpired(
            gettext(
                "This sign-in is over: it took too long, was finished already, or began in another browser. "
                "Go back to the app and start again."
            )
        )
    return row


def answer(ctx: Context, row: Row[Any]) -> None:
    """It waits no longer."""
    ctx.session.execute(_ANSWER, {"b_id": row.id, "b_now": ctx.now})


def note_choice(ctx: Context, handle: str, *, sid: str) -> None:
    """Remember that the person chose a session for this request. Within the caller's transaction.

    :raises PageExpired: if the request waits no longer in this browser.
    """
    row = take(ctx, handle)
    ctx.session.execute(_NOTE, {"b_id": row.id, "b_parameters": {**row.parameters, _CHOSEN: sid}})


def chosen_sid(row: Row[Any]) -> str | None:
    """The session that the person chose for a request, if they had to."""
    sid: str | None = row.parameters.get(_CHOSEN)
    return sid


def _key(ctx: Context, handle: str) -> dict[str, Any]:
    return {
        "b_handle": handle[:64],
        "b_project": ctx.project.id,
        "b_now": ctx.now,
        "b_browser": crypto.digest(ctx.origin.browser),
    }
