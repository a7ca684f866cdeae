"""The audit log: who did what, when, from where.

Rows are added, and never changed but once: with an account goes what is personal in them, all but its ``sub``.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy import Index
from sqlalchemy import String
from sqlalchemy import Text
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id


class AuditEvent(Base):
    """Something that was done. Without foreign keys, so that it outlives what it speaks of."""

    __tablename__ = "hanko_audit_event"
    __table_args__ = (
        Index("ix_hanko_audit_event_project_id", "project_id", "id"),
        Index("ix_hanko_audit_event_organization_id", "organization_id", "id"),
        Index("ix_hanko_audit_event_reference", "reference"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int | None] = mapped_column(Id)
    organization_id: Mapped[int | None] = mapped_column(Id)
    event: Mapped[str] = mapped_column(String(64))
    """What was done, such as ``client.secret_rotated``."""
    actor: Mapped[str] = mapped_column(String(128))
    """Who did it: ``user:<sub>``, ``client:<client_id>``, ``command-line`` or ``system``."""
    subject: Mapped[str] = mapped_column(String(128))
    """What it was done to, in the same form."""
    reference: Mapped[str] = mapped_column(String(32))
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Before and after, without secrets."""
    created_at: Mapped[datetime]
