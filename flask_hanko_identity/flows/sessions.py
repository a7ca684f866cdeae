"""The browsers that a person is signed in with: the list, and the end of one or of all others."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ..errors import NotFound
from ..protocol.user_agents import read_user_agent
from ..storage import Authorization
from ..storage import LoginSession
from ..text import gettext
from .context import Context
from .devices import device_name
from .freshness import require_fresh
from .login_sessions import SignedIn
from .login_sessions import end_sessions
from .notices import send_notice
from .revocations import revoke_lost_authorizations
from .unit_of_work import Work
from .unit_of_work import transaction

_sessions: Any = LoginSession.__table__


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEntry:
    """What a list of sessions shows of one."""

    sid: str
    device: str
    """Such as “Chrome on Linux”."""
    is_handheld: bool
    address: str | None
    """Of the internet, at the sign-in."""
    signed_in_at: datetime
    last_seen_at: datetime
    """To within five minutes."""
    by_passkey: bool
    """Else it was a link, a code of a mail or a recovery code."""
    is_this: bool


def live(ctx: Context) -> tuple[Any, ...]:
    """The conditions under which a session of the project works."""
    return (
        _sessions.c.project_id == ctx.project.id,
        _sessions.c.ended_at.is_(None),
        _sessions.c.expires_at > ctx.now,
        _sessions.c.last_seen_at > ctx.now - ctx.settings.session_idle_lifetime,
    )


def list_sessions(ctx: Context, signed_in: SignedIn) -> list[SessionEntry]:
    """The person's live sessions: this one, then the one that was seen last, and so on. One query."""
    rows = ctx.session.execute(
        select(_sessions)
        .where(_sessions.c.user_id == signed_in.user_id, *live(ctx))
        .order_by(_sessions.c.last_seen_at.desc(), _sessions.c.id.desc())
    )
    entries = [
        SessionEntry(
            sid=row.sid,
            device=device_name(row.user_agent),
            is_handheld=read_user_agent(row.user_agent).is_handheld,
            address=row.ip_address,
            signed_in_at=row.auth_time,
            last_seen_at=row.last_seen_at,
            by_passkey=row.acr != "1",
            is_this=row.id == signed_in.session_id,
        )
        for row in rows
    ]
    return sorted(entries, key=lambda entry: not entry.is_this)


def end_one(ctx: Context, signed_in: SignedIn, *, sid: str) -> None:
    """End another session of the person's, and what lived by it.

    :raises StepUpRequired: if the sign-in is not fresh.
    :raises NotFound: if it is not theirs, is this one, or is over already.
    """
    require_fresh(ctx, signed_in)
    with transaction(ctx) as work:
        is_sid = sid.isascii() and sid.isalnum()
        if not is_sid or not end_sessions(ctx, work, (_sessions.c.sid == sid) & _others(signed_in)):
            raise NotFound(gettext("This session is over already."))
        _tell(ctx, work, signed_in, gettext("One of your other sessions at %(project)s was ended."))


def end_others(ctx: Context, signed_in: SignedIn) -> int:
    """End all sessions of the person's but this one, and what lived by any other, over already or not.

    :return: how many there were.
    :raises StepUpRequired: if the sign-in is not fresh.
    """
    require_fresh(ctx, signed_in)
    with transaction(ctx) as work:
        count = end_sessions(ctx, work, _others(signed_in))
        revoke_lost_authorizations(
            ctx,
            Authorization.user_id == signed_in.user_id,
            Authorization.login_session_id != signed_in.session_id,
        )
        if count:
            _tell(ctx, work, signed_in, gettext("All of your other sessions at %(project)s were ended."))
    return count


def _others(signed_in: SignedIn) -> Any:
    return (_sessions.c.user_id == signed_in.user_id) & (_sessions.c.id != signed_in.session_id)


def _tell(ctx: Context, work: Work, signed_in: SignedIn, sentence: str) -> None:
    send_notice(
        ctx,
        work,
        user_id=signed_in.user_id,
        subject=gettext("You were signed out elsewhere"),
        sentences=[
            sentence % {"project": ctx.project.name},
            gettext("If this was not you, sign in and remove every passkey you do not know."),
        ],
    )
