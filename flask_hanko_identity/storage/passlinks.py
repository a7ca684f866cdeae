"""One-time links."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlalchemy import Index
from sqlalchemy import Integer
from sqlalchemy import LargeBinary
from sqlalchemy import String
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .base import foreign_key


class PasslinkPurpose(StrEnum):
    """What opening the link does."""

    SIGN_IN = "sign-in"
    SIGN_UP = "sign-up"
    VERIFY = "verify"
    """Prove that an address of a user who is there is theirs."""
    ENROL = "enrol"
    """Add a passkey, for somebody who lost theirs."""
    INVITATION = "invitation"


class Passlink(Base):
    """A link that works once. Only the digest of its secret is stored."""

    __tablename__ = "hanko_passlink"
    __table_args__ = (
        UniqueConstraint("digest", name="uq_hanko_passlink_digest"),
        Index("ix_hanko_passlink_expires_at", "expires_at"),
        Index("ix_hanko_passlink_user_id", "user_id"),
        Index("ix_hanko_passlink_handle", "handle", unique=True),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_passlink.project_id", "hanko_project.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(Id, foreign_key("hanko_passlink.user_id", "hanko_user.id"))
    email: Mapped[str | None] = mapped_column(String(320))
    handle: Mapped[str | None] = mapped_column(String(64))
    """By which the browser that asked names it when it sends the code."""
    browser_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Of the browser cookie of the browser that asked; the link works there only, the code is for the other way."""
    code_digest: Mapped[str | None] = mapped_column(String(64))
    """Keyed digest of the six digits: alone they could be guessed."""
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Wrong codes so far."""
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
