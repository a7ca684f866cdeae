"""The e-mail addresses of a person: added, verified, one of them the primary one, removed.

Many may claim an address, and only who verified it holds it. ``User.email`` and ``User.email_verified`` are copies of
the primary one and change in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ..errors import Conflict
from ..errors import NotFound
from ..protocol.names import clean_email
from ..signals import user_email_changed
from ..storage import EmailAddress
from ..storage import Passlink
from ..storage import User
from ..text import gettext
from .context import Context
from .freshness import require_fresh
from .login_sessions import SignedIn
from .mail import Mail
from .unit_of_work import Work
from .unit_of_work import transaction
from .ways_in import has_way_in
from .ways_in import lock_user

MOST_ADDRESSES = 10
"""That one user may have: each costs somebody a mail."""

_addresses: Any = EmailAddress.__table__
_links: Any = Passlink.__table__
_users: Any = User.__table__


@dataclass(frozen=True, slots=True)
class Address:
    """One of a user's addresses."""

    id: int
    address: str
    verified: bool
    """Whether the user showed that mail to it reaches them."""
    primary: bool
    """Whether it is the one that apps are told and notices go to."""


def list_addresses(ctx: Context, *, user_id: int) -> list[Address]:
    """The addresses of a user of the project, the primary one first."""
    listed = [_as_address(row) for row in ctx.session.execute(_own(ctx, user_id).order_by(_addresses.c.id))]
    return sorted(listed, key=lambda each: not each.primary)


def find_address(ctx: Context, *, user_id: int, address_id: int) -> Address:
    """One of a user's addresses.

    :raises NotFound: if it is not theirs.
    """
    row = ctx.session.execute(_own(ctx, user_id).where(_addresses.c.id == address_id)).one_or_none()
    if row is None:
        raise _not_there()
    return _as_address(row)


def add_address(ctx: Context, signed_in: SignedIn, *, email: str) -> Address:
    """Add an address, which is worth nothing until it is verified. Whether somebody else has it is not told.

    :raises StepUpRequired: if the sign-in is not fresh.
    :raises InvalidInput: if it is no e-mail address.
    :raises Conflict: if the person has it already, or too many.
    """
    require_fresh(ctx, signed_in)
    email = clean_email(email, "email")
    with transaction(ctx) as work:
        lock_user(ctx, signed_in.user_id)
        present = list_addresses(ctx, user_id=signed_in.user_id)
        if any(each.address.lower() == email.lower() for each in present):
            raise Conflict(gettext("You have this address already."), field="email")
        if len(present) >= MOST_ADDRESSES:
            raise Conflict(
                gettext("You can have %(most)d addresses. Remove one first.", most=MOST_ADDRESSES), field="email"
            )
        added = ctx.session.execute(
            insert(_addresses)
            .values(
                project_id=ctx.project.id,
                user_id=signed_in.user_id,
                address=email,
                held_as=None,
                verified_at=None,
                created_at=ctx.now,
            )
            .returning(_addresses.c.id)
        ).scalar_one()
        _changed(ctx, work, signed_in, "email.added")
        _tell(
            ctx,
            work,
            [_primary(ctx, signed_in.user_id)],
            gettext("An e-mail address was added to your account"),
            gettext("The address %(email)s was added. It has to be verified before it can be used.", email=email),
        )
    return Address(added, email, verified=False, primary=False)


def verify_address(ctx: Context, work: Work, *, user_id: int, email: str) -> bool:
    """Note that the user showed that an address is theirs; from now on they hold it. Within the caller's transaction.

    :return: False if the user does not have the address any more.
    :raises Conflict: if somebody else holds it.
    """
    lock_user(ctx, user_id)
    own = (
        _addresses.c.user_id == user_id,
        _addresses.c.project_id == ctx.project.id,
        func.lower(_addresses.c.address) == email.lower(),
    )
    row = ctx.session.execute(select(_addresses.c.id, _addresses.c.address).where(*own)).first()
    if row is None:
        return False
    try:
        with ctx.session.begin_nested():
            ctx.session.execute(
                update(_addresses)
                .where(_addresses.c.id == row.id)
                .values(held_as=row.address.lower(), verified_at=func.coalesce(_addresses.c.verified_at, ctx.now))
            )
    except IntegrityError as error:
        raise Conflict(gettext("Another account here has this address. Remove it there first.")) from error
    ctx.session.execute(
        update(_users)
        .where(_users.c.id == user_id, _users.c.email == row.address, _users.c.email_verified.is_(False))
        .values(email_verified=True, updated_at=ctx.now)
    )
    return True


def make_primary(ctx: Context, signed_in: SignedIn, *, address_id: int) -> Address:
    """Make a verified address the one that apps are told and notices go to. Old and new are told.

    :raises StepUpRequired: if the sign-in is not fresh.
    :raises NotFound: if the address is not the person's.
    :raises Conflict: if it is not verified.
    """
    require_fresh(ctx, signed_in)
    with transaction(ctx) as work:
        lock_user(ctx, signed_in.user_id)
        chosen = find_address(ctx, user_id=signed_in.user_id, address_id=address_id)
        if not chosen.verified:
            raise Conflict(gettext("Verify %(email)s first.", email=chosen.address))
        if not chosen.primary:
            before = _primary(ctx, signed_in.user_id)
            ctx.session.execute(
                update(_users)
                .where(_users.c.id == signed_in.user_id)
                .values(email=chosen.address, email_verified=True, updated_at=ctx.now)
            )
            _changed(ctx, work, signed_in, "email.primary_changed")
            _tell(
                ctx,
                work,
                [before, chosen.address],
                gettext("Your e-mail address was changed"),
                gettext("From now on %(email)s is the primary address of your account.", email=chosen.address),
            )
    return chosen


def remove_address(ctx: Context, signed_in: SignedIn, *, address_id: int) -> Address:
    """Remove an address. Links that were sent to it are dead, and it is told.

    :raises StepUpRequired: if the sign-in is not fresh.
    :raises NotFound: if the address is not the person's.
    :raises Conflict: if it is the primary one, or the last way to sign in.
    """
    require_fresh(ctx, signed_in)
    with transaction(ctx) as work:
        lock_user(ctx, signed_in.user_id)
        chosen = find_address(ctx, user_id=signed_in.user_id, address_id=address_id)
        if chosen.primary:
            raise Conflict(gettext("This is your primary address. Make another one the primary address first."))
        if chosen.verified and not has_way_in(ctx, user_id=signed_in.user_id, without_address=address_id):
            raise Conflict(
                gettext("Without this address you could not sign in any more. Add a passkey or another address first.")
            )
        ctx.session.execute(delete(_addresses).where(_addresses.c.id == address_id))
        ctx.session.execute(
            update(_links)
            .where(
                _links.c.user_id == signed_in.user_id,
                func.lower(_links.c.email) == chosen.address.lower(),
                _links.c.used_at.is_(None),
            )
            .values(used_at=ctx.now)
        )
        _changed(ctx, work, signed_in, "email.removed")
        _tell(
            ctx,
            work,
            [_primary(ctx, signed_in.user_id), chosen.address if chosen.verified else None],
            gettext("An e-mail address was removed from your account"),
            gettext("The address %(email)s was removed. It can no longer be used to sign in.", email=chosen.address),
        )
    return chosen


def _own(ctx: Context, user_id: int) -> Any:
    return (
        select(
            _addresses.c.id,
            _addresses.c.address,
            _addresses.c.verified_at.is_not(None).label("verified"),
            (_addresses.c.address == _users.c.email).label("is_primary"),
        )
        .join(_users, _users.c.id == _addresses.c.user_id)
        .where(_addresses.c.user_id == user_id, _addresses.c.project_id == ctx.project.id)
    )


def _as_address(row: Any) -> Address:
    return Address(row.id, row.address, verified=bool(row.verified), primary=bool(row.is_primary))


def _primary(ctx: Context, user_id: int) -> str | None:
    """The primary address, if it is verified: one that is not may be a stranger's."""
    address: str | None = ctx.session.scalar(
        select(_users.c.email).where(_users.c.id == user_id, _users.c.email_verified)
    )
    return address


def _changed(ctx: Context, work: Work, signed_in: SignedIn, event: str) -> None:
    # Without the address: what is in the journal outlives the account.
    work.record(event, f"user:{signed_in.sub}")
    work.announce(user_email_changed, project=ctx.project.slug, user_id=signed_in.user_id, sub=signed_in.sub)


def _tell(ctx: Context, work: Work, addresses: Sequence[str | None], subject: str, sentence: str) -> None:
    if not ctx.mailer.is_on:
        return
    sentences = [
        sentence,
        gettext("If it was not you, sign in, end your other sessions and look through your addresses and passkeys."),
    ]
    values = {"title": subject, "sentences": sentences, "when": ctx.now, "where": ctx.origin.ip_address or ""}
    for address in dict.fromkeys(each for each in addresses if each is not None):
        work.mail(Mail(address, subject, "notice", values))


def _not_there() -> NotFound:
    return NotFound(gettext("This address is not one of yours."))
