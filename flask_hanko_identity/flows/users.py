"""Users as admins manage them."""

import json
import os
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ..crypto import random_text
from ..errors import Conflict
from ..errors import InvalidInput
from ..protocol.claims_schema import check_claims
from ..protocol.names import clean_email
from ..signals import user_signed_up
from ..storage import EmailAddress
from ..storage import User
from ..storage.users import UserState
from ..storage.users import find_user_by_email
from ..text import gettext
from .context import Context
from .revocations import end_user
from .rows import lock
from .unit_of_work import transaction

LARGEST_CLAIMS = 16_000
"""Characters of all of a user's claims together, as JSON."""


def has_users(ctx: Context, *, project_id: int) -> bool:
    """Whether anybody has an account in a project."""
    return ctx.session.execute(select(User.id).where(User.project_id == project_id).limit(1)).first() is not None


def create_user(ctx: Context, *, email: str, claims: Mapping[str, Any] | None = None) -> User:
    """Make a user of the context's project, who holds the address from the start: an admin answers for it.

    :param claims: standard claims. ``email_verified`` may be among them, ``email`` if it is the same, and
        ``updated_at`` in seconds since 1970, for people who come from another system.
    :raises InvalidInput: naming the claim that will not do.
    :raises Conflict: if another user of the project holds the address.
    """
    email = clean_email(email, "email")
    if claims is not None and not isinstance(claims, Mapping):
        raise InvalidInput(gettext("Claims are a JSON object."), field="claims")
    given = dict(claims or {})
    if given.pop("email", email) != email:
        raise InvalidInput(gettext("The claim “email” is not the user's address."), field="claims")
    verified = given.pop("email_verified", False)
    if not isinstance(verified, bool):
        raise InvalidInput(gettext("The claim “email_verified” must be true or false."), field="claims")
    updated_at = _updated_at(ctx, given.pop("updated_at", None))
    stored = check_claims(given)
    if len(json.dumps(stored)) > LARGEST_CLAIMS:
        raise InvalidInput(gettext("These claims are too large."), field="claims")
    taken = Conflict(gettext("A user of this project has this address already."), field="email")
    try:
        with transaction(ctx) as work:
            if find_user_by_email(ctx.session, project_id=ctx.project.id, email=email) is not None:
                raise taken
            user = User(
                project_id=ctx.project.id,
                sub=random_text(128),
                user_handle=os.urandom(64),
                state=UserState.ACTIVE,
                email=email,
                email_verified=verified,
                claims=stored,
                created_at=ctx.now,
                updated_at=updated_at,
            )
            ctx.session.add(user)
            ctx.session.flush()
            ctx.session.add(
                EmailAddress(
                    project_id=user.project_id,
                    user_id=user.id,
                    address=email,
                    held_as=email.lower(),
                    verified_at=ctx.now if verified else None,
                    created_at=ctx.now,
                )
            )
            work.record("user.created", f"user:{user.sub}", data={"claims": sorted(stored)})
            work.announce(user_signed_up, project=ctx.project.slug, user_id=user.id, sub=user.sub)
    except IntegrityError as error:  # two at once
        raise taken from error
    return user


def deactivate_user(ctx: Context, user: User) -> User:
    """Shut a user out: sessions end, tokens and links are dead at once, and no sign-in works."""
    with transaction(ctx) as work:
        user = lock(ctx, user)
        if user.state != UserState.INACTIVE:
            user.state = UserState.INACTIVE
            user.updated_at = ctx.now
            end_user(ctx, user.id)
            work.record("user.deactivated", f"user:{user.sub}", project_id=user.project_id)
    return user


def activate_user(ctx: Context, user: User) -> User:
    """Let a user sign in again. What was ended stays ended."""
    with transaction(ctx) as work:
        user = lock(ctx, user)
        if user.state != UserState.ACTIVE:
            user.state = UserState.ACTIVE
            user.updated_at = ctx.now
            work.record("user.activated", f"user:{user.sub}", project_id=user.project_id)
    return user


def _updated_at(ctx: Context, seconds: Any) -> datetime:
    if seconds is None:
        return ctx.now
    now = ctx.now.timestamp()
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= now:
        raise InvalidInput(
            gettext("The claim “updated_at” must be a number of seconds since 1970, in the past."),
            field="claims",
        )
    return datetime.fromtimestamp(seconds, UTC)
