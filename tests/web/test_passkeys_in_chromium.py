"""The script of the passkey pages, in a real browser with a virtual authenticator."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity.flows.passlinks import create_invitation
from flask_hanko_identity.flows.passlinks import create_sign_in_link
from flask_hanko_identity.storage import Passkey
from flask_hanko_identity.storage import User
from tests.browser import VirtualAuthenticator
from tests.browser import add_authenticator
from tests.browser import axe_violations
from tests.live import serve
from tests.servers import free_port
from tests.sign_in import add_project
from tests.sign_in import make_context

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PROFILE = re.compile(r"/identity/shop/profile$")
WITHOUT_JSON = """
    delete PublicKeyCredential.parseCreationOptionsFromJSON;
    delete PublicKeyCredential.parseRequestOptionsFromJSON;
    delete PublicKeyCredential.prototype.toJSON;
"""


class Site:
    """A served host, and a way to look into it."""

    def __init__(self, app: Flask, url: str) -> None:
        self.app = app
        self.url = url

    def link(self) -> str:
        with self.app.app_context():
            ctx = make_context(self.app)
            return create_sign_in_link(ctx, user=ctx.session.scalars(select(User)).one())

    def invite(self, email: str) -> str:
        with self.app.app_context():
            return create_invitation(make_context(self.app, "console"), email=email)

    def set_counter(self, count: int) -> None:
        with self.app.app_context():
            session = make_context(self.app).session
            session.execute(update(Passkey).values(sign_count=count))
            session.commit()


@pytest.fixture
def site(app_factory):
    port = free_port()
    url = f"http://op.localhost:{port}/identity"
    app = app_factory(HANKO_IDENTITY_BASE_URL=url)
    with app.app_context():
        add_project(app, "shop")
        add_project(app, "console")
    with serve(app, name="op.localhost", port=port, access_log=False):
        yield Site(app, url)


@pytest.fixture
def page(new_page):
    return new_page()


@pytest.fixture
def passkeys(page, site):
    return add_authenticator(page)


def sign_up(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/shop/signup")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(PROFILE)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def sign_in_button(page: Page):
    return page.get_by_role("button", name="Sign in with a passkey")


def signed_out_with_passkey(page: Page, site: Site, passkeys: VirtualAuthenticator) -> None:
    sign_up(page, site)
    sign_out(page)
    assert len(passkeys.credentials) == 1


def test_sign_up_sign_out_and_sign_in_by_button(page, site, passkeys):
    signed_out_with_passkey(page, site, passkeys)

    sign_in_button(page).click()

    expect(page).to_have_url(PROFILE)
    page.goto(f"{site.url}/shop/profile/passkeys")
    expect(page.get_by_text("this device only").first).to_be_visible()


def test_autofill_signs_in_without_a_click(page, site, passkeys):
    signed_out_with_passkey(page, site, passkeys)

    page.goto(f"{site.url}/shop/login")

    expect(page).to_have_url(PROFILE)


def test_button_works_while_autofill_waits(page, site, passkeys):
    signed_out_with_passkey(page, site, passkeys)
    passkeys.be_present(False)
    with page.expect_response("**/login/options"):
        page.goto(f"{site.url}/shop/login")
    page.wait_for_timeout(300)
    expect(page).to_have_url(re.compile("/login$"))
    passkeys.be_present(True)

    sign_in_button(page).click()

    expect(page).to_have_url(PROFILE)


def test_autofill_gets_a_fresh_challenge_before_the_old_one_ends(page, site, passkeys):
    signed_out_with_passkey(page, site, passkeys)
    passkeys.be_present(False)
    page.clock.install()
    with page.expect_response("**/login/options"):
        page.goto(f"{site.url}/shop/login")
    page.wait_for_timeout(300)

    with page.expect_response("**/login/options"):
        page.clock.fast_forward(4 * 60 * 1000)

    expect(page.get_by_role("alert")).to_be_hidden()


def test_autofill_with_nothing_to_offer_is_silent_and_the_button_says_why(page, site, passkeys):
    with page.expect_response("**/login/options"):
        page.goto(f"{site.url}/shop/login")
    page.wait_for_timeout(500)
    expect(page.get_by_role("alert")).to_be_hidden()

    sign_in_button(page).click()

    expect(page.get_by_role("alert")).to_contain_text("no passkey for op.localhost")
    expect(sign_in_button(page)).to_be_enabled()
    expect(page.get_by_role("link", name="Sign up")).to_be_visible()


def test_failed_verification_can_be_tried_again(page, site, passkeys):
    page.goto(f"{site.url}/shop/signup")
    page.get_by_label("E-mail").fill("ada@example.com")
    passkeys.verify_user(False)
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")

    passkeys.verify_user(True)
    page.get_by_role("button", name="Create a passkey").click()

    expect(page).to_have_url(PROFILE)


def test_refusal_of_the_server_is_shown_and_the_page_stays_usable(page, site, passkeys):
    signed_out_with_passkey(page, site, passkeys)
    site.set_counter(1000)
    sign_in_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("could not be accepted")
    expect(sign_in_button(page)).to_be_enabled()

    site.set_counter(0)
    sign_in_button(page).click()

    expect(page).to_have_url(PROFILE)


def test_autofill_goes_on_after_a_refusal(page, site, passkeys):
    signed_out_with_passkey(page, site, passkeys)
    site.set_counter(1000)
    page.goto(f"{site.url}/shop/login")
    expect(page.get_by_role("alert")).to_contain_text("could not be accepted")

    site.set_counter(0)

    expect(page).to_have_url(PROFILE)


def test_expired_page_says_so_and_asks_no_more(page, site, passkeys):
    signed_out_with_passkey(page, site, passkeys)
    refusal = {"error": "RequestForged", "message": "This page has expired."}
    page.route("**/login/options", lambda route: route.fulfill(status=403, json=refusal))
    asked = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{site.url}/shop/login")
    expect(page.get_by_role("alert")).to_contain_text("expired")
    page.wait_for_timeout(2500)

    assert sum(url.endswith("/options") for url in asked) == 1


def test_wrong_address_is_named_before_anything_is_sent(page, site, passkeys):
    page.goto(f"{site.url}/shop/signup")
    page.get_by_label("E-mail").fill("ada")

    page.get_by_role("button", name="Create a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("Enter an e-mail address")
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")


def test_address_that_only_the_server_refuses(page, site, passkeys):
    page.goto(f"{site.url}/shop/signup")
    page.get_by_label("E-mail").fill("ada@-example")

    page.get_by_role("button", name="Create a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("Enter an e-mail address")


def test_other_origin_names_the_setting(page, site):
    page.goto(f"{site.url}/shop/login".replace("op.localhost", "localhost"))

    expect(page.get_by_role("alert")).to_contain_text("HANKO_IDENTITY_BASE_URL")
    expect(sign_in_button(page)).to_be_disabled()


def test_device_that_has_a_passkey_for_the_account(page, site, passkeys):
    console = re.compile(r"/identity/console/")
    page.goto(site.invite("ada@example.com"))
    expect(page.get_by_label("E-mail")).to_have_value("ada@example.com")
    expect(page.get_by_label("E-mail")).not_to_be_editable()
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(console)

    page.goto(site.invite("ada@example.com"))
    page.get_by_role("button", name="Create a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("has a passkey for this account already")


def test_link_signs_in_by_its_button(page, site, passkeys):
    signed_out_with_passkey(page, site, passkeys)
    page.goto(site.link())
    expect(page.get_by_text("ada@example.com")).to_be_visible()

    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(re.compile(r"/identity/shop/passkey-offer$"))
    page.get_by_role("button", name="Not now").click()
    expect(page).to_have_url(PROFILE)


def test_browser_without_json_methods(page, site, passkeys):
    page.add_init_script(WITHOUT_JSON)
    signed_out_with_passkey(page, site, passkeys)

    sign_in_button(page).click()

    expect(page).to_have_url(PROFILE)


def test_browser_without_passkeys(page, site):
    page.add_init_script("delete window.PublicKeyCredential")

    page.goto(f"{site.url}/shop/login")

    expect(page.get_by_role("alert")).to_contain_text("does not know passkeys")
    expect(sign_in_button(page)).to_be_disabled()


def test_server_that_cannot_be_reached(page, site, passkeys):
    page.goto(f"{site.url}/shop/signup")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.route("**/signup/options", lambda route: route.abort())

    page.get_by_role("button", name="Create a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("could not be reached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(new_page, site, scheme):
    page = new_page(color_scheme=scheme)
    passkeys = add_authenticator(page)
    sign_up(page, site)
    assert axe_violations(page) == []
    sign_out(page)
    assert axe_violations(page) == []
    page.goto(site.link())
    assert axe_violations(page) == []
    page.goto(f"{site.url}/shop/signup")
    assert axe_violations(page) == []
    passkeys.verify_user(False)
    page.get_by_label("E-mail").fill("eve@example.com")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert axe_violations(page) == []
