"""The pages of somebody's passkeys, as a real browser with virtual authenticators sees them."""

import re
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from playwright.sync_api import Locator
from playwright.sync_api import Page
from playwright.sync_api import expect
from sqlalchemy import delete
from sqlalchemy import select

from flask_hanko_identity.storage import Passkey
from tests.browser import VirtualAuthenticator
from tests.browser import add_authenticator
from tests.clock import Clock
from tests.live import serve
from tests.servers import free_port
from tests.sign_in import add_project
from tests.sign_in import make_context

PROFILE = re.compile(r"/identity/shop/profile$")
LIST = re.compile(r"/identity/shop/profile/passkeys")


class Site:
    """A served host with two projects, its clock, and a way to look into it."""

    def __init__(self, app: Flask, url: str, clock: Clock) -> None:
        self.app, self.url, self.clock = app, url, clock

    def names(self) -> list[str]:
        """Of all passkeys there are."""
        with self.app.app_context():
            return list(make_context(self.app).session.scalars(select(Passkey.name).order_by(Passkey.id)))

    def forget_first_passkey(self) -> None:
        """Remove it so that no page has a chance to tell the device."""
        with self.app.app_context():
            session = make_context(self.app).session
            first = session.scalars(select(Passkey.id).order_by(Passkey.id)).first()
            session.execute(delete(Passkey).where(Passkey.id == first))
            session.commit()


@contextmanager
def serve_shop(app_factory: Callable[..., Flask], clock: Clock) -> Iterator[Site]:
    """A host with the projects shop and cafe."""
    port = free_port()
    url = f"http://op.localhost:{port}/identity"
    app = app_factory(HANKO_IDENTITY_BASE_URL=url)
    with app.app_context():
        add_project(app, "shop")
        add_project(app, "cafe")
    with serve(app, name="op.localhost", port=port, access_log=False):
        yield Site(app, url, clock)


def add_member(page: Page, site: Site) -> VirtualAuthenticator:
    """Ada signs up with the page's own platform authenticator, and opens her passkeys."""
    device = add_authenticator(page)
    sign_up(page, site)
    open_list(page, site)
    return device


def sign_up(page: Page, site: Site, slug: str = "shop") -> None:
    page.goto(f"{site.url}/{slug}/signup")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(re.compile(f"/{slug}/profile$"))


def open_list(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/shop/profile/passkeys")
    expect(button(page)).to_be_enabled()


def button(page: Page, name: str = "Add this device") -> Locator:
    return page.get_by_role("button", name=name)


def entries(page: Page) -> Locator:
    return page.locator(".hk-entry-name")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def plug_in(page: Page, first: VirtualAuthenticator, **options: Any) -> VirtualAuthenticator:
    """A second authenticator, a security key; nobody touches the first one any more."""
    first.be_present(False)
    session = first.session
    added = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
                **options,
            }
        },
    )
    return VirtualAuthenticator(session, added["authenticatorId"])


def with_second_passkey(page: Page, device: VirtualAuthenticator) -> VirtualAuthenticator:
    key = plug_in(page, device)
    button(page, "Add a phone or security key").click()
    expect(page.get_by_role("status")).to_contain_text("Your new passkey is ready")
    return key


def remove(page: Page, name: str) -> None:
    entry = page.locator("li", has=page.get_by_role("heading", name=name, exact=True))
    entry.locator("summary", has_text="Remove").click()
    entry.get_by_role("button", name="Remove this passkey").click()
