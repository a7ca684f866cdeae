"""What the owner of an app does beside the straight way: other secrets, mistakes, and things that fail."""

import httpx
import pytest
from playwright.sync_api import expect

from flask_hanko_identity.flows import provision
from tests.journeys.bookshop import Credentials
from tests.journeys.bookshop import DemoApp
from tests.journeys.people import Person

pytestmark = pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)


@pytest.fixture
def owner(bookshop, new_person) -> Person:
    """Somebody who has joined the console."""
    person: Person = new_person("owner@bookshop.example")
    person.joins_console(bookshop.console)
    return person


@pytest.fixture
def connected(owner: Person, demo_app: DemoApp) -> Credentials:
    """The demo app, connected by the owner as a web app; the page with its credentials is open."""
    owner.creates_project("Readers")
    expect(owner.page.get_by_text("Ready", exact=True)).to_be_visible()
    owner.connects_app("Reading list", url=demo_app.url, redirect_url=f"{demo_app.url}/callback")
    owner.is_at("Reading list is connected")
    return owner.reads_credentials()


def test_a_new_secret_takes_the_place_of_the_old_one(owner, connected, canaries):
    owner.follow("I have copied the secret")
    owner.follow("New secret")
    owner.fill("Label (optional)", "production")
    owner.press("Make secret")
    owner.is_at("New client secret")
    new = owner.reads("Client secret")
    canaries.add(new)
    assert new != connected.secret
    assert [redeem(connected, secret) for secret in (connected.secret, new, "wrong")] == [
        "invalid_grant",
        "invalid_grant",
        "invalid_client",
    ]

    owner.page.reload()
    assert new not in owner.page.content()
    owner.page.goto(owner.page.url.split("?")[0])
    old_row = owner.page.locator(".hk-secrets li").filter(has_text=f"…{connected.secret[-4:]}")
    old_row.locator("summary").click()
    old_row.get_by_role("button", name="Revoke now").click()
    owner.sees("The secret is revoked.")

    assert [redeem(connected, secret) for secret in (connected.secret, new)] == ["invalid_client", "invalid_grant"]


def test_capital_letters_in_the_application_url_are_refused_with_a_message(owner):
    owner.creates_project("Readers")
    expect(owner.page.get_by_text("Ready", exact=True)).to_be_visible()

    owner.connects_app("Reading list", url="https://Shop.example.com", redirect_url="https://shop.example.com/cb")

    # S9: refused, not silently changed; all else stays as it was typed.
    owner.is_at("Connect app")
    owner.sees("Write it all in lower case: it has a capital “S”.")
    expect(owner.field("Application URL or package name")).to_have_value("https://Shop.example.com")
    expect(owner.field("Login Redirect URL")).to_have_value("https://shop.example.com/cb")
    owner.fill("Application URL or package name", "https://shop.example.com")
    owner.press("Connect")
    owner.is_at("Reading list is connected")


def test_unregistered_addresses_get_a_page_and_no_redirect(owner, connected, new_person):
    reader = new_person("reader@example.com")
    elsewhere = "redirect_uri=https://elsewhere.example/"

    # S11: always required, and one of those registered.
    for redirect_uri in ("", f"&{elsewhere}"):
        reader.open(
            f"{connected.issuer}/authorize?response_type=code&client_id={connected.client_id}&scope=openid{redirect_uri}"
        )
        reader.is_at("That did not work")
        expect(reader.page.locator(".hk-reference code")).not_to_be_empty()
        assert reader.page.url.startswith(connected.issuer)
    # S12: without an ID token the address is not even looked at.
    reader.open(f"{connected.issuer}/logout?client_id={connected.client_id}&post_logout_{elsewhere}")
    reader.is_at("You are signed out")
    assert reader.page.url.startswith(connected.issuer)


def test_a_project_that_failed_says_why_and_can_be_retried(owner, monkeypatch):
    def fail(algorithm: str) -> object:
        raise OSError("no randomness left")

    with monkeypatch.context() as patch:
        patch.setattr(provision, "generate", fail)
        owner.creates_project("Readers")
        # S7
        expect(owner.page.get_by_text("Failed", exact=True)).to_be_visible()
    owner.press("Retry")

    expect(owner.page.get_by_text("Ready", exact=True)).to_be_visible()


def redeem(app: Credentials, secret: str | None) -> str:
    """The error that a made-up code gets: the client's authentication comes first (RFC 6749, section 5.2)."""
    answer = httpx.post(
        f"{app.issuer}/token",
        auth=(app.client_id, secret or ""),
        data={"grant_type": "authorization_code", "code": "made-up", "redirect_uri": "https://shop.example.com/"},
    )
    error: str = answer.json()["error"]
    return error
