"""Login sessions: the server-side records that a browser is signed in to a project."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy import Index
from sqlalchemy import LargeBinary
from sqlalchemy import String
from sqlalchemy import Text
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .base import foreign_key


class LoginSession(Base):
    """A browser is signed in to a project as a user, until ``ended_at`` or ``expires_at``."""

    __tablename__ = "hanko_login_session"
    __table_args__ = (
        UniqueConstraint("digest", name="uq_hanko_login_session_digest"),
        UniqueConstraint("sid", name="uq_hanko_login_session_sid"),
        Index("ix_hanko_login_session_user_id", "user_id"),
        Index("ix_hanko_login_session_expires_at", "expires_at"),
        Index("ix_hanko_login_session_browser_digest", "browser_digest"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_login_session.project_id", "hanko_project.id"))
    user_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_login_session.user_id", "hanko_user.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of the cookie's value."""
    sid: Mapped[str] = mapped_column(String(64))
    """What ID tokens call the session; it opens nothing."""
    auth_time: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(16))
    """``phrh``, ``phr`` or ``1``; see decision 9 of the product."""
    amr: Mapped[list[Any]] = mapped_column(JSON)
    """Methods, in the words of RFC 8176."""
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    browser_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Of the browser cookie: which accounts one browser is signed in to, for the account chooser."""
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(Text)
