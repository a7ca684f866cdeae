"""Remembered consent: per user and app, with the scopes it was given for."""

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
    together = {*given(ctx, user_id=user_id, client_id=client_id), *scope}
    text = " ".join(each for each in scopes.SCOPES if each in together)
    key = {"b_user": user_id, "b_client": client_id, "b_scope": text, "b_now": ctx.now}
    if ctx.session.execute(_WIDEN, key).rowcount:  # type: ignore[attr-defined]
        return
    try:
        with ctx.session.begin_nested():
            ctx.session.execute(
                insert(_consent),
                {"user_id": user_id, "client_id": client_id, "scope": text, "granted_at": ctx.now},
            )
    except IntegrityError:  # another tab was faster
        ctx.session.execute(_WIDEN, key)
