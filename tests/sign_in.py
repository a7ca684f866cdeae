"""Projects and people for the tests of sign-in, below HTTP and by HTTP."""

import re
from dataclasses import dataclass
from dataclasses import field
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy import func
from sqlalchemy import select
from werkzeug.test import TestResponse

from flask_hanko_identity.crypto import random_text
from flask_hanko_identity.flows.context import Context
from flask_hanko_identity.flows.context import Origin
from flask_hanko_identity.flows.login import begin_login
from flask_hanko_identity.flows.login import finish_login
from flask_hanko_identity.flows.login_sessions import NewSession
from flask_hanko_identity.flows.signup import begin_signup
from flask_hanko_identity.flows.signup import finish_signup
from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import Base
from flask_hanko_identity.storage import Project
from tests.authenticator import UNTOUCHED
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import Tampering

ORIGIN = "http://localhost"
SESSION_COOKIE = "hanko_identity-shop"


def add_project(app: Flask, slug: str, **values: Any) -> Project:
    """A project that is ready, without keys."""
    state = app.extensions["hanko_identity"]
    settings = {"type": "identity", "status": "ready", "signup": "open", "brand": {}, **values}
    project = Project(
        slug=slug,
        name=slug.title(),
        issuer=state.settings.issuer(slug),
        created_at=state.now(),
        **settings,
    )
    state.session.add(project)
    state.session.commit()
    state.snapshots.forget()
    return project


def make_context(app: Flask, slug: str = "shop", *, browser: str | None = None) -> Context:
    """A piece of work in a browser of its own, within the app's context."""
    state = app.extensions["hanko_identity"]
    return Context(
        session=state.session,
        settings=state.settings,
        ring=state.ring,
        keys=state.keys,
        snapshots=state.snapshots,
        now=state.now(),
        origin=Origin(
            actor="anonymous",
            ip_address="192.0.2.7",
            user_agent="Mozilla/5.0 (X11; Linux x86_64)",
            browser=random_text() if browser is None else browser,
        ),
        sender=app,
        tenant=state.snapshots.project(state.session, slug),
    )


def engine_of(app: Flask) -> Engine:
    """The app's engine, within the app's context."""
    engine: Engine = app.extensions["sqlalchemy"].engine
    return engine


def sign_up(
    ctx: Context,
    authenticator: SoftwareAuthenticator,
    *,
    email: str = "ada@example.com",
    tampering: Tampering = UNTOUCHED,
    invitation: str | None = None,
) -> NewSession:
    """Both halves of a sign-up."""
    ceremony = begin_signup(ctx, email=email, invitation=invitation)
    response = authenticator.create(ceremony.options, tampering=tampering)
    return finish_signup(ctx, handle=ceremony.handle, response=response, current_token=None)


def sign_in(
    ctx: Context,
    authenticator: SoftwareAuthenticator,
    *,
    tampering: Tampering = UNTOUCHED,
    current_token: str | None = None,
) -> NewSession:
    """Both halves of a sign-in."""
    ceremony = begin_login(ctx)
    response = authenticator.get(ceremony.options, tampering=tampering)
    return finish_login(ctx, handle=ceremony.handle, response=response, current_token=current_token)


def events(ctx: Context) -> list[tuple[str, Any]]:
    """What the journal holds, oldest first, with the reason of each refusal."""
    rows = ctx.session.execute(select(AuditEvent.event, AuditEvent.data).order_by(AuditEvent.id))
    return [(row.event, row.data.get("reason")) for row in rows]


def count_rows(app: Flask, model: type[Base]) -> int:
    """How many rows a table has."""
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        return session.scalar(select(func.count()).select_from(model)) or 0


@dataclass
class Visitor:
    """Somebody with a browser, as far as HTTP goes."""

    client: FlaskClient
    slug: str = "shop"
    authenticator: SoftwareAuthenticator = field(default_factory=lambda: SoftwareAuthenticator(origin=ORIGIN))
    csrf: str = ""

    def open(self, path: str, **query: str) -> TestResponse:
        """A page, by its whole path or by what follows the project; its token is remembered."""
        page = self.client.get(self._path(path), query_string=query or None)
        found = re.search(r'(?:data-csrf|name="csrf_token"[^>]*value)="([^"]+)"', page.text)
        if found:
            self.csrf = unescape(found[1])
        return page

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        """What our script would send."""
        return self.client.post(
            f"/identity/{self.slug}/{path}",
            json=body,
            headers={"Origin": ORIGIN, "X-CSRFToken": self.csrf, **headers},
        )

    def submit(self, path: str, **fields: str) -> TestResponse:
        """A form of the page that was opened last."""
        return self.client.post(
            self._path(path),
            data={"csrf_token": self.csrf, **fields},
            headers={"Origin": ORIGIN},
        )

    def sign_up(self, email: str = "ada@example.com", **query: str) -> TestResponse:
        """The whole way through the sign-up page; the answer of the finish."""
        self.open("signup", **query)
        options = self.post("signup/options", {"email": email}).get_json()
        credential = self.authenticator.create(options["publicKey"])
        return self.post("signup/finish", {**query, "ceremony": options["ceremony"], "credential": credential})

    def sign_in(self, **query: str) -> TestResponse:
        """The whole way through the sign-in page; the answer of the finish."""
        self.open("login", **query)
        options = self.post("login/options", {}).get_json()
        credential = self.authenticator.get(options["publicKey"])
        return self.post("login/finish", {**query, "ceremony": options["ceremony"], "credential": credential})

    def _path(self, path: str) -> str:
        return path if path.startswith("/") else f"/identity/{self.slug}/{path}"

    def cookies(self) -> dict[str, str]:
        """The browser's cookies by name."""
        return {cookie.key: cookie.value for cookie in (self.client._cookies or {}).values()}
