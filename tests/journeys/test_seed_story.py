"""The seed's story in a browser, from sign-up at the console to sign-out of a connected app.

S1 to S16 are the rows of the product that the seed asks for.
"""

import re
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from flask_hanko_identity.flows import provision
from flask_hanko_identity.protocol import signing
from tests.browser import axe_violations
from tests.journeys.bookshop import Bookshop
from tests.journeys.bookshop import Credentials
from tests.journeys.people import Person
from tests.journeys.pictures import take_picture

PATIENCE = 20
"""Seconds that a held worker waits at most, so that a failed test does not keep it."""


@pytest.fixture
def key_making(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """New projects stay as they are until the event is set: else nobody could see them being made."""
    may_go_on = threading.Event()

    def hesitate(algorithm: str) -> object:
        may_go_on.wait(PATIENCE)
        return signing.generate(algorithm)

    may_go_on.set()
    monkeypatch.setattr(provision, "generate", hesitate)
    yield may_go_on
    may_go_on.set()


def test_from_sign_up_to_sign_out_of_an_app(bookshop, demo_app, new_person, key_making, canaries):
    owner = new_person("owner@bookshop.example", permissions=["clipboard-read", "clipboard-write"])
    sign_up_at_the_console(owner, bookshop)
    rename_the_organization(owner)
    create_a_project_and_watch_it_become_ready(owner, key_making)
    credentials = connect_the_app(owner, demo_app.url)
    canaries.add(credentials.secret)
    assert_secret_is_shown_once(owner, credentials.secret)
    set_up_the_app(owner, demo_app.url, credentials)

    reader = new_person("reader@example.com")
    with demo_app.serve(credentials):
        refuse_consent_once(reader, demo_app.url)
        see_claims(reader, demo_app.url)
        refresh_tokens(reader)
        sign_out(reader, demo_app.url)
        sign_in_again_by_button(reader)
        sign_out(reader, demo_app.url)
        sign_in_again_by_autofill(reader)
        come_back_in_another_app_session(reader, demo_app.url)


def sign_up_at_the_console(owner: Person, bookshop: Bookshop) -> None:
    owner.open(bookshop.url)
    owner.follow("Console")
    owner.is_at("Sign in")
    expect(owner.page.locator("input[type=password]")).to_have_count(0)
    owner.follow("Sign up")
    owner.signs_up()
    # S1: the console opens. S2: with an organization that has a name by default.
    owner.is_at("owner's organization")
    expect(owner.page).to_have_url(re.compile(r"/identity/console/organizations/\w+$"))
    assert [each["rpId"] for each in owner.passkeys.credentials] == ["localhost"]
    # S2: another can be made by hand, and needs a name.
    owner.opens_menu()
    owner.follow("Create organization")
    owner.press("Create organization")
    owner.sees("Give the organization a name.")
    owner.fill("Name", "Second organization")
    owner.press("Create organization")
    owner.is_at("Second organization")
    owner.opens_menu()
    owner.follow("owner's organization")


def rename_the_organization(owner: Person) -> None:
    # S3
    owner.opens_menu()
    owner.follow("Manage organization")
    owner.fill("Name", "The Bookshop")
    owner.press("Save name")
    owner.sees("The new name is saved.")
    owner.follow_crumb("The Bookshop")
    owner.is_at("The Bookshop")


def create_a_project_and_watch_it_become_ready(owner: Person, key_making: threading.Event) -> None:
    # S4: a panel among the projects. S5: the type is asked for. S6: the look can be chosen right away.
    key_making.clear()
    owner.follow("Create new project")
    expect(owner.page.get_by_role("radio", name="Identity")).to_be_checked()
    expect(owner.page.get_by_role("radio", name="Host accounts")).to_be_visible()
    owner.fill("Project name", "Readers")
    owner.fill("Accent colour", "#7a1f4b")
    owner.press("Create project")
    # S7: initialising, then ready without a touch.
    owner.is_at("Readers")
    expect(owner.page.get_by_text("Initialising")).to_be_visible()
    key_making.set()
    expect(owner.page.get_by_text("Ready", exact=True)).to_be_visible()
    owner.sees("Next: connect an app")
    # S6: and revised later.
    owner.opens_tab("Brand")
    expect(owner.field("Accent colour")).to_have_value("#7a1f4b")
    owner.fill("Accent colour", "#1f3a7a")
    owner.press("Save look")
    owner.sees("The new look is saved.")


def connect_the_app(owner: Person, app_url: str) -> Credentials:
    # S8 and S9
    owner.opens_tab("Your apps")
    owner.follow("Connect app")
    expect(owner.page.get_by_role("radio", name="Web app")).to_be_checked()
    expect(owner.page.get_by_role("radio", name="Native or mobile app")).to_be_visible()
    owner.connects_app("Reading list", url=app_url, redirect_url=f"{app_url}/callback")
    # S10
    owner.is_at("Reading list is connected")
    owner.sees("Copy the client secret now.")
    owner.page.get_by_role("button", name="Copy Client secret").click()
    expect(owner.page.get_by_role("button", name="Copied")).to_be_visible()
    credentials = owner.reads_credentials()
    assert owner.page.evaluate("navigator.clipboard.readText()") == credentials.secret
    return credentials


def assert_secret_is_shown_once(owner: Person, secret: str | None) -> None:
    assert secret
    # S10: neither by reloading nor by going back nor in the settings.
    owner.page.reload()
    assert secret not in owner.page.content()
    owner.sees("This app is connected already, and its secret is not shown twice.")
    owner.opens_tab("Your apps")
    owner.page.get_by_role("link", name="Reading list").click()
    owner.is_at("Reading list")
    assert secret not in owner.page.content()
    owner.page.go_back()
    owner.page.go_back()
    assert secret not in owner.page.content()
    owner.opens_tab("Your apps")
    expect(owner.page.get_by_role("link", name="Reading list")).to_have_count(1)
    owner.page.get_by_role("link", name="Reading list").click()


def set_up_the_app(owner: Person, app_url: str, credentials: Credentials) -> None:
    owner.is_at("Reading list")
    # S11 and S12: several addresses of either kind.
    owner.page.get_by_role("button", name="Add another Allowed login redirect URLs").click()
    owner.field("Allowed login redirect URLs 2").or_(owner.page.locator("input[name=redirect_uris]").nth(1)).first.fill(
        f"{app_url}/other-callback"
    )
    owner.fill("Allowed logout redirect URLs 1", f"{app_url}/")
    # S13
    expect(owner.page.get_by_role("radio", name="client_secret_basic")).to_be_checked()
    expect(owner.page.get_by_role("radio", name="client_secret_post")).to_be_visible()
    # S14
    expect(owner.page.get_by_role("switch", name="Refresh tokens")).not_to_be_checked()
    owner.page.get_by_role("switch", name="Refresh tokens").check()
    owner.page.get_by_role("button", name="Save settings").click()
    owner.sees("The settings are saved.")
    expect(owner.page.locator("input[name=redirect_uris]")).to_have_count(2)
    expect(owner.page.get_by_role("switch", name="Refresh tokens")).to_be_checked()
    # S15: the page lists what discovery says, with a button to copy each.
    discovery = httpx.get(f"{credentials.issuer}/.well-known/openid-configuration").json()
    listed = owner.page.locator("#endpoints output").all_inner_texts()
    endpoints = {url for name, url in discovery.items() if name.endswith("_endpoint") or name == "jwks_uri"}
    assert {discovery["issuer"], *endpoints} <= set(listed)
    assert discovery["end_session_endpoint"] in endpoints
    expect(owner.page.locator("#endpoints").get_by_role("button", name="Copy")).to_have_count(len(listed))


def refuse_consent_once(reader: Person, app_url: str) -> None:
    reader.open(app_url)
    reader.follow("Sign in")
    reader.sees("to continue to Reading list")
    reader.follow("Sign up")
    reader.sees("to continue to Reading list")
    reader.signs_up()
    # S16: an error reaches the redirect URL too.
    reader.is_at("Continue to Reading list?")
    reader.sees("An app of The Bookshop")
    reader.press("Cancel")
    reader.sees("access_denied")
    assert reader.page.url.startswith(f"{app_url}/callback?")


def see_claims(reader: Person, app_url: str) -> None:
    reader.open(app_url)
    reader.follow("Sign in")
    # Still signed in at the provider, so it asks for consent at once.
    reader.is_at("Continue to Reading list?")
    reader.sees("See your e-mail address")
    with reader.page.expect_response(lambda answer: "/callback?" in answer.url) as callback:
        reader.press("Continue")
    # S16: the code arrives at the registered address, with state and issuer.
    arrived = parse_qs(urlsplit(callback.value.url).query)
    assert set(arrived) == {"code", "state", "iss"}
    reader.sees("Signed in as reader@example.com.")
    expect(reader.page.get_by_role("heading", name="ID token")).to_be_visible()
    expect(reader.page.get_by_role("heading", name="Userinfo")).to_be_visible()
    reader.sees('"email_verified": false')
    reader.sees('"nonce"')
    assert axe_violations(reader.page) == []
    reader.page.set_viewport_size({"width": 1280, "height": 800})
    take_picture(reader.page, "demo-app")


def refresh_tokens(reader: Person) -> None:
    # S14, and userinfo with the new access token.
    reader.press("Refresh tokens")
    expect(reader.page.get_by_role("heading", name="Userinfo, after refreshing")).to_be_visible()


def sign_out(reader: Person, app_url: str) -> None:
    # S12 and S15: by the end-session endpoint and back to the app, signed out at both.
    reader.passkeys.be_present(False)
    with reader.page.expect_request(lambda request: "/logout?" in request.url) as asked:
        reader.press("Sign out")
    sent = parse_qs(urlsplit(asked.value.url).query)
    assert sent["post_logout_redirect_uri"] == [f"{app_url}/"] and sent["id_token_hint"]
    reader.sees("This small app knows nobody.")
    assert reader.page.url.startswith(f"{app_url}/")
    reader.follow("Sign in")
    reader.is_at("Sign in")


def sign_in_again_by_button(reader: Person) -> None:
    reader.signs_in()
    # Consent is remembered.
    reader.sees("Signed in as reader@example.com.")


def sign_in_again_by_autofill(reader: Person) -> None:
    # The browser offers its passkeys while the page loads; somebody is there to pick one.
    reader.comes_back()
    reader.page.reload()
    reader.sees("Signed in as reader@example.com.")


def come_back_in_another_app_session(reader: Person, app_url: str) -> None:
    # Single sign-on: the app forgot, the provider did not.
    reader.page.context.clear_cookies(name="relying_party")
    reader.open(app_url)
    reader.follow("Sign in")
    reader.sees("Signed in as reader@example.com.")
