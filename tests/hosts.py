"""A host that signs its own people in, with a login view and a session of its own."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qsl
from urllib.parse import urlsplit

from flask import Flask
from flask import redirect
from flask import request
from flask import session
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text
from sqlalchemy import update
from werkzeug.test import TestResponse

from flask_hanko_identity import HostUser
from flask_hanko_identity.storage import Project
from tests.clock import Clock
from tests.tenants import RelyingParty
from tests.tenants import make_tenant

LOGIN = "/members/sign-in"


@dataclass
class Host:
    """The host and what it knows of its people."""

    app: Flask
    clock: Clock
    claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Claims by the host's own ids."""
    tells_auth_time: bool = True
    amr: tuple[str, ...] = ("pwd",)
    answer: Callable[[], Any] | None = None
    """What ``host_user`` does instead of its work."""
    asked: int = 0

    @property
    def state(self) -> Any:
        return self.app.extensions["hanko_identity"]

    def who(self) -> Any:
        """The ``@identity.host_user`` function: reads its own session and the database, as a user loader does."""
        self.asked += 1
        if self.answer is not None:
            return self.answer()
        database: SQLAlchemy = self.app.extensions["sqlalchemy"]
        database.session.execute(text("SELECT 1"))
        if "member" not in session:
            return None
        name = session["member"]
        at = datetime.fromisoformat(session["at"]) if self.tells_auth_time else None
        return HostUser(name, self.claims.get(name, {}), at, self.amr)

    def forget(self) -> None:
        """The ``@identity.host_logout`` function."""
        session.pop("member", None)


def make_host(app_factory: Callable[..., Flask], clock: Clock, slug: str = "shop", **config: Any) -> Host:
    """A host with one project of type host, whose app is connected by ``tests.tenants.connect``."""

    def prepare(app: Flask, db: SQLAlchemy) -> None:
        @app.get(LOGIN, endpoint="members.sign_in")
        def form() -> str:
            return "The host's own form"

        @app.post(LOGIN)
        def sign_in() -> Any:
            session["member"] = request.form["member"]
            session["at"] = clock().isoformat()
            return redirect(request.args.get("next", "/"), 303)

        @app.post("/members/sign-out")
        def sign_out() -> str:
            session.clear()
            return "Signed out of the host"

    app = app_factory(prepare, **{"HANKO_IDENTITY_HOST_LOGIN_VIEW": "members.sign_in", **config})
    host = Host(app, clock)
    host.state.hooks.host_user = host.who
    make_tenant(app, slug)
    become_project(app, slug, type="host")
    return host


def become_project(app: Flask, slug: str, *, type: str) -> None:
    """Change who signs the people of a tenant in."""
    with app.app_context():
        state = app.extensions["hanko_identity"]
        state.session.execute(update(Project).where(Project.slug == slug).values(type=type))
        state.session.commit()
        state.snapshots.forget()


def sign_in_at_host(browser: FlaskClient, member: str, *, at: TestResponse | None = None) -> TestResponse:
    """Fill in the host's form: on its own, or where a redirect of ours led to; gives what follows."""
    url = LOGIN if at is None else at.headers["Location"]
    response = browser.post(url, data={"member": member})
    return response if at is None else browser.get(response.headers["Location"])


def sign_in_to(rp: RelyingParty, member: str = "7", **changes: Any) -> dict[str, Any]:
    """The whole way from an app through the host's form; gives the token response."""
    response = sign_in_at_host(rp.browser, member, at=rp.authorize(**changes))
    tokens = rp.redeem(rp.answer(response)["code"])
    assert tokens.status_code == 200, tokens.text
    body: dict[str, Any] = tokens.get_json()
    return body


def id_token(rp: RelyingParty, tokens: dict[str, Any]) -> dict[str, Any]:
    """What the ID token of a token response says."""
    return rp.claims(tokens["id_token"])


def link_of(page: TestResponse) -> str:
    """Where the page's one button leads."""
    return unescape(find(r'class="btn btn-primary" href="([^"]+)"', page.text))


def find(pattern: str, text: str) -> str:
    """The first group of what has to be in a text."""
    found = re.search(pattern, text)
    assert found is not None, (pattern, text)
    return found[1]


def query(response: TestResponse) -> dict[str, str]:
    """The parameters that the host's login view is given."""
    parts = urlsplit(response.headers["Location"])
    assert (response.status_code, parts.path) == (303, LOGIN), (response.status_code, response.headers, response.text)
    return dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
