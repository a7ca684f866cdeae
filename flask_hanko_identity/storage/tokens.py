"""Access and refresh tokens, as digests."""

from datetime import datetime
from enum import StrEnum

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


class TokenKind(StrEnum):
    """What a token opens."""

    ACCESS = "access"
    REFRESH = "refresh"


class Token(Base):
    """A token of one authorization. Who it is for and what else it means stands there, once."""

    __tablename__ = "hanko_token"
    __table_args__ = (
        UniqueConstraint("digest", name="uq_hanko_token_digest"),
        Index("ix_hanko_token_authorization_id", "authorization_id"),
        Index("ix_hanko_token_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    authorization_id: Mapped[int] = mapped_column(
        Id, foreign_key("hanko_token.authorization_id", "hanko_authorization.id")
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    kind: Mapped[str] = mapped_column(String(8))
    scope: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    rotated_at: Mapped[datetime | None]
    """When a refresh token gave its successor; the grace window starts here."""
    successor_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Digest of the refresh token that replaced it."""
