"""A user's passkeys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ..storage import Passkey
from .context import Context

_passkeys: Any = Passkey.__table__


@dataclass(frozen=True, slots=True)
class PasskeyEntry:
    """What a list of passkeys shows of one."""

    name: str
    created_at: datetime
    last_used_at: datetime | None
    synced: bool
    """Whether it is backed up, so that it works on the user's other devices too."""


def list_passkeys(ctx: Context, *, user_id: int) -> list[PasskeyEntry]:
    """The passkeys of a user of the project, oldest first."""
    rows = ctx.session.execute(
        select(
            _passkeys.c.name,
            _passkeys.c.created_at,
            _passkeys.c.last_used_at,
            _passkeys.c.backup_state.label("synced"),
        )
        .where(_passkeys.c.user_id == user_id, _passkeys.c.project_id == ctx.project.id)
        .order_by(_passkeys.c.id)
    )
    return [PasskeyEntry(**row._mapping) for row in rows]
