"""Clients ("apps" on screen), their secrets and their redirect URIs."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy import LargeBinary
from sqlalchemy import String
from sqlalchemy import Text
from sqlalchemy import UniqueConstraint
from sqlalchemy import select
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import Session
from sqlalchemy.orm import mapped_column
from sqlalchemy.orm import relationship

from .base import Base
from .base import Id
from .base import foreign_key


class ApplicationType(StrEnum):
    """Whether an app can keep a secret (RFC 6749, section 2.1)."""

    WEB = "web"
    NATIVE = "native"


class RedirectKind(StrEnum):
    """What a redirect URI is for."""

    LOGIN = "login"
    LOGOUT = "logout"


class Client(Base):
    """An OAuth client of one project."""

    __tablename__ = "hanko_client"
    __table_args__ = (
        UniqueConstraint("client_id", name="uq_hanko_client_client_id"),
        UniqueConstraint("submission", name="uq_hanko_client_submission"),
        Index("ix_hanko_client_project_id", "project_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_client.project_id", "hanko_project.id"))
    client_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    application_type: Mapped[str] = mapped_column(String(16))
    application_uri: Mapped[str] = mapped_column(Text)
    """Application URL, or the package name of a native app."""
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(32))
    require_pkce: Mapped[bool]
    refresh_tokens: Mapped[bool]
    """Whether ``offline_access`` yields a refresh token."""
    rotate_refresh_tokens: Mapped[bool]
    first_party: Mapped[bool]
    """Whether people are spared the consent page."""
    id_token_signed_response_alg: Mapped[str] = mapped_column(String(16))
    disabled_at: Mapped[datetime | None]
    submission: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]

    redirect_uris: Mapped[list["RedirectURI"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="RedirectURI.id"
    )
    secrets: Mapped[list["ClientSecret"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="ClientSecret.id"
    )


class RedirectURI(Base):
    """An address that a browser may be sent to after sign-in or after logout."""

    __tablename__ = "hanko_redirect_uri"
    __table_args__ = (UniqueConstraint("client_id", "kind", "uri", name="uq_hanko_redirect_uri_client_id_kind_uri"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    client_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_redirect_uri.client_id", "hanko_client.id"))
    kind: Mapped[str] = mapped_column(String(8))
    uri: Mapped[str] = mapped_column(String(2000))


class ClientSecret(Base):
    """One of a client's secrets, as a digest."""

    __tablename__ = "hanko_client_secret"
    __table_args__ = (
        UniqueConstraint("submission", name="uq_hanko_client_secret_submission"),
        Index("ix_hanko_client_secret_client_id", "client_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    client_id: Mapped[int] = mapped_column(Id, foreign_key("hanko_client_secret.client_id", "hanko_client.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    last4: Mapped[str] = mapped_column(String(4))
    label: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    """From when on it no longer works; None: until it is revoked."""
    submission: Mapped[str | None] = mapped_column(String(64))


def find_client(session: Session, *, project_id: int, client_id: str) -> Client | None:
    """The client with this ``client_id``, if it belongs to the project."""
    return session.scalars(
        select(Client).where(Client.client_id == client_id, Client.project_id == project_id)
    ).one_or_none()


def list_clients(session: Session, *, project_id: int) -> list[Client]:
    """The clients of a project, by name."""
    return list(session.scalars(select(Client).where(Client.project_id == project_id).order_by(Client.name, Client.id)))
