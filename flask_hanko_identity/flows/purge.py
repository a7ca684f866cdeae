"""Rows that are of no use any more are deleted, a few at a time, so that nobody waits for it."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from ..storage import Authorization
from ..storage import AuthorizationRequest
from ..storage import Ceremony
from ..storage import ClientSecret
from ..storage import LoginSession
from ..storage import LogoutRequest
from ..storage import Passlink
from ..storage import RateLimit
from ..storage import Token
from .context import Context
from .unit_of_work import transaction

BATCH = 500
"""Rows in one transaction."""

MARGIN = timedelta(hours=1)
"""How long rows stay after their end, so that one that comes late is still known for what it is."""

SECRETS_MARGIN = timedelta(days=30)
"""How long a secret that has ended is still listed."""

_EXPIRING: dict[str, tuple[type[Any], InstrumentedAttribute[Any], timedelta]] = {
    "tokens": (Token, Token.expires_at, MARGIN),  # before the authorizations, which would take them along
    "authorizations": (Authorization, Authorization.expires_at, MARGIN),
    "authorization_requests": (AuthorizationRequest, AuthorizationRequest.expires_at, MARGIN),
    "logout_requests": (LogoutRequest, LogoutRequest.expires_at, MARGIN),
    "login_sessions": (LoginSession, LoginSession.expires_at, MARGIN),
    "ceremonies": (Ceremony, Ceremony.expires_at, MARGIN),
    "passlinks": (Passlink, Passlink.expires_at, MARGIN),
    "rate_limits": (RateLimit, RateLimit.expires_at, MARGIN),
    "client_secrets": (ClientSecret, ClientSecret.expires_at, SECRETS_MARGIN),
}


def purge(ctx: Context) -> dict[str, int]:
    """Delete what has expired, in every project.

    Several may run at once, and it may be stopped at any time: each batch is a transaction of its own. Keys
    that have retired stay, since they still recognise old ID tokens.

    :return: for each kind of row, how many were deleted.
    """
    counts = {
        name: _delete_expired(ctx, model, column, ctx.now - margin)
        for name, (model, column, margin) in _EXPIRING.items()
    }
    if any(counts.values()):
        with transaction(ctx) as work:
            work.record("database.purged", "system", data=counts)
    return counts


def _delete_expired(ctx: Context, model: type[Any], column: InstrumentedAttribute[Any], before: Any) -> int:
    table = model.__table__
    expired = (
        select(table.c.id)
        .where(column < before)
        .order_by(column)
        .limit(BATCH)
        .with_for_update(skip_locked=True)  # another purge has those
    )
    total = 0
    while True:
        with transaction(ctx):
            deleted = len(
                ctx.session.execute(
                    delete(table).where(table.c.id.in_(expired.scalar_subquery())).returning(table.c.id)
                ).all()
            )
        total += deleted
        if deleted < BATCH:
            return total
