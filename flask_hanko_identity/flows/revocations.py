"""What is taken back when an app or a user is switched off."""

from sqlalchemy import ColumnElement
from sqlalchemy import update

from ..storage import Authorization
from ..storage import LoginSession
from ..storage import Passlink
from .context import Context


def revoke_authorizations(ctx: Context, where: ColumnElement[bool]) -> None:
    """Revoke codes and token families; nothing of them works from now on. Within the caller's transaction."""
    ctx.session.execute(
        update(Authorization).where(where, Authorization.revoked_at.is_(None)).values(revoked_at=ctx.now)
    )


def end_user(ctx: Context, user_id: int) -> None:
    """End all that a user has open: tokens, login sessions and links. Within the caller's transaction."""
    revoke_authorizations(ctx, Authorization.user_id == user_id)
    ctx.session.execute(
        update(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
        .values(ended_at=ctx.now)
    )
    ctx.session.execute(
        update(Passlink)
        .where(Passlink.user_id == user_id, Passlink.used_at.is_(None))
        .values(used_at=ctx.now)
    )
