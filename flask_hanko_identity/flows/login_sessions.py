"""Login sessions: found by the cookie's digest, made anew at each authentication, ended by sign-out."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from typing import Any

from sqlalchemy import and_
from sqlalchemy import bindparam
from sqlalchemy import exists
from sqlalchemy import insert
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update

from ..crypto import digest
from ..crypto import random_text
from ..errors import Forbidden
from ..protocol.passkeys import Assurance
from ..signals import user_logged_in
from ..signals import user_logged_out
from ..storage import LoginSession
from ..storage import User
from ..storage.engines import is_writing
from ..storage.users import UserState
from ..text import gettext
from .context import Context
from .devices import tell_of_new_device
from .revocations import revoke_session
from .unit_of_work import Work
from .unit_of_work import transaction

TOUCH_INTERVAL = timedelta(minutes=5)
"""How exact ``last_seen_at`` is: not every page view writes."""

_sessions: Any = LoginSession.__table__
_before: Any = _sessions.alias("before")
_users: Any = User.__table__

_FIND = (
    select(
        _sessions.c.id.label("session_id"),
        _sessions.c.sid,
        _sessions.c.auth_time,
        _sessions.c.acr,
        _sessions.c.amr,
        _sessions.c.last_seen_at,
        _sessions.c.expires_at,
        _users.c.id.label("user_id"),
        _users.c.sub,
        _users.c.email,
        _users.c.claims,
    )
    .join(_users, _users.c.id == _sessions.c.user_id)
    .where(
        _sessions.c.digest == bindparam("b_digest"),
        _sessions.c.project_id == bindparam("b_project"),
        _sessions.c.ended_at.is_(None),
        _sessions.c.expires_at > bindparam("b_now"),
        _sessions.c.last_seen_at > bindparam("b_idle"),
        _users.c.state == UserState.ACTIVE,
    )
)
_NEW: dict[str, Any] = {
    "project_id": _users.c.project_id,
    "user_id": _users.c.id,
    "digest": bindparam("b_digest", type_=_sessions.c.digest.type),
    "sid": bindparam("b_sid", type_=_sessions.c.sid.type),
    "auth_time": bindparam("b_auth_time", type_=_sessions.c.auth_time.type),
    "acr": bindparam("b_acr", type_=_sessions.c.acr.type),
    "amr": bindparam("b_amr", type_=_sessions.c.amr.type),
    "created_at": bindparam("b_now", type_=_sessions.c.auth_time.type),
    "last_seen_at": bindparam("b_now", type_=_sessions.c.auth_time.type),
    "expires_at": bindparam("b_end", type_=_sessions.c.auth_time.type),
    "ip_address": bindparam("b_address", type_=_sessions.c.ip_address.type),
    "user_agent": bindparam("b_agent", type_=_sessions.c.user_agent.type),
    "browser_digest": bindparam("b_browser", type_=_sessions.c.browser_digest.type),
}
_IN_THIS_BROWSER = _before.c.browser_digest == bindparam("b_browser", type_=_sessions.c.browser_digest.type)
_NOT_THE_NEW_ONE = _before.c.digest != bindparam("b_digest", type_=_sessions.c.digest.type)
_WAS_HERE = exists().where(_before.c.user_id == bindparam("b_user"), _NOT_THE_NEW_ONE, _IN_THIS_BROWSER)
_IS_REPLACED = exists().where(
    _before.c.user_id == bindparam("b_user"),
    _NOT_THE_NEW_ONE,
    _before.c.ended_at.is_(None),
    or_(_before.c.digest == bindparam("b_replaces", type_=_sessions.c.digest.type), _IN_THIS_BROWSER),
)
_IS_NEWCOMER = exists().where(
    _users.c.id == bindparam("b_user"), _users.c.created_at >= bindparam("b_now", type_=_users.c.created_at.type)
)
_OPEN = (
    insert(_sessions)
    .from_select(
        list(_NEW),
        select(*_NEW.values()).where(
            _users.c.id == bindparam("b_user"),
            _users.c.project_id == bindparam("b_project"),
            _users.c.state == UserState.ACTIVE,
        ),
    )
    .returning(
        _sessions.c.id,
        _WAS_HERE.label("was_here"),
        _IS_REPLACED.label("replaces"),
        _IS_NEWCOMER.label("is_newcomer"),
    )
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in to a project in this browser, since when and how."""

    session_id: int
    sid: str
    user_id: int
    sub: str
    email: str | None
    name: str | None
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just opened."""

    token: str = field(repr=False)
    """What the cookie is to hold; nobody sees it again."""
    sid: str
    user_id: int
    keeps_previous: bool = False
    """Whether the session that the cookie named before is another user's, which stays open."""
    came_from_elsewhere: bool = False
    """Whether the passkey is another device's, so that this one has none perhaps."""


def find_signed_in(ctx: Context, token: str | None) -> SignedIn | None:
    """The live session of the cookie's value in the context's project; one query.

    Now and then it also notes that the session was used, in the caller's transaction or one of its own.
    """
    if not token:
        return None
    row = ctx.session.execute(
        _FIND,
        {
            "b_digest": digest(token),
            "b_project": ctx.project.id,
            "b_now": ctx.now,
            "b_idle": ctx.now - ctx.settings.session_idle_lifetime,
        },
    ).one_or_none()
    if row is None:
        return None
    if row.last_seen_at <= ctx.now - TOUCH_INTERVAL:
        _touch(ctx, row.session_id)
    name = row.claims.get("name") if isinstance(row.claims, dict) else None
    return SignedIn(
        session_id=row.session_id,
        sid=row.sid,
        user_id=row.user_id,
        sub=row.sub,
        email=row.email,
        name=name if isinstance(name, str) else None,
        auth_time=row.auth_time,
        acr=row.acr,
        amr=tuple(row.amr),
    )


def open_session(
    ctx: Context,
    work: Work,
    *,
    user_id: int,
    sub: str,
    assurance: Assurance,
    replaces: str | None = None,
    auth_time: datetime | None = None,
    is_announced: bool = False,
) -> NewSession:
    """Open a session for a user of the project, who must be active.

    The id is new whenever somebody authenticates, and the user's one before it in this browser ends (session
    fixation). Sessions of other users in this browser stay. Whoever was never seen in this browser gets a mail.

    :param replaces: value of the login cookie that the browser brought, if any.
    :param auth_time: when the user authenticated, if that was not now.
    :param is_announced: whether they are written to by the caller, wherever this is.
    :raises Forbidden: if the user is not active.
    """
    token = random_text()
    sid = random_text(128)
    browser = digest(ctx.origin.browser) if ctx.origin.browser else None
    opened = ctx.session.execute(
        _OPEN,
        {
            "b_user": user_id,
            "b_project": ctx.project.id,
            "b_digest": digest(token),
            "b_sid": sid,
            "b_acr": assurance.acr,
            "b_amr": list(assurance.amr),
            "b_auth_time": auth_time or ctx.now,
            "b_now": ctx.now,
            "b_end": ctx.now + ctx.settings.session_lifetime,
            "b_address": ctx.origin.ip_address,
            "b_agent": ctx.origin.user_agent,
            "b_browser": browser,
            "b_replaces": digest(replaces or ""),
        },
    ).one_or_none()
    if opened is None:
        raise Forbidden(gettext("This account is not active. Ask the people who run this service."))
    ended = _end_previous(ctx, work, opened.id, user_id, replaces, browser) if opened.replaces else set()
    is_known = browser is None or opened.was_here or opened.is_newcomer
    if not is_known and not is_announced and ctx.person is None:
        tell_of_new_device(ctx, work, user_id=user_id)
    work.announce(
        user_logged_in,
        project=ctx.project.slug,
        user_id=user_id,
        sub=sub,
        sid=sid,
        amr=list(assurance.amr),
    )
    keeps_previous = replaces is not None and digest(replaces) not in ended
    return NewSession(token=token, sid=sid, user_id=user_id, keeps_previous=keeps_previous)


def end_session(ctx: Context, work: Work, *, session_id: int, asking: int | None = None) -> None:
    """End a session of the project, and what lived by it. To end it twice is no error and does nothing.

    :param asking: the client that asked for it, if one did; it keeps nothing of the session.
    """
    end_sessions(ctx, work, _sessions.c.id == session_id, asking=asking)


def end_sessions(ctx: Context, work: Work, which: Any, *, asking: int | None = None) -> int:
    """End those sessions of the project that a condition on their table names; gives how many there were."""
    ended = _end(ctx, which)
    for row in ended:
        work.record("session.ended", f"user:{row.sub}", data={"sid": row.sid})
        work.announce(user_logged_out, project=ctx.project.slug, sid=row.sid)
        revoke_session(ctx, row.id, asking=asking)
    return len(ended)


def sign_out(ctx: Context, signed_in: SignedIn) -> None:
    """End the session of the person who asks for it."""
    with transaction(ctx) as work:
        end_session(ctx, work, session_id=signed_in.session_id)


def _end_previous(
    ctx: Context, work: Work, session_id: int, user_id: int, replaces: str | None, browser: bytes | None
) -> set[bytes]:
    """End the sessions that the new one is in place of; gives the digests of their cookies."""
    ended = _end(
        ctx,
        and_(
            _sessions.c.user_id == user_id,
            _sessions.c.id != session_id,
            or_(_sessions.c.digest == digest(replaces or ""), _sessions.c.browser_digest == browser),
        ),
    )
    for row in ended:
        work.announce(user_logged_out, project=ctx.project.slug, sid=row.sid)
    return {bytes(row.digest) for row in ended}


def _end(ctx: Context, which: Any) -> Sequence[Any]:
    owner = select(_users.c.sub).where(_users.c.id == _sessions.c.user_id).scalar_subquery()
    return ctx.session.execute(
        update(_sessions)
        .where(which, _sessions.c.project_id == ctx.project.id, _sessions.c.ended_at.is_(None))
        .values(ended_at=ctx.now)
        .returning(_sessions.c.id, _sessions.c.sid, _sessions.c.digest, owner.label("sub"))
    ).all()


def _touch(ctx: Context, session_id: int) -> None:
    seen = (
        update(_sessions)
        .where(_sessions.c.id == session_id, _sessions.c.last_seen_at < ctx.now)
        .values(last_seen_at=ctx.now)
    )
    if is_writing(ctx.session):
        ctx.session.execute(seen)
    else:
        with transaction(ctx):
            ctx.session.execute(seen)
