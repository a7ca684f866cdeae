"""Tenants for tests, made by the flows themselves, and several at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from typing import TypeVar

from flask import Flask
from sqlalchemy import select

from flask_hanko_identity.crypto import digest
from flask_hanko_identity.crypto import random_text
from flask_hanko_identity.flows.clients import ConnectedClient
from flask_hanko_identity.flows.clients import connect_client
from flask_hanko_identity.flows.context import Context
from flask_hanko_identity.flows.context import Origin
from flask_hanko_identity.flows.organizations import create_organization
from flask_hanko_identity.flows.projects import create_project
from flask_hanko_identity.flows.provision import provision
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import Authorization
from flask_hanko_identity.storage import Client
from flask_hanko_identity.storage import Organization
from flask_hanko_identity.storage import Project
from flask_hanko_identity.storage import Token
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.tokens import TokenKind

T = TypeVar("T")


def make_context(app: Flask, slug: str | None = None) -> Context:
    """A piece of work of the command line, within the app's context."""
    state = app.extensions["hanko_identity"]
    ctx = Context(
        session=state.session,
        settings=state.settings,
        ring=state.ring,
        keys=state.keys,
        snapshots=state.snapshots,
        now=state.now(),
        origin=Origin(actor="command-line"),
        sender=app,
    )
    if slug is None:
        return ctx
    return replace(ctx, tenant=state.snapshots.project(state.session, slug))


def make_organization(app: Flask, name: str = "Acme") -> Organization:
    """An organization without members."""
    return create_organization(make_context(app), name=name)


def make_project(app: Flask, slug: str = "shop", *, ready: bool = False, **values: Any) -> Project:
    """A project of an organization of its own; with keys if ``ready``."""
    ctx = make_context(app)
    project = create_project(ctx, organization=make_organization(app), name=slug.title(), slug=slug, **values)
    if ready:
        assert provision(ctx, project.id) == "ready"
    return project


def connect(app: Flask, slug: str = "shop", **values: Any) -> ConnectedClient:
    """A web app at https://rp.example, unless ``values`` say otherwise."""
    settings: dict[str, Any] = {
        "name": "Bookshop",
        "application_type": "web",
        "application_uri": "https://rp.example",
        "redirect_uris": ["https://rp.example/cb"],
        **values,
    }
    return connect_client(make_context(app, slug), **settings)


def connect_native(app: Flask, slug: str = "shop", **values: Any) -> ConnectedClient:
    """A native app named com.example.app."""
    settings = {
        "application_type": "native",
        "application_uri": "com.example.app",
        "redirect_uris": ["com.example.app:/cb"],
        **values,
    }
    return connect(app, slug, **settings)


def events(app: Flask, *, subject: str | None = None) -> list[str]:
    """What the audit log says was done, in order."""
    session = app.extensions["hanko_identity"].session
    query = select(AuditEvent.event).order_by(AuditEvent.id)
    return list(session.scalars(query if subject is None else query.where(AuditEvent.subject == subject)))


def at_once(app: Flask, work: Callable[[int], T], *, times: int = 4) -> list[T | Exception]:
    """Run ``work`` in threads that start together, each in an app context of its own."""
    start = Barrier(times)

    def run(number: int) -> T | Exception:
        with app.app_context():
            start.wait(10)
            try:
                return work(number)
            except Exception as error:
                return error

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def make_user(app: Flask, slug: str = "shop", *, email: str = "ada@example.com") -> User:
    """A user of the project."""
    return create_user(make_context(app, slug), email=email)


def authorize(app: Flask, client: Client, user: User, *, expires_in: timedelta = timedelta(days=1)) -> int:
    """The row of something that the user let the client have, with a live access token; gives its id."""
    ctx = make_context(app)
    row = Authorization(
        project_id=client.project_id,
        client_id=client.id,
        user_id=user.id,
        code_digest=digest(random_text()),
        redirect_uri="https://rp.example/cb",
        scope="openid",
        sid=random_text(),
        auth_time=ctx.now,
        acr="1",
        amr=["otp"],
        created_at=ctx.now,
        code_expires_at=ctx.now,
        expires_at=ctx.now + expires_in,
    )
    ctx.session.add(row)
    ctx.session.flush()
    ctx.session.add(
        Token(
            authorization_id=row.id,
            digest=digest(random_text()),
            kind=TokenKind.ACCESS,
            scope="openid",
            issued_at=ctx.now,
            expires_at=ctx.now + expires_in,
        )
    )
    ctx.session.commit()
    return row.id
