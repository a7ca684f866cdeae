"""Pending authorization requests, granted authorizations, and remembered consent."""

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


class AuthorizationRequest(Base):
    """A valid authorization request that waits for a person: one row for each browser tab."""

    __tablename__ = "hanko_authorization_request"
    __table_args__ = (
        UniqueConstraint("handle", name="uq_hanko_authorization_request_handle"),
        Index("ix_hanko_authorization_request_expires_at", "expires_at"),
        Index("ix_hanko_authorization_request_client_id", "client_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(
        Id, foreign_key("hanko_authorization_request.project_id", "hanko_project.id")
    )
    client_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_authorization_request.client_id", "hanko_client.id"))
    handle: Mapped[str] = mapped_column(String(64))
    """What stands in the address; of no use in another browser."""
    browser_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """None until the browser that sent it comes with its cookies (a cross-site POST brings none)."""
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The request as it came; it is checked again when it is used."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class Authorization(Base):
    """What a user let a client have: the row of one authorization code and of the token family it became."""

    __tablename__ = "hanko_authorization"
    __table_args__ = (
        UniqueConstraint("code_digest", name="uq_hanko_authorization_code_digest"),
        Index("ix_hanko_authorization_user_id", "user_id"),
        Index("ix_hanko_authorization_client_id", "client_id"),
        Index("ix_hanko_authorization_login_session_id", "login_session_id"),
        Index("ix_hanko_authorization_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_authorization.project_id", "hanko_project.id"))
    client_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_authorization.client_id", "hanko_client.id"))
    user_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_authorization.user_id", "hanko_user.id"))
    login_session_id: Mapped[int | None] = mapped_column(
        Id, foreign_key("hanko_authorization.login_session_id", "hanko_login_session.id", ondelete="SET NULL")
    )
    code_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    redirect_uri: Mapped[str] = mapped_column(String(2000))
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    """S256 only (RFC 7636, section 4.2)."""
    scope: Mapped[str] = mapped_column(Text)
    nonce: Mapped[str | None] = mapped_column(Text)
    sid: Mapped[str] = mapped_column(String(64))
    auth_time: Mapped[datetime]
    acr: Mapped[str] = mapped_column(String(16))
    amr: Mapped[list[Any]] = mapped_column(JSON)
    claims: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The ``claims`` parameter (OpenID Connect Core 1.0, section 5.5)."""
    created_at: Mapped[datetime]
    code_expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    """From then on nothing of the family works, inside grace windows too."""
    expires_at: Mapped[datetime]
    """When nothing of it can be alive any more: the row may be purged."""


class Consent(Base):
    """A user's remembered yes to a client, with the scopes it was said to."""

    __tablename__ = "hanko_consent"
    __table_args__ = (
        UniqueConstraint("user_id", "client_id", name="uq_hanko_consent_user_id_client_id"),
        Index("ix_hanko_consent_client_id", "client_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_consent.user_id", "hanko_user.id"))
    client_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_consent.client_id", "hanko_client.id"))
    scope: Mapped[str] = mapped_column(Text)
    granted_at: Mapped[datetime]
