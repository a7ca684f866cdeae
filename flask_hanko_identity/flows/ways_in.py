"""Ways to sign in that a user has. The last one is never taken away (NIST SP 800-63B-4, section 4.2)."""

from typing import Any

from sqlalchemy import exists
from sqlalchemy import select

from ..storage import EmailAddress
from ..storage import Passkey
from ..storage import RecoveryCode
from ..storage import User
from .context import Context

_addresses: Any = EmailAddress.__table__
_codes: Any = RecoveryCode.__table__
_passkeys: Any = Passkey.__table__
_users: Any = User.__table__


def lock_user(ctx: Context, user_id: int) -> None:
    """Make whoever else changes this user's ways in wait for the end of the transaction.

    Without it, two removals at once could each rely on what the other one removes.
    """
    ctx.session.execute(select(_users.c.id).where(_users.c.id == user_id).with_for_update())


def has_way_in(
    ctx: Context, *, user_id: int, without_passkey: int | None = None, without_address: int | None = None
) -> bool:
    """Whether the user can sign in on their own: by a passkey, by a link in a mail, or by a recovery code.

    :param without_passkey: id of one that is about to go.
    :param without_address: id of one that is about to go.
    """
    ways = [
        exists().where(
            _passkeys.c.user_id == user_id,
            _passkeys.c.id != (without_passkey or 0),
            # One that was made for another RP ID opens nothing.
            _passkeys.c.rp_id == ctx.settings.rp_id,
        )
    ]
    if ctx.project.sign_in.get("passlinks", True) and ctx.mailer.is_on:
        ways.append(
            exists().where(
                _addresses.c.user_id == user_id,
                _addresses.c.id != (without_address or 0),
                _addresses.c.held_as.is_not(None),
                _addresses.c.verified_at.is_not(None),
            )
        )
    if ctx.project.sign_in.get("recovery_codes", False):
        ways.append(exists().where(_codes.c.user_id == user_id, _codes.c.used_at.is_(None)))
    return any(ctx.session.scalar(select(way)) for way in ways)
