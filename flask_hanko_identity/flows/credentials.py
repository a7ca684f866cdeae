"""Passkeys as rows: those that a user has, and a new one, whoever it is made for."""

from typing import Any

from sqlalchemy import insert
from sqlalchemy import select

from ..errors import PasskeyRejected
from ..protocol.authenticators import passkey_name
from ..protocol.passkeys import KnownCredential
from ..protocol.passkeys import VerifiedRegistration
from ..storage import Passkey
from ..text import gettext
from .context import Context

_passkeys: Any = Passkey.__table__


def known_credentials(ctx: Context, *, user_id: int) -> tuple[KnownCredential, ...]:
    """The user's passkeys that work here, oldest first."""
    rows = ctx.session.execute(
        select(_passkeys.c.credential_id, _passkeys.c.transports)
        .where(
            _passkeys.c.user_id == user_id,
            _passkeys.c.project_id == ctx.project.id,
            _passkeys.c.rp_id == ctx.settings.rp_id,
        )
        .order_by(_passkeys.c.id)
    )
    return tuple(KnownCredential(bytes(row.credential_id), tuple(row.transports)) for row in rows)


def shown_name(ctx: Context, *, user_name: str) -> str:
    """What a passkey shows as its owner. Projects share an RP ID: this tells somebody's passkeys for two apart."""
    return f"{user_name} ({ctx.project.name})"


def refuse_known(ctx: Context, verified: VerifiedRegistration) -> None:
    """Section 7.1: no credential is registered twice. The table's unique constraint says so too.

    :raises PasskeyRejected: if somebody has it already.
    """
    known = ctx.session.execute(
        select(_passkeys.c.id).where(
            _passkeys.c.project_id == ctx.project.id,
            _passkeys.c.credential_id == verified.credential_id,
        )
    ).first()
    if known is not None:
        raise PasskeyRejected(
            gettext("This passkey is registered already. Sign in with it instead."),
            reason="registered already",
        )


def suggest_name(ctx: Context, verified: VerifiedRegistration) -> str:
    """What to call a new passkey: its provider, else the platform of this browser."""
    return passkey_name(aaguid=verified.aaguid, user_agent=ctx.origin.user_agent)


def free_name(ctx: Context, name: str, *, user_id: int) -> str:
    """The name, with a number where the user has a passkey of that name already."""
    taken = set(ctx.session.scalars(select(_passkeys.c.name).where(_passkeys.c.user_id == user_id)))
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name} {number}"
    return candidate


def store_passkey(ctx: Context, verified: VerifiedRegistration, *, user_id: int, user_handle: bytes, name: str) -> int:
    """Add a new passkey, and give its id."""
    added = ctx.session.execute(
        insert(_passkeys).returning(_passkeys.c.id),
        {
            "project_id": ctx.project.id,
            "user_id": user_id,
            "user_handle": user_handle,
            "credential_id": verified.credential_id,
            "public_key": verified.public_key,
            "algorithm": verified.algorithm,
            "sign_count": verified.sign_count,
            "aaguid": verified.aaguid,
            "transports": list(verified.transports),
            "backup_eligible": verified.backup_eligible,
            "backup_state": verified.backup_state,
            "rp_id": ctx.settings.rp_id,
            "name": name,
            "created_at": ctx.now,
        },
    )
    return int(added.scalar_one())
