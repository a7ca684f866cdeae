"""Logout requests that wait for the browser's cookies or for a person's yes."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy import Index
from sqlalchemy import String
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .base import foreign_key


class LogoutRequest(Base):
    """A checked logout request (RP-Initiated Logout 1.0, section 2); the form of its page names it by its handle."""

    __tablename__ = "hanko_logout_request"
    __table_args__ = (
        UniqueConstraint("handle", name="uq_hanko_logout_request_handle"),
        Index("ix_hanko_logout_request_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_logout_request.project_id", "hanko_project.id"))
    handle: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    """``client_id``, ``redirect_uri``, ``state``, ``sid``: each proven where it can be, or None."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
