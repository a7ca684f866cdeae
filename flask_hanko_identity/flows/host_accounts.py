"""Host accounts: the person whom the host has signed in becomes our user, with a login session of ours.

Nothing of the host's is changed here, and the host was asked before the first of our transactions begins.
"""

import logging
import os
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

from sqlalchemy import and_
from sqlalchemy import bindparam
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ..crypto import digest
from ..crypto import random_text
from ..protocol.authorization_request import ValidRequest
from ..protocol.errors import AuthorizationError
from ..protocol.errors import LoginRequiredError
from ..protocol.host_accounts import HostPerson
from ..protocol.passkeys import Assurance
from ..signals import user_signed_up
from ..storage import LoginSession
from ..storage import User
from ..storage.users import UserState
from .context import Context
from .login_sessions import end_session
from .login_sessions import find_signed_in
from .login_sessions import open_session
from .unit_of_work import Work
from .unit_of_work import transaction

log = logging.getLogger("flask_hanko_identity")

_sessions: Any = LoginSession.__table__
_users: Any = User.__table__

_FIND = (
    select(
        _users.c.id,
        _users.c.sub,
        _users.c.state,
        _users.c.email,
        _users.c.email_verified,
        _users.c.claims,
        _sessions.c.id.label("session_id"),
        _sessions.c.auth_time,
        _sessions.c.acr,
        _sessions.c.amr,
    )
    .select_from(_users)
    .outerjoin(
        _sessions,
        and_(
            _sessions.c.user_id == _users.c.id,
            _sessions.c.digest == bindparam("b_digest"),
            _sessions.c.ended_at.is_(None),
            _sessions.c.expires_at > bindparam("b_now"),
            _sessions.c.last_seen_at > bindparam("b_idle"),
        ),
    )
    .where(_users.c.project_id == bindparam("b_project"), _users.c.host_id == bindparam("b_host_id"))
)
_ADD = insert(_users)
_CHANGE = update(_users).where(_users.c.id == bindparam("b_user"))


@dataclass(frozen=True, slots=True)
class HostLogin:
    """How the browser stands with a project after the host was asked who is in front of it."""

    token: str | None = field(repr=False)
    """What the login cookie is to hold; None if nobody is signed in."""
    is_inactive: bool = False
    """There is somebody, whom an admin has shut out."""


def follow(ctx: Context, *, login_token: str | None, may_create: bool = True) -> HostLogin:
    """Let our login session be that of the context's ``person``; one query if nothing has changed.

    A session of somebody else ends. Somebody who signed in anew gets a new one.

    :param login_token: value of the login cookie that the browser brought.
    :param may_create: False where somebody who is new to the project need not become known to it.
    """
    person = ctx.person
    if person is None:
        _end(ctx, login_token)
        return HostLogin(None)
    row = _find(ctx, person, login_token)
    if row is None and not may_create:
        _end(ctx, login_token)
        return HostLogin(None)
    if row is not None and row.state != UserState.ACTIVE:
        _end(ctx, login_token)
        return HostLogin(None, is_inactive=True)
    if row is not None and _is_same_sign_in(row, person) and not _changes(row, person):
        return HostLogin(login_token)
    for fault in person.faults:
        log.warning("project %s: host_user: %s", ctx.project.slug, fault)
    with transaction(ctx) as work:
        user = _keep_user(ctx, work, person, login_token)
        if user.state != UserState.ACTIVE:
            return HostLogin(None, is_inactive=True)
        if _is_same_sign_in(user, person):
            return HostLogin(login_token)
        return HostLogin(_open(ctx, work, person, user, login_token))


def refuse_unproven(ctx: Context, request: ValidRequest) -> None:
    """Refuse a request for a new sign-in where the host does not say when people sign in.

    :raises AuthorizationError: if it is one (OpenID Connect Core 1.0, section 3.1.2.1: who cannot reauthenticate the
        user has to say so).
    """
    person = ctx.person
    if person is None or person.auth_time is not None or ("login" not in request.prompt and request.max_age is None):
        return
    log.warning(
        "project %s: %s asks for a sign-in that is new, which needs the auth_time of HostUser",
        ctx.project.slug,
        request.client.client_id,
    )
    error = LoginRequiredError("It is not known when the user signed in.")
    raise AuthorizationError(error, redirect_uri=request.redirect_uri, state=request.state)


def fresh_since(ctx: Context, created_at: datetime, *, returned: bool) -> datetime | None:
    """From when on a sign-in answers a request that was made at ``created_at``.

    :param returned: whether the browser may have been at the host's login view in the meantime.
    """
    person = ctx.person
    if person is None:
        return created_at
    if person.auth_time is None:
        # What would have to be proven is refused before; asking a second time for the rest would never end.
        return datetime.min.replace(tzinfo=UTC) if returned else None
    # Flask's session, in which hosts keep it, knows whole seconds only.
    if not person.auth_time.microsecond:
        return created_at.replace(microsecond=0) - timedelta(microseconds=1)
    return created_at


def _find(ctx: Context, person: HostPerson, login_token: str | None) -> Any:
    return ctx.session.execute(
        _FIND,
        {
            "b_digest": digest(login_token or ""),
            "b_project": ctx.project.id,
            "b_host_id": person.host_id,
            "b_now": ctx.now,
            "b_idle": ctx.now - ctx.settings.session_idle_lifetime,
        },
    ).one_or_none()


def _is_same_sign_in(row: Any, person: HostPerson) -> bool:
    known = row.session_id is not None and (row.acr, tuple(row.amr)) == (person.acr, person.amr)
    return known and person.auth_time in (None, row.auth_time)


def _changes(row: Any, person: HostPerson) -> dict[str, Any]:
    given = {"email": person.email, "email_verified": person.email_verified, "claims": person.claims}
    return {name: value for name, value in given.items() if getattr(row, name) != value}


def _keep_user(ctx: Context, work: Work, person: HostPerson, login_token: str | None) -> Any:
    row = _find(ctx, person, login_token)
    if row is None:
        _add_user(ctx, work, person)
        return _find(ctx, person, login_token)
    changes = _changes(row, person)
    if changes and row.state == UserState.ACTIVE:
        ctx.session.execute(_CHANGE.values(**changes, updated_at=ctx.now), {"b_user": row.id})
        work.record("user.changed", f"user:{row.sub}", actor=f"user:{row.sub}", data={"changed": sorted(changes)})
    return row


def _add_user(ctx: Context, work: Work, person: HostPerson) -> None:
    sub = random_text(128)
    values = {
        "project_id": ctx.project.id,
        "sub": sub,
        "user_handle": os.urandom(64),
        "state": UserState.ACTIVE,
        "email": person.email,
        "email_verified": person.email_verified,
        "claims": person.claims,
        "host_id": person.host_id,
        "created_at": ctx.now,
        "updated_at": ctx.now,
    }
    try:
        with ctx.session.begin_nested():
            user_id = ctx.session.execute(_ADD.returning(_users.c.id), values).scalar_one()
    except IntegrityError:  # another tab was faster
        return
    work.record("user.created", f"user:{sub}", actor=f"user:{sub}", data={"claims": sorted(person.claims)})
    work.announce(user_signed_up, project=ctx.project.slug, user_id=user_id, sub=sub)


def _open(ctx: Context, work: Work, person: HostPerson, user: Any, login_token: str | None) -> str:
    before = find_signed_in(ctx, login_token)
    if before is not None and before.user_id != user.id:
        end_session(ctx, work, session_id=before.session_id)
    opened = open_session(
        ctx,
        work,
        user_id=user.id,
        sub=user.sub,
        assurance=Assurance(person.acr, person.amr),
        replaces=login_token,
        auth_time=person.auth_time,
    )
    return opened.token


def _end(ctx: Context, login_token: str | None) -> None:
    before = find_signed_in(ctx, login_token)
    if before is not None:
        with transaction(ctx) as work:
            end_session(ctx, work, session_id=before.session_id)
