"""Counters of the rate limits, for hosts without Redis."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy import Integer
from sqlalchemy import String
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id


class RateLimit(Base):
    """How often something happened in a window of time."""

    __tablename__ = "hanko_rate_limit"
    __table_args__ = (
        UniqueConstraint("key", name="uq_hanko_rate_limit_key"),
        Index("ix_hanko_rate_limit_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(200))
    hits: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime]
