"""What is taken back when an app or a user is switched off."""

from sqlalchemy import ColumnElement
from sqlalchemy import and_
from sqlalchemy import update

from ..protocol.scopes import OFFLINE_ACCESS
from ..storage import Authorization
from ..storage import LoginSession
from ..storage import Passlink
from .context import Context


def revoke_authorizations(ctx: Context, where: ColumnElement[bool]) -> None:
    """Revoke codes and token families; nothing of them works from now on. Within the caller's transaction."""
    ctx.session.execute(
        update(Authorization).where(where, Authorization.revoked_at.is_(None)).values(revoked_at=ctx.now)
    )


def revoke_session(ctx: Context, session_id: int, *, asking: int | None) -> None:
    """Revoke what lived by a login session. Within the caller's transaction.

    What was granted with ``offline_access`` is meant to outlive it (OpenID Connect Core 1.0, section 11), except
    with the client that asked for the logout.
    """
    lives_on = Authorization.scope.contains(OFFLINE_ACCESS)
    if asking is not None:
        lives_on &= Authorization.client_id != asking
    revoke_authorizations(ctx, (Authorization.login_session_id == session_id) & ~lives_on)


def revoke_lost_authorizations(ctx: Context, *where: ColumnElement[bool]) -> None:
    """Revoke what lived by sessions, without what is meant to outlive them. Within the caller's transaction."""
    revoke_authorizations(ctx, and_(*where, ~Authorization.scope.contains(OFFLINE_ACCESS)))


def end_user(ctx: Context, user_id: int) -> None:
    """End all that a user has open: tokens, login sessions and links. Within the caller's transaction."""
    revoke_authorizations(ctx, Authorization.user_id == user_id)
    ctx.session.execute(
        update(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
        .values(ended_at=ctx.now)
    )
    ctx.session.execute(
        update(Passlink).where(Passlink.user_id == user_id, Passlink.used_at.is_(None)).values(used_at=ctx.now)
    )
