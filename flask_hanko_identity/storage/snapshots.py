"""Projects and clients as the hot paths need them: read once, kept for a second, the same in every worker.

A snapshot is a plain frozen record and belongs to no session. What one worker changes, another sees at most
``LIFETIME`` later; the worker that changed it forgets its own copy at once.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any
from typing import Generic
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from .clients import Client
from .clients import ClientSecret
from .clients import RedirectKind
from .clients import RedirectURI
from .keys import SigningKey
from .organizations import Organization
from .projects import Project
from .projects import ProjectStatus

LIFETIME = 1.0
"""Seconds."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeySnapshot:
    """One signing key; see :class:`~.keys.SigningKey`."""

    kid: str
    algorithm: str
    public_jwk: Mapping[str, Any]
    sealed_private_key: bytes
    activates_at: datetime
    retires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProjectSnapshot:
    """One tenant; see :class:`~.projects.Project`."""

    id: int
    slug: str
    name: str
    type: str
    issuer: str
    status: str
    signup: str
    sign_in: Mapping[str, Any]
    brand: Mapping[str, Any]
    organization_id: int | None
    organization_name: str
    keys: tuple[KeySnapshot, ...]


@dataclass(frozen=True, slots=True)
class ClientSnapshot:
    """One client; see :class:`~.clients.Client`."""

    id: int
    project_id: int
    client_id: str
    name: str
    application_type: str
    application_uri: str
    token_endpoint_auth_method: str
    require_pkce: bool
    refresh_tokens: bool
    rotate_refresh_tokens: bool
    first_party: bool
    id_token_signed_response_alg: str
    enabled: bool
    redirect_uris: frozenset[str]
    post_logout_redirect_uris: frozenset[str]
    secrets: tuple[tuple[bytes, datetime | None], ...]
    """Digest and end of each secret."""


class _Shelf(Generic[T]):
    """A bounded map whose entries are trusted for ``LIFETIME``."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._lock = Lock()
        self._clearings = 0

    def get(self, key: Hashable, load: Callable[[], T | None], *, keep: Callable[[T], bool] = bool) -> T | None:
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is not None and now - entry[0] < LIFETIME:
            return entry[1]
        clearings = self._clearings
        value = load()
        with self._lock:
            self._entries.pop(key, None)
            # What was read before another thread cleared the shelf may be old already.
            if value is not None and keep(value) and clearings == self._clearings:
                self._entries[key] = (now, value)
                if len(self._entries) > self._size:
                    self._entries.popitem(last=False)
        return value

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._clearings += 1


class Snapshots:
    """The snapshots of one process and one host app."""

    def __init__(self) -> None:
        self._projects: _Shelf[ProjectSnapshot] = _Shelf(1_000)
        self._clients: _Shelf[ClientSnapshot] = _Shelf(10_000)

    def project(self, session: Session, slug: str) -> ProjectSnapshot | None:
        """The project with this slug. Two queries when it is not at hand; one that is not ready never is."""
        return self._projects.get(
            slug, lambda: _load_project(session, slug), keep=lambda project: project.status == ProjectStatus.READY
        )

    def client(self, session: Session, *, project_id: int, client_id: str) -> ClientSnapshot | None:
        """The client with this ``client_id`` in this project. Three queries when it is not at hand."""
        return self._clients.get(
            (project_id, client_id), lambda: _load_client(session, project_id=project_id, client_id=client_id)
        )

    def forget(self) -> None:
        """Trust nothing that was read before: something was changed here."""
        self._projects.clear()
        self._clients.clear()


def _load_project(session: Session, slug: str) -> ProjectSnapshot | None:
    row = session.execute(
        select(
            *_columns(
                Project,
                "id",
                "slug",
                "name",
                "type",
                "issuer",
                "status",
                "signup",
                "sign_in",
                "brand",
                "organization_id",
            ),
            Organization.name.label("organization_name"),
        )
        .outerjoin(Organization, Organization.id == Project.organization_id)
        .where(Project.slug == slug)
    ).one_or_none()
    if row is None:
        return None
    keys = session.execute(
        select(
            *_columns(
                SigningKey,
                "kid",
                "algorithm",
                "public_jwk",
                "sealed_private_key",
                "activates_at",
                "retires_at",
            )
        )
        .where(SigningKey.project_id == row.id)
        .order_by(SigningKey.id)
    )
    return ProjectSnapshot(
        **{**row._mapping, "organization_name": row.organization_name or "", "sign_in": row.sign_in or {}},
        keys=tuple(KeySnapshot(**key._mapping) for key in keys),
    )


def _load_client(session: Session, *, project_id: int, client_id: str) -> ClientSnapshot | None:
    row = session.execute(
        select(
            *_columns(
                Client,
                "id",
                "project_id",
                "client_id",
                "name",
                "application_type",
                "application_uri",
                "token_endpoint_auth_method",
                "require_pkce",
                "refresh_tokens",
                "rotate_refresh_tokens",
                "first_party",
                "id_token_signed_response_alg",
            ),
            Client.disabled_at.is_(None).label("enabled"),
        ).where(Client.client_id == client_id, Client.project_id == project_id)
    ).one_or_none()
    if row is None:
        return None
    uris = session.execute(select(RedirectURI.kind, RedirectURI.uri).where(RedirectURI.client_id == row.id)).all()
    secrets = session.execute(
        select(ClientSecret.digest, ClientSecret.expires_at).where(ClientSecret.client_id == row.id)
    )
    values = dict(row._mapping)
    values["enabled"] = bool(values["enabled"])
    return ClientSnapshot(
        **values,
        redirect_uris=frozenset(uri for kind, uri in uris if kind == RedirectKind.LOGIN),
        post_logout_redirect_uris=frozenset(uri for kind, uri in uris if kind == RedirectKind.LOGOUT),
        secrets=tuple((bytes(digest), expires_at) for digest, expires_at in secrets),
    )


def _columns(model: type[Any], *names: str) -> list[Any]:
    return [getattr(model, name) for name in names]
