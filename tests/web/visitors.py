"""People of the console in front of Flask's test client, who read pages and fill in the forms they find there."""

import re
import threading
from dataclasses import dataclass
from dataclasses import field
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_hanko_identity.flows.context import Context
from flask_hanko_identity.flows.login_sessions import open_session
from flask_hanko_identity.flows.organizations import add_default_organization
from flask_hanko_identity.flows.provision import ensure_console_project
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.protocol.passkeys import SYNCED
from flask_hanko_identity.storage import Membership
from flask_hanko_identity.storage.organizations import Role
from flask_hanko_identity.storage.organizations import find_organization
from flask_hanko_identity.web.context import context

HOME = "/identity/console"


@dataclass
class Form:
    """What a browser would send of a form as it stands."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def value(self, name: str) -> str:
        """The first value of a field."""
        return next(value for key, value in self.fields if key == name)

    def filled(self, **values: Any) -> dict[str, Any]:
        """What is sent when these fields are filled in; a list fills several rows, None leaves a box unticked."""
        sent: dict[str, Any] = {}
        for name, value in self.fields:
            sent.setdefault(name, []).append(value)
        sent.update(values)
        return {name: value for name, value in sent.items() if value is not None}


class Page(HTMLParser):
    """The forms, links and text of a page."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.status = response.status_code
        self.html = response.get_data(as_text=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._texts: list[str] = []
        self._open: Form | None = None
        self.feed(self.html)
        self.text = " ".join(" ".join(self._texts).split())

    def form(self, ending: str = "") -> Form:
        """The form whose action ends so; without one, the last form on the page that has more than a token."""
        forms = [each for each in self.forms if each.action.endswith(ending)]
        return forms[0] if ending else [each for each in forms if not each.action][-1]

    def output(self, id: str) -> str:
        """The value that can be copied there."""
        found = re.search(rf'<output id="{id}"[^>]*>([^<]+)<', self.html)
        assert found is not None, self.text
        return found[1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""))
            self.forms.append(self._open)
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif self._open is not None and tag == "input" and "name" in given:
            if given.get("type") not in ("radio", "checkbox") or "checked" in given:
                self._open.fields.append((given["name"], given.get("value", "")))
        elif self._open is not None and tag == "button" and "name" in given:
            self._open.buttons.append((given["name"], given["value"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None

    def handle_data(self, data: str) -> None:
        self._texts.append(data)


@dataclass
class Visitor:
    """A signed-in person of the console."""

    client: FlaskClient
    user_id: int
    organization_id: str
    """Public id of their own organization."""

    def get(self, path: str, status: int = 200) -> Page:
        """Open a page of the console."""
        response = self.client.get(HOME + path)
        assert response.status_code == status, (path, response.status_code, response.text[:2000])
        return Page(response)

    def send(self, path: str, form: str = "", **values: Any) -> TestResponse:
        """Open a page, fill in a form of it and send that."""
        found = self.get(path).form(form)
        return self.client.post(found.action or HOME + path, data=found.filled(**values))

    def token(self) -> str:
        """A form token of this person."""
        return self.get("/organizations/new").form().value("csrf_token")

    def create_project(self, name: str = "Shop", **values: Any) -> str:
        """Create a project and wait until its worker is done; returns its slug."""
        response = self.send(f"/organizations/{self.organization_id}/projects/new", name=name, **values)
        assert response.status_code == 303, response.text
        wait_for_workers()
        return response.headers["Location"].rsplit("/", 1)[1]

    def connect_app(self, slug: str, **values: Any) -> Page:
        """Connect an app; returns the page that shows its credentials."""
        filled = {
            "name": "Bookshop",
            "application_uri": "https://shop.example.com",
            "redirect_uri": "https://shop.example.com/callback",
            **values,
        }
        return Page(self.send(f"/projects/{slug}/apps/connect", **filled))


def sign_in(app: Flask, email: str = "ada@example.com", *, secure: bool = False) -> Visitor:
    """A person with an account, a default organization and a login session."""
    with app.test_request_context("/", base_url="http://localhost"):
        ensure_console_project(context())
        ctx = context("console")
        user = create_user(ctx, email=email)
        with transaction(ctx) as work:
            organization = add_default_organization(ctx, work, user_id=user.id, email=email)
            public_id = organization.public_id
            user_id = user.id
        token = open_login(ctx, user_id, user.sub)
    client = app.test_client()
    client.set_cookie("hanko_identity-console", token)
    return Visitor(client, user_id, public_id)


def open_login(ctx: Context, user_id: int, sub: str) -> str:
    """A login session without a ceremony; returns the cookie's value."""
    with transaction(ctx) as work:
        return open_session(ctx, work, user_id=user_id, sub=sub, assurance=SYNCED).token


def add_member(app: Flask, visitor: Visitor, organization_id: str, role: Role) -> None:
    """Give a person a role in somebody else's organization."""
    with app.test_request_context("/"):
        ctx = context("console")
        with transaction(ctx):
            organization = find_organization(ctx.session, organization_id)
            assert organization is not None
            ctx.session.add(
                Membership(organization_id=organization.id, user_id=visitor.user_id, role=role, created_at=ctx.now)
            )


def wait_for_workers() -> None:
    """Let the threads that make projects ready come to their end."""
    for thread in threading.enumerate():
        if thread.name.startswith("hanko-provision-"):
            thread.join(timeout=30)
