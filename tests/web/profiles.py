"""Users of a project in front of Flask's test client, who see to their own profile."""

from collections.abc import Callable
from typing import Any
from typing import TypeVar

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from flask_hanko_identity.flows.consents import remember
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.storage import EmailAddress
from flask_hanko_identity.storage import User
from tests.profiles import Person
from tests.profiles import enter
from tests.sign_in import Visitor
from tests.tenants import RelyingParty
from tests.web.visitors import Form
from tests.web.visitors import Page

T = TypeVar("T")


class Browser(Visitor):
    """Somebody's browser, and who sits at it."""

    person: Person

    def form(self, path: str, ending: str) -> Form:
        """A form of a page; its token is that of this person."""
        return Page(self.open(path)).form(ending)

    def traits(self, **typed: str) -> TestResponse:
        """Fill in the form of the profile and send it."""
        return self.submit("profile", **self.form("profile", "/profile").filled(**typed))

    def add(self, email: str) -> TestResponse:
        """Add an address."""
        return self.submit("profile/emails", **self.form("profile/emails", "/emails").filled(email=email))

    def stored(self, read: Callable[[Person], T]) -> T:
        """What ``read`` finds out about the person."""
        with self.person.app.app_context():
            return read(self.person)

    @property
    def claims(self) -> dict[str, Any]:
        """The person's claims."""
        return self.stored(lambda person: dict(person.user.claims))

    @property
    def email(self) -> str | None:
        """The person's primary address."""
        return self.stored(lambda person: person.user.email)

    @property
    def addresses(self) -> list[int]:
        """Ids of the person's addresses."""
        mine = select(EmailAddress.id).join(User, User.id == EmailAddress.user_id).order_by(EmailAddress.id)
        return self.stored(lambda person: list(person.ctx.session.scalars(mine.where(User.sub == person.sub))))


def browse(app: Flask, *args: Any, **values: Any) -> Browser:
    """The browser of a new user."""
    with app.app_context():
        person = enter(app, *args, **values)
    browser = Browser(app.test_client(), slug=person.slug)
    browser.person = person
    browser.client.set_cookie(f"hanko_identity-{person.slug}", person.token, path="/")
    return browser


def consent(browser: Browser, rp: RelyingParty) -> None:
    """Let the person have allowed an app something."""

    def allow(person: Person) -> None:
        ctx, user_id = person.ctx, person.user.id
        client = ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=rp.client_id)
        with transaction(ctx):
            assert client is not None
            remember(ctx, user_id=user_id, client_id=client.id, scope=("openid", "email"))

    browser.stored(allow)
