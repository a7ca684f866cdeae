"""Passkeys, and the one-time ceremonies in which they are made and used."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlalchemy import Index
from sqlalchemy import LargeBinary
from sqlalchemy import String
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .base import foreign_key


class Passkey(Base):
    """A discoverable WebAuthn credential of a user (Web Authentication Level 3, section 4, credential record)."""

    __tablename__ = "hanko_passkey"
    __table_args__ = (
        UniqueConstraint("project_id", "credential_id", name="uq_hanko_passkey_project_id_credential_id"),
        Index("ix_hanko_passkey_user_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_passkey.project_id", "hanko_project.id"))
    user_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_passkey.user_id", "hanko_user.id"))
    user_handle: Mapped[bytes] = mapped_column(LargeBinary(64))
    """The owner's, again here, so that a sign-in needs one query less."""
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    """COSE_Key."""
    algorithm: Mapped[int]
    """COSE algorithm identifier."""
    sign_count: Mapped[int] = mapped_column(Id)
    aaguid: Mapped[str] = mapped_column(String(36))
    transports: Mapped[list[Any]] = mapped_column(JSON)
    backup_eligible: Mapped[bool]
    backup_state: Mapped[bool]
    rp_id: Mapped[str] = mapped_column(String(253))
    """The relying party ID it was made for."""
    name: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class CeremonyKind(StrEnum):
    """What a challenge was made for; it serves nothing else."""

    SIGN_UP = "sign-up"
    SIGN_IN = "sign-in"
    ADD = "add"


class Ceremony(Base):
    """A challenge that was given to a browser and may come back once (section 13.4.3)."""

    __tablename__ = "hanko_ceremony"
    __table_args__ = (
        UniqueConstraint("handle", name="uq_hanko_ceremony_handle"),
        Index("ix_hanko_ceremony_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_ceremony.project_id", "hanko_project.id"))
    handle: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    challenge: Mapped[bytes] = mapped_column(LargeBinary(64))
    browser_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of the browser cookie's value: the challenge works in that browser only."""
    user_id: Mapped[int | None] = mapped_column(Id, foreign_key("hanko_ceremony.user_id", "hanko_user.id"))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What the finish needs: the address and user handle of a sign-up, the credential ids that were offered."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
