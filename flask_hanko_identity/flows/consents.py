"""Remembered consent: per user and app, with the scopes it was given for."""

from collections.abc import Iterable

from sqlalchemy import Table
from sqlalchemy import bindparam
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ..protocol import scopes
from ..storage.authorizations import Consent
from .context import Context

_consent: Table = Consent.__table__  # type: ignore[assignment]

_FIND = select(_consent.c.scope).where(
    _consent.c.user_id == bindparam("b_user"), _consent.c.client_id == bindparam("b_client")
)
_HOLD = _FIND.with_for_update()
_WIDEN = (
    update(_consent)
    .where(_consent.c.user_id == bindparam("b_user"), _consent.c.client_id == bindparam("b_client"))
    .values(scope=bindparam("b_scope"), granted_at=bindparam("b_now"))
)


def given(ctx: Context, *, user_id: int, client_id: int) -> tuple[str, ...]:
    """The scopes that the user has allowed the client before."""
    scope = ctx.session.execute(_FIND, {"b_user": user_id, "b_client": client_id}).scalar_one_or_none()
    return tuple(scope.split(" ")) if scope else ()


def remember(ctx: Context, *, user_id: int, client_id: int, scope: tuple[str, ...]) -> None:
    """Add scopes to what the user has allowed the client. Part of the caller's transaction."""
    if _widen(ctx, user_id=user_id, client_id=client_id, scope=scope):
        return
    values = {"user_id": user_id, "client_id": client_id, "scope": _in_order(scope), "granted_at": ctx.now}
    try:
        with ctx.session.begin_nested():
            ctx.session.execute(insert(_consent), values)
    except IntegrityError:  # another tab was faster
        _widen(ctx, user_id=user_id, client_id=client_id, scope=scope)


def _widen(ctx: Context, *, user_id: int, client_id: int, scope: tuple[str, ...]) -> bool:
    key = {"b_user": user_id, "b_client": client_id}
    # The row is held until the end of the transaction, so that two tabs do not forget what the other one added.
    before = ctx.session.execute(_HOLD, key).scalar_one_or_none()
    if before is None:
        return False
    ctx.session.execute(_WIDEN, {**key, "b_scope": _in_order((*before.split(" "), *scope)), "b_now": ctx.now})
    return True


def _in_order(scope: Iterable[str]) -> str:
    together = set(scope)
    return " ".join(each for each in scopes.SCOPES if each in together)
