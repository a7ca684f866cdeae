"""The whole of an account: taken along as a file, or deleted."""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy import Select
from sqlalchemy import Table
from sqlalchemy import bindparam
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update

from ..errors import Conflict
from ..errors import InvalidInput
from ..errors import NotFound
from ..signals import organization_changed
from ..signals import user_deleted
from ..storage import AuditEvent
from ..storage import Authorization
from ..storage import Base
from ..storage import EmailAddress
from ..storage import Membership
from ..storage import Organization
from ..storage import Passlink
from ..storage import Project
from ..storage import Token
from ..storage import User
from ..storage.organizations import Role
from ..storage.projects import CONSOLE_SLUG
from ..storage.users import UserState
from ..text import gettext
from .context import Context
from .freshness import require_fresh
from .login_sessions import SignedIn
from .notices import send_notice
from .unit_of_work import Work
from .unit_of_work import transaction
from .ways_in import lock_user

_addresses: Any = EmailAddress.__table__
_authorizations: Any = Authorization.__table__
_events: Any = AuditEvent.__table__
_links: Any = Passlink.__table__
_members: Any = Membership.__table__
_organizations: Any = Organization.__table__
_projects: Any = Project.__table__
_tokens: Any = Token.__table__
_users: Any = User.__table__


def confirmation_for(signed_in: SignedIn) -> str:
    """What the person types so that nobody deletes an account by a slip: their address, or a word."""
    return signed_in.email or gettext("delete")


def delete_account(ctx: Context, signed_in: SignedIn, *, confirmation: str) -> None:
    """Delete the person's account with all that belongs to it; everything that it opened is dead at once.

    The journal keeps that there was somebody with this ``sub``, and forgets what is personal. The ``sub`` and the user
    handle are random, so that nobody who signs up later is taken for them.

    :raises StepUpRequired: if the sign-in is not fresh.
    :raises InvalidInput: if the confirmation was not typed.
    :raises Conflict: if an organization would be left without an owner.
    """
    require_fresh(ctx, signed_in)
    wanted = confirmation_for(signed_in)
    if confirmation.strip().casefold() != wanted.casefold():
        raise InvalidInput(gettext("Type %(phrase)s to delete your account.", phrase=wanted), field="confirmation")
    with transaction(ctx) as work:
        if ctx.project.slug == CONSOLE_SLUG:
            _leave_organizations(ctx, work, signed_in.user_id)
        lock_user(ctx, signed_in.user_id)
        send_notice(
            ctx,
            work,
            user_id=signed_in.user_id,
            subject=gettext("Your account was deleted"),
            sentences=[
                gettext(
                    "Your account at %(project)s was deleted with all that belongs to it.", project=ctx.project.name
                ),
                gettext("If it was not you, tell the people who run this service at once."),
            ],
        )
        _forget(ctx, signed_in)
        if not _delete_rows(ctx, signed_in.user_id):
            raise NotFound(gettext("This account is no longer there."))
        work.record("user.deleted", f"user:{signed_in.sub}")
        work.announce(user_deleted, project=ctx.project.slug, sub=signed_in.sub)


def tables_of_users() -> list[tuple[Table, Any]]:
    """Every table of users' things, with the column that says whose a row is; those that refer to others first."""
    return [
        (table, key.parent)
        for table in reversed(Base.metadata.sorted_tables)
        for key in table.foreign_keys
        if key.column.table is _users
    ]


def _delete_rows(ctx: Context, user_id: int) -> bool:
    """Delete them here and not by the database alone: SQLite heeds foreign keys only where it is told to."""
    session = ctx.session
    mine = select(_authorizations.c.id).where(_authorizations.c.user_id == user_id)
    session.execute(delete(_tokens).where(_tokens.c.authorization_id.in_(mine)))
    for table, owner in tables_of_users():
        session.execute(delete(table).where(owner == user_id))
    gone = session.execute(delete(_users).where(_users.c.id == user_id, _users.c.project_id == ctx.project.id))
    return bool(gone.rowcount)  # type: ignore[attr-defined]


def _forget(ctx: Context, signed_in: SignedIn) -> None:
    """Take out of the journal, and out of links that name no user, what tells more than the ``sub``."""
    session = ctx.session
    # Only addresses that they hold: anybody may claim one that is not theirs.
    held = list(
        session.scalars(
            select(_addresses.c.held_as).where(
                _addresses.c.user_id == signed_in.user_id, _addresses.c.held_as.is_not(None)
            )
        )
    )
    session.execute(
        delete(_links).where(
            _links.c.project_id == ctx.project.id, _links.c.user_id.is_(None), func.lower(_links.c.email).in_(held)
        )
    )
    me = f"user:{signed_in.sub}"
    here = () if ctx.project.slug == CONSOLE_SLUG else (_events.c.project_id == ctx.project.id,)
    session.execute(
        update(_events)
        .where(or_(_events.c.subject == me, _events.c.actor == me), *here)
        .values(ip_address=None, user_agent=None)
    )
    session.execute(update(_events).where(_events.c.subject == me, *here).values(data={}))
    # A link that was made for an address before there was an account stands under the project.
    rows = session.execute(
        select(_events.c.id, _events.c.data).where(
            _events.c.project_id == ctx.project.id, _events.c.event == "passlink.created"
        )
    ).all()
    named = [row for row in rows if str(row.data.get("email") or "").lower() in held]
    if named:
        session.execute(
            update(_events)
            .where(_events.c.id == bindparam("b_id"))
            .values(data=bindparam("b_data", type_=JSON()))
            .execution_options(synchronize_session=False),
            [
                {"b_id": row.id, "b_data": {key: value for key, value in row.data.items() if key != "email"}}
                for row in named
            ],
        )


def _leave_organizations(ctx: Context, work: Work, user_id: int) -> None:
    """Delete organizations in which nobody and nothing else is.

    :raises Conflict: if there is more in one that nobody else owns.
    """
    session = ctx.session
    owned = session.execute(
        select(_organizations.c.id, _organizations.c.public_id, _organizations.c.name)
        .join(_members, _members.c.organization_id == _organizations.c.id)
        .where(_members.c.user_id == user_id, _members.c.role == Role.OWNER)
        .order_by(_organizations.c.id)
        # Two owners who leave at once must not each rely on the other.
        .with_for_update(of=_organizations)
    ).all()
    stuck = []
    for organization in owned:
        here = _members.c.organization_id == organization.id
        others = select(_members.c.id).where(here, _members.c.user_id != user_id)
        owners = (
            others.where(_members.c.role == Role.OWNER)
            .join(_users, _users.c.id == _members.c.user_id)
            .where(_users.c.state == UserState.ACTIVE)
        )
        projects = select(_projects.c.id).where(_projects.c.organization_id == organization.id)
        if _any(ctx, owners):
            continue
        if _any(ctx, others) or _any(ctx, projects):
            stuck.append(organization.name)
            continue
        session.execute(delete(_members).where(here))
        session.execute(delete(_organizations).where(_organizations.c.id == organization.id))
        work.record("organization.deleted", f"organization:{organization.public_id}", organization_id=organization.id)
        work.announce(organization_changed, organization_id=organization.public_id)
    if stuck:
        raise Conflict(
            gettext(
                "You are the only owner of %(names)s, and there are other members or projects in it. "
                "Make somebody else an owner first, or delete the projects.",
                names=", ".join(f"“{name}”" for name in stuck),
            )
        )


def _any(ctx: Context, statement: Select[Any]) -> bool:
    return ctx.session.execute(statement.limit(1)).first() is not None
