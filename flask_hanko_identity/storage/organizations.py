"""Organizations, and who may do what in them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy import String
from sqlalchemy import UniqueConstraint
from sqlalchemy import select
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import Session
from sqlalchemy.orm import mapped_column

from .base import Base
from .base import Id
from .base import foreign_key


class Role(StrEnum):
    """What a member may do; each role may do all that the later ones may."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do all that ``other`` may."""
        ranks = list(Role)
        return ranks.index(self) <= ranks.index(other)


class Organization(Base):
    """Owner of projects."""

    __tablename__ = "hanko_organization"
    __table_args__ = (
        UniqueConstraint("public_id", name="uq_hanko_organization_public_id"),
        UniqueConstraint("submission", name="uq_hanko_organization_submission"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32))
    """What stands in addresses and on the command line."""
    name: Mapped[str] = mapped_column(String(100))
    submission: Mapped[str | None] = mapped_column(String(64))
    """The one-time id of the form that made it: a form sent twice makes one organization."""
    created_at: Mapped[datetime]


class Membership(Base):
    """A console account's role in an organization."""

    __tablename__ = "hanko_membership"
    __table_args__ = (
        UniqueConstraint("organization_id", "user_id", name="uq_hanko_membership_organization_id_user_id"),
        Index("ix_hanko_membership_user_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[int] = mapped_column(
        Id, foreign_key("hanko_membership.organization_id", "hanko_organization.id")
    )
    user_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_membership.user_id", "hanko_user.id"))
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]


def find_organization(session: Session, public_id: str) -> Organization | None:
    """The organization with this public id."""
    return session.scalars(select(Organization).where(Organization.public_id == public_id)).one_or_none()


def find_membership(session: Session, *, user_id: int, public_id: str) -> tuple[Organization, Membership] | None:
    """An organization together with the account's own membership in it: the only way to it from the console."""
    row = session.execute(
        select(Organization, Membership)
        .join(Membership, Membership.organization_id == Organization.id)
        .where(Membership.user_id == user_id, Organization.public_id == public_id)
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def list_organizations(session: Session, *, user_id: int) -> list[tuple[Organization, Membership]]:
    """The organizations of an account with its membership in each, oldest first."""
    rows = session.execute(
        select(Organization, Membership)
        .join(Membership, Membership.organization_id == Organization.id)
        .where(Membership.user_id == user_id)
        .order_by(Organization.id)
    )
    return [(row[0], row[1]) for row in rows]
