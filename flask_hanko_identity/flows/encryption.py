"""What is stored encrypted is sealed anew with the newest key of the ring."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy import update

from ..crypto import DecryptionFailed
from ..storage import SigningKey
from .context import Context
from .unit_of_work import transaction

BATCH = 200


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many values were sealed anew, and which could not be opened."""

    count: int
    unreadable: tuple[str, ...]
    """``kid`` of keys that no key of the ring opens."""


def reseal_all(ctx: Context) -> Resealed:
    """Seal every private signing key with the first of ``HANKO_IDENTITY_ENCRYPTION_KEYS``.

    After that, the older keys of the setting may be taken out. It works while the service runs and may be
    repeated; what cannot be opened is left as it is and named.
    """
    count, last, unreadable = 0, 0, []
    while True:
        with transaction(ctx) as work:
            rows = ctx.session.execute(
                select(SigningKey.id, SigningKey.kid, SigningKey.sealed_private_key)
                .where(SigningKey.id > last)
                .order_by(SigningKey.id)
                .limit(BATCH)
                .with_for_update()
            ).all()
            for row in rows:
                last = row.id
                try:
                    sealed = ctx.ring.reseal(row.sealed_private_key)
                except DecryptionFailed:
                    unreadable.append(row.kid)
                    continue
                ctx.session.execute(update(SigningKey).where(SigningKey.id == row.id).values(sealed_private_key=sealed))
                count += 1
            if not rows:
                work.record("encryption.rotated", "system", data={"resealed": count, "unreadable": len(unreadable)})
            work.changes_settings()
        if not rows:
            return Resealed(count, tuple(unreadable))
