"""Counters of the rate limits, for hosts without Redis."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

from limits.storage import Storage
from sqlalchemy import Index
from sqlalchemy import Integer
from sqlalchemy import String
from sqlalchemy import UniqueConstraint
from sqlalchemy import case
from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import Session
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .engines import begin_write
from .engines import is_writing


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


_counters: Any = RateLimit.__table__


class DatabaseCounters(Storage):
    """The storage of the ``limits`` library on a session of the host's database.

    Each change is atomic. It is in the transaction that ``begin_write`` began, or else in a short one of its own.
    """

    STORAGE_SCHEME = None  # it needs a session, so no URL can name it

    def __init__(self, session: Session, now: datetime) -> None:
        super().__init__()
        self._session = session
        self._now = now

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """What a broken storage raises."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count ``amount``, in a new window of ``expiry`` seconds if the last one is over; returns the count."""
        new = _insert(self._session)(_counters).values(
            key=key, hits=amount, expires_at=self._now + timedelta(seconds=expiry)
        )
        is_over = _counters.c.expires_at <= self._now
        counted = new.on_conflict_do_update(
            index_elements=[_counters.c.key],
            set_={
                "hits": case((is_over, new.excluded.hits), else_=_counters.c.hits + new.excluded.hits),
                "expires_at": case((is_over, new.excluded.expires_at), else_=_counters.c.expires_at),
            },
        ).returning(_counters.c.hits)
        with self._writing():
            return int(self._session.execute(counted).scalar_one())

    def get(self, key: str) -> int:
        """The count of the present window."""
        found = select(_counters.c.hits).where(_counters.c.key == key, _counters.c.expires_at > self._now)
        return int(self._session.execute(found).scalar() or 0)

    def get_expiry(self, key: str) -> float:
        """When the present window ends, in seconds since 1970; the present if there is none."""
        found = select(_counters.c.expires_at).where(_counters.c.key == key, _counters.c.expires_at > self._now)
        expires_at: datetime = self._session.execute(found).scalar() or self._now
        return expires_at.astimezone(UTC).timestamp()

    def check(self) -> bool:
        """Whether the database answers."""
        self._session.execute(select(1))
        return True

    def reset(self) -> int | None:
        """Forget every count."""
        with self._writing():
            return int(self._session.execute(delete(_counters)).rowcount)  # type: ignore[attr-defined]

    def clear(self, key: str) -> None:
        """Forget the count of a key."""
        with self._writing():
            self._session.execute(delete(_counters).where(_counters.c.key == key))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if is_writing(self._session):
            yield
            return
        begin_write(self._session)
        try:
            yield
        except BaseException:
            self._session.rollback()
            raise
        self._session.commit()


def _insert(session: Session) -> Any:
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
