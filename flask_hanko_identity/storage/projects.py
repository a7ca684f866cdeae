"""Projects: each is one tenant with its own issuer, users, keys, brand and apps."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlalchemy import Index
from sqlalchemy import String
from sqlalchemy import Text
from sqlalchemy import UniqueConstraint
from sqlalchemy import select
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import Session
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .base import foreign_key
from .organizations import Membership

CONSOLE_SLUG = "console"
"""Slug of the reserved project whose users are the people of the console."""


class ProjectType(StrEnum):
    """Who signs people in."""

    IDENTITY = "identity"
    HOST = "host"


class ProjectStatus(StrEnum):
    """How far a project has come."""

    INITIALIZING = "initializing"
    READY = "ready"
    FAILED = "failed"


class Project(Base):
    """One tenant. The console's own project has no organization."""

    __tablename__ = "hanko_project"
    __table_args__ = (
        UniqueConstraint("slug", name="uq_hanko_project_slug"),
        UniqueConstraint("submission", name="uq_hanko_project_submission"),
        Index("ix_hanko_project_organization_id", "organization_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[int | None] = mapped_column(
        Id, foreign_key("hanko_project.organization_id", "hanko_organization.id")
    )
    slug: Mapped[str] = mapped_column(String(63))
    name: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(16))
    issuer: Mapped[str] = mapped_column(String(500))
    """Stored, never derived from a request (OpenID Connect Discovery 1.0, section 3)."""
    status: Mapped[str] = mapped_column(String(16))
    status_reason: Mapped[str | None] = mapped_column(Text)
    """Why it failed, in words for the admin."""
    provisioning_until: Mapped[datetime | None]
    """Until when the worker that makes it ready is trusted to be alive."""
    ready_at: Mapped[datetime | None]
    signup: Mapped[str] = mapped_column(String(16), default="open")
    """Who may sign up on its pages: ``open`` or ``closed``."""
    sign_in: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """How people may sign in, where it was changed: ``passlinks`` (on unless false) and ``recovery_codes`` (off unless
    true)."""
    brand: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Look of its pages: ``accent`` and ``background`` as ``#rrggbb``, ``corners`` as ``round`` or ``square``."""
    submission: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]


def find_project(session: Session, slug: str) -> Project | None:
    """The project with this slug."""
    return session.scalars(select(Project).where(Project.slug == slug)).one_or_none()


def find_project_of_member(session: Session, *, user_id: int, slug: str) -> tuple[Project, Membership] | None:
    """A project together with the account's membership in its organization: the only way to it from the console."""
    row = session.execute(
        select(Project, Membership)
        .join(Membership, Membership.organization_id == Project.organization_id)
        .where(Membership.user_id == user_id, Project.slug == slug)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def list_projects(session: Session, *, organization_id: int) -> list[Project]:
    """The projects of an organization, oldest first."""
    return list(session.scalars(select(Project).where(Project.organization_id == organization_id).order_by(Project.id)))
