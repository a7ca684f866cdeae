"""A new user of a project, whatever way they came."""

from typing import Any

from sqlalchemy import insert

from ..crypto import random_text
from ..signals import user_signed_up
from ..storage import EmailAddress
from ..storage import User
from ..storage.projects import CONSOLE_SLUG
from ..storage.users import UserState
from .context import Context
from .organizations import add_default_organization
from .unit_of_work import Work

_users: Any = User.__table__
_addresses: Any = EmailAddress.__table__


def add_user(
    ctx: Context, work: Work, *, email: str, user_handle: bytes, held: bool, verified: bool
) -> tuple[int, str]:
    """Make somebody a user; in the console they get an organization too. Within the caller's transaction.

    :param held: whether the address is theirs from the start, and nobody else's.
    :param verified: whether they showed that mail to it reaches them.
    :return: the user's id and ``sub``.
    :raises IntegrityError: if somebody else holds the address.
    """
    sub = random_text(128)
    user_id = ctx.session.execute(
        insert(_users).returning(_users.c.id),
        {
            "project_id": ctx.project.id,
            "sub": sub,
            "user_handle": user_handle,
            "state": UserState.ACTIVE,
            "email": email,
            "email_verified": verified,
            "claims": {},
            "created_at": ctx.now,
            "updated_at": ctx.now,
        },
    ).scalar_one()
    ctx.session.execute(
        insert(_addresses),
        {
            "project_id": ctx.project.id,
            "user_id": user_id,
            "address": email,
            "held_as": email.lower() if held else None,
            "verified_at": ctx.now if verified else None,
            "created_at": ctx.now,
        },
    )
    if ctx.project.slug == CONSOLE_SLUG:
        add_default_organization(ctx, work, user_id=user_id, email=email)
    work.announce(user_signed_up, project=ctx.project.slug, user_id=user_id, sub=sub)
    return user_id, sub
