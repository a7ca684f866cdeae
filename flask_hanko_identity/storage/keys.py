"""Signing keys. The private part is stored encrypted."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy import Index
from sqlalchemy import LargeBinary
from sqlalchemy import String
from sqlalchemy import UniqueConstraint
from sqlalchemy import select
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import Session
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .base import foreign_key


class SigningKey(Base):
    """One key pair of a project.

    Its state follows from the clock: before ``activates_at`` it is *next* (published, not yet signing), then
    *active*, and from ``retires_at`` on *retired* (no longer signing, published while its tokens live).
    """

    __tablename__ = "hanko_signing_key"
    __table_args__ = (
        UniqueConstraint("kid", name="uq_hanko_signing_key_kid"),
        Index("ix_hanko_signing_key_project_id", "project_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_signing_key.project_id", "hanko_project.id"))
    kid: Mapped[str] = mapped_column(String(64))
    algorithm: Mapped[str] = mapped_column(String(16))
    """``RS256``, ``ES256`` or ``Ed25519`` (RFC 7518, section 3.1; RFC 9864, section 2.2)."""
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed_private_key: Mapped[bytes] = mapped_column(LargeBinary)
    """PKCS #8, DER, encrypted by the key ring."""
    created_at: Mapped[datetime]
    activates_at: Mapped[datetime]
    retires_at: Mapped[datetime | None]


def list_keys(session: Session, *, project_id: int) -> list[SigningKey]:
    """All keys of a project, in the order in which they were made."""
    return list(session.scalars(select(SigningKey).where(SigningKey.project_id == project_id).order_by(SigningKey.id)))
