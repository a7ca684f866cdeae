"""Users: identities in one project."""

from datetime import datetime
from enum import StrEnum
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


class UserState(StrEnum):
    """Inactive users cannot sign in and their tokens are dead."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class User(Base):
    """An identity in one project. Its ``sub`` is random and never used again."""

    __tablename__ = "hanko_user"
    __table_args__ = (
        UniqueConstraint("project_id", "sub", name="uq_hanko_user_project_id_sub"),
        UniqueConstraint("project_id", "host_id", name="uq_hanko_user_project_id_host_id"),
        Index("ix_hanko_user_project_id_email", "project_id", "email"),
        Index("ix_hanko_user_user_handle", "user_handle"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_user.project_id", "hanko_project.id"))
    sub: Mapped[str] = mapped_column(String(64))
    user_handle: Mapped[bytes] = mapped_column(LargeBinary(64))
    """64 random bytes that authenticators keep (Web Authentication Level 3, section 14.6.1)."""
    state: Mapped[str] = mapped_column(String(16))
    email: Mapped[str | None] = mapped_column(String(320))
    """The primary one of its addresses, again here for the hot paths."""
    email_verified: Mapped[bool]
    claims: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Standard claims but ``sub``, ``email``, ``email_verified`` and ``updated_at`` (OpenID Connect Core 1.0,
    section 5.1)."""
    host_id: Mapped[str | None] = mapped_column(String(255))
    """The host's own name for the person, in projects of type host."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class EmailAddress(Base):
    """An address that a user says is theirs. Many may claim an address; one of a project's users may hold it."""

    __tablename__ = "hanko_email_address"
    __table_args__ = (
        UniqueConstraint("project_id", "held_as", name="uq_hanko_email_address_project_id_held_as"),
        Index("ix_hanko_email_address_user_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_email_address.project_id", "hanko_project.id"))
    user_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_email_address.user_id", "hanko_user.id"))
    address: Mapped[str] = mapped_column(String(320))
    held_as: Mapped[str | None] = mapped_column(String(320))
    """The address in lower case where the user holds it (verified, or entered by an admin), else None."""
    verified_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


def find_user_by_email(session: Session, *, project_id: int, email: str) -> User | None:
    """The user who holds this address in the project."""
    return session.scalars(
        select(User)
        .join(EmailAddress, EmailAddress.user_id == User.id)
        .where(EmailAddress.project_id == project_id, EmailAddress.held_as == email.lower())
    ).one_or_none()
