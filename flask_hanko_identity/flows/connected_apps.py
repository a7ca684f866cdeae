"""The apps that a person signed in to: what each may see, when it last asked, and how to take that back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import select

from ..errors import NotFound
from ..protocol import scopes
from ..signals import authorization_revoked
from ..storage import Authorization
from ..storage import Client
from ..storage import Consent
from ..storage import Token
from ..storage.clients import ApplicationType
from ..text import gettext
from .context import Context
from .login_sessions import SignedIn
from .revocations import revoke_authorizations
from .unit_of_work import transaction

_authorizations: Any = Authorization.__table__
_clients: Any = Client.__table__
_consents: Any = Consent.__table__
_tokens: Any = Token.__table__


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedApp:
    """An app that was allowed something, or holds something that still works."""

    client_id: str
    name: str
    host: str
    """Where it lives: the host of its URL, or the package name of a native app."""
    uri: str | None
    """Its URL, if it has one."""
    scope: tuple[str, ...]
    """What it may see, in the order in which consent names it."""
    since: datetime
    last_used: datetime | None
    """When it was last given a token; None if that is too long ago to be known."""
    tokens: int
    """How many of its tokens still work."""
    asks: bool
    """Whether it has to ask before it is allowed anything again."""


def list_connected_apps(ctx: Context, *, user_id: int) -> list[ConnectedApp]:
    """The apps of a user of the project, by name. Four queries."""
    consented = _by_client(ctx, select(_consents).where(_consents.c.user_id == user_id))
    live = ctx.session.execute(
        select(
            _authorizations.c.client_id,
            _authorizations.c.scope,
            _authorizations.c.created_at,
        ).where(
            _authorizations.c.user_id == user_id,
            _authorizations.c.project_id == ctx.project.id,
            select(_tokens.c.id).where(_tokens.c.authorization_id == _authorizations.c.id, _works(ctx)).exists(),
        )
    ).all()
    used = _by_client(ctx, _token_counts(ctx, user_id))
    ids = {*consented, *(row.client_id for row in live)}
    if not ids:
        return []
    apps = ctx.session.execute(
        select(
            _clients.c.id,
            _clients.c.client_id,
            _clients.c.name,
            _clients.c.application_type,
            _clients.c.application_uri,
            _clients.c.first_party,
        )
        .where(_clients.c.id.in_(ids), _clients.c.project_id == ctx.project.id)
        .order_by(func.lower(_clients.c.name), _clients.c.id)
    )
    listed = []
    for app in apps:
        consent, tokens = consented.get(app.id), used.get(app.id)
        mine = [row for row in live if row.client_id == app.id]
        allowed = {each for row in mine for each in row.scope.split(" ")}
        starts = [row.created_at for row in mine]
        if consent is not None:
            allowed.update(consent.scope.split(" "))
            starts.append(consent.granted_at)
        on_the_web = app.application_type == ApplicationType.WEB
        listed.append(
            ConnectedApp(
                client_id=app.client_id,
                name=app.name,
                host=(urlsplit(app.application_uri).hostname if on_the_web else None) or app.application_uri,
                uri=app.application_uri if on_the_web else None,
                scope=tuple(each for each in scopes.SCOPES if each in allowed),
                since=min(starts),
                last_used=tokens.last_used if tokens is not None else None,
                tokens=tokens.alive if tokens is not None else 0,
                asks=not (on_the_web and app.first_party),
            )
        )
    return listed


def revoke_app(ctx: Context, signed_in: SignedIn, *, client_id: str) -> str:
    """Take back all that the person allowed an app: consent, codes and tokens, at once.

    It is no risk to do so, so that no fresh sign-in is asked for.

    :param client_id: the public one.
    :return: the app's name.
    :raises NotFound: if the person has allowed this app nothing.
    """
    if not client_id.isprintable():  # NUL and surrogates cannot be looked for
        raise _not_connected()
    with transaction(ctx) as work:
        app = ctx.session.execute(
            select(_clients.c.id, _clients.c.name).where(
                _clients.c.client_id == client_id, _clients.c.project_id == ctx.project.id
            )
        ).one_or_none()
        known = app is not None and ctx.session.scalar(
            select(
                select(_consents.c.id)
                .where(_consents.c.user_id == signed_in.user_id, _consents.c.client_id == app.id)
                .exists()
                | select(_authorizations.c.id)
                .where(_authorizations.c.user_id == signed_in.user_id, _authorizations.c.client_id == app.id)
                .exists()
            )
        )
        if app is None or not known:
            raise _not_connected()
        forgotten = ctx.session.execute(
            delete(_consents).where(_consents.c.user_id == signed_in.user_id, _consents.c.client_id == app.id)
        ).rowcount  # type: ignore[attr-defined]
        revoke_authorizations(ctx, (Authorization.user_id == signed_in.user_id) & (Authorization.client_id == app.id))
        work.record(
            "authorization.revoked",
            f"user:{signed_in.sub}",
            data={"client_id": client_id, "consent": bool(forgotten)},
        )
        work.announce(authorization_revoked, project=ctx.project.slug, client_id=client_id, sub=signed_in.sub)
    name: str = app.name
    return name


def _not_connected() -> NotFound:
    return NotFound(gettext("This app is not connected to your account."))


def _works(ctx: Context) -> Any:
    """A token with which its app still gets something."""
    return (
        _authorizations.c.revoked_at.is_(None)
        & _tokens.c.revoked_at.is_(None)
        & _tokens.c.rotated_at.is_(None)
        & (_tokens.c.expires_at > ctx.now)
    )


def _token_counts(ctx: Context, user_id: int) -> Any:
    return (
        select(
            _authorizations.c.client_id,
            func.max(_tokens.c.issued_at, type_=_tokens.c.issued_at.type).label("last_used"),
            func.count().filter(_works(ctx)).label("alive"),
        )
        .join(_tokens, _tokens.c.authorization_id == _authorizations.c.id)
        .where(_authorizations.c.user_id == user_id, _authorizations.c.project_id == ctx.project.id)
        .group_by(_authorizations.c.client_id)
    )


def _by_client(ctx: Context, statement: Any) -> dict[int, Any]:
    return {row.client_id: row for row in ctx.session.execute(statement)}
