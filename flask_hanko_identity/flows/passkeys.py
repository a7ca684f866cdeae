"""A user's passkeys: the list, their names, and the end of one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy import update

from ..errors import Conflict
from ..errors import NotFound
from ..protocol.authenticators import passkey_icon
from ..protocol.names import clean_name
from ..protocol.passkey_input import encode
from ..storage import Passkey
from ..storage import User
from ..text import gettext
from .context import Context
from .credentials import known_credentials
from .credentials import shown_name
from .freshness import require_fresh
from .login_sessions import SignedIn
from .notices import send_notice
from .unit_of_work import transaction
from .ways_in import has_way_in
from .ways_in import lock_user

_passkeys: Any = Passkey.__table__
_users: Any = User.__table__


@dataclass(frozen=True, slots=True)
class PasskeyEntry:
    """What a list of passkeys shows of one."""

    id: int
    name: str
    icon: str
    """Id of a symbol in ``passkeys.svg``."""
    created_at: datetime
    last_used_at: datetime | None
    synced: bool
    """Whether it is backed up, so that it works on the user's other devices too."""
    rp_id: str
    works: bool
    """Whether it was made for the RP ID that we have now; else no browser offers it here."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What authenticators are told, so that they offer what works and under the right name (section 5.1.10)."""

    rp_id: str
    user_handle: str
    """Base64url, as are the ids."""
    credential_ids: tuple[str, ...]
    name: str
    display_name: str


def list_passkeys(ctx: Context, *, user_id: int) -> list[PasskeyEntry]:
    """The passkeys of a user of the project, oldest first."""
    rows = ctx.session.execute(
        select(
            _passkeys.c.id,
            _passkeys.c.name,
            _passkeys.c.transports,
            _passkeys.c.created_at,
            _passkeys.c.last_used_at,
            _passkeys.c.backup_state,
            _passkeys.c.rp_id,
        )
        .where(_passkeys.c.user_id == user_id, _passkeys.c.project_id == ctx.project.id)
        .order_by(_passkeys.c.id)
    )
    return [
        PasskeyEntry(
            id=row.id,
            name=row.name,
            icon=passkey_icon(transports=row.transports, synced=row.backup_state),
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            synced=row.backup_state,
            rp_id=row.rp_id,
            works=row.rp_id == ctx.settings.rp_id,
        )
        for row in rows
    ]


def rename_passkey(ctx: Context, signed_in: SignedIn, *, passkey_id: int, name: object) -> str:
    """Give one of the person's passkeys another name, and return it as it was stored.

    :raises StepUpRequired: if the sign-in is too old.
    :raises NotFound: if it is not theirs.
    :raises InvalidInput: if the name cannot be one.
    """
    require_fresh(ctx, signed_in)
    new = clean_name(name, "name")
    with transaction(ctx) as work:
        lock_user(ctx, signed_in.user_id)
        old = ctx.session.scalar(select(_passkeys.c.name).where(*_theirs(ctx, signed_in, passkey_id)))
        if old is None:
            raise _gone()
        if old != new:
            ctx.session.execute(update(_passkeys).where(_passkeys.c.id == passkey_id).values(name=new))
            work.record(
                "passkey.renamed",
                f"user:{signed_in.sub}",
                actor=f"user:{signed_in.sub}",
                data={"passkey": passkey_id, "before": old, "after": new},
            )
            send_notice(
                ctx,
                work,
                user_id=signed_in.user_id,
                subject=gettext("A passkey of yours has a new name"),
                sentences=[
                    gettext(
                        "Your passkey “%(old)s” for %(project)s is now called “%(new)s”.",
                        old=old,
                        new=new,
                        project=ctx.project.name,
                    ),
                    was_it_you(),
                ],
            )
    return new


def remove_passkey(ctx: Context, signed_in: SignedIn, *, passkey_id: int) -> str:
    """Remove one of the person's passkeys, and return the name it had.

    :raises StepUpRequired: if the sign-in is too old.
    :raises NotFound: if it is not theirs.
    :raises Conflict: if nothing else would be left to sign in with.
    """
    require_fresh(ctx, signed_in)
    with transaction(ctx) as work:
        lock_user(ctx, signed_in.user_id)
        theirs = _theirs(ctx, signed_in, passkey_id)
        name: str | None = ctx.session.scalar(select(_passkeys.c.name).where(*theirs))
        if name is None:
            raise _gone()
        if not has_way_in(ctx, user_id=signed_in.user_id, without_passkey=passkey_id):
            raise Conflict(
                gettext("“%(name)s” is your last way to sign in, so it stays. Add another passkey first.", name=name)
            )
        ctx.session.execute(delete(_passkeys).where(*theirs))
        work.record(
            "passkey.removed",
            f"user:{signed_in.sub}",
            actor=f"user:{signed_in.sub}",
            data={"passkey": passkey_id, "name": name},
        )
        send_notice(
            ctx,
            work,
            user_id=signed_in.user_id,
            subject=gettext("A passkey was removed"),
            sentences=[
                gettext(
                    "The passkey “%(name)s” no longer opens your account at %(project)s.",
                    name=name,
                    project=ctx.project.name,
                ),
                was_it_you(),
            ],
        )
    return name


def accepted_credentials(ctx: Context, signed_in: SignedIn) -> Accepted:
    """Which passkeys open the person's account now, and under which names."""
    handle: bytes = ctx.session.execute(
        select(_users.c.user_handle).where(_users.c.id == signed_in.user_id)
    ).scalar_one()
    credentials = known_credentials(ctx, user_id=signed_in.user_id)
    name = user_name(signed_in)
    return Accepted(
        rp_id=ctx.settings.rp_id,
        user_handle=encode(bytes(handle)),
        credential_ids=tuple(encode(each.id) for each in credentials),
        name=name,
        display_name=shown_name(ctx, user_name=signed_in.name or name),
    )


def user_name(signed_in: SignedIn) -> str:
    """What a passkey calls its owner: the e-mail address, by which people know an account."""
    return signed_in.email or signed_in.name or signed_in.sub


def was_it_you() -> str:
    """What every notice about passkeys ends with."""
    return gettext("If this was not you, sign in, end your other sessions and remove every passkey you do not know.")


def _theirs(ctx: Context, signed_in: SignedIn, passkey_id: int) -> tuple[Any, ...]:
    return (
        _passkeys.c.id == passkey_id,
        _passkeys.c.user_id == signed_in.user_id,
        _passkeys.c.project_id == ctx.project.id,
    )


def _gone() -> NotFound:
    return NotFound(gettext("This passkey is no longer there. It may have been removed in another window."))
