"""Sign-in and sign-up by mail in a real browser, with and without a script."""

import re

import pytest
from playwright.sync_api import Page
from playwright.sync_api import expect

from flask_hanko_identity.flows.users import create_user
from tests.browser import add_authenticator
from tests.browser import axe_violations
from tests.live import serve
from tests.servers import free_port
from tests.sign_in import add_project
from tests.sign_in import make_context

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADA = "ada@example.com"
EVE = "eve@example.com"
OFFER = re.compile(r"/identity/shop/passkey-offer")


@pytest.fixture
def url(app_factory, smtp):
    """The address of a served host; Ada has an account in its shop."""
    port = free_port()
    url = f"http://op.localhost:{port}/identity"
    app = app_factory(HANKO_IDENTITY_BASE_URL=url, **smtp.config)
    with app.app_context():
        add_project(app, "shop", brand={"accent": "#7a3cff", "background": "#fdf6ff", "corners": "round"})
        create_user(make_context(app), email=ADA)
    with serve(app, name="op.localhost", port=port, access_log=False):
        yield url


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(new_page, request):
    return new_page(java_script_enabled=request.param)


def ask(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/shop/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="E-mail me a link").click()
    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
    expect(page.get_by_text(email)).to_be_visible()


def expect_profile_of(page: Page, url: str, email: str) -> None:
    expect(page).to_have_url(OFFER)
    page.goto(f"{url}/shop/profile/emails")
    expect(page.get_by_text(email).first).to_be_visible()


def test_sign_in_by_link(page, url, smtp):
    ask(page, url, ADA)
    mail = smtp.wait_for(1)

    tab = page.context.new_page()
    tab.goto(mail.link)
    tab.get_by_role("button", name="Sign in").click()

    expect_profile_of(tab, url, ADA)


def test_sign_in_by_code(page, url, smtp):
    ask(page, url, ADA)
    code = smtp.wait_for(1).code

    page.get_by_label("Code").fill("000000" if code != "000 000" else "000001")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("4 more times"))
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Continue").click()

    expect_profile_of(page, url, ADA)


def test_sign_up_by_code(page, url, smtp):
    page.goto(f"{url}/shop/signup")
    page.get_by_label("E-mail").fill(EVE)
    page.get_by_role("button", name="Continue with e-mail").click()
    code = smtp.wait_for(1).code

    page.get_by_label("Code").press_sequentially(code)
    page.keyboard.press("Enter")

    expect_profile_of(page, url, EVE)


def test_sign_up_by_link_and_a_passkey_right_after(new_page, url, smtp):
    page = new_page()
    passkeys = add_authenticator(page)
    ask(page, url, EVE)
    page.goto(smtp.wait_for(1).link)
    page.get_by_role("button", name="Make my account").click()

    expect(page).to_have_url(OFFER)
    page.get_by_role("button", name="Add a passkey").click()

    expect(page).to_have_url(re.compile(r"/shop/profile$"))
    assert len(passkeys.credentials) == 1


def test_link_in_another_browser_leads_back_to_the_code(new_page, url, smtp):
    desk, phone = new_page(), new_page()
    ask(desk, url, ADA)
    mail = smtp.wait_for(1)

    phone.goto(mail.link)
    expect(phone.get_by_role("heading", name="Go back to where you asked")).to_be_visible()
    assert axe_violations(phone) == []

    desk.get_by_label("Code").fill(mail.code)
    desk.get_by_role("button", name="Continue").click()
    expect_profile_of(desk, url, ADA)


def test_a_typo_keeps_what_was_typed(new_page, url):
    page = new_page()
    page.goto(f"{url}/shop/login")
    page.get_by_label("E-mail").fill("ada@")
    page.get_by_role("button", name="E-mail me a link").click()

    expect(page.get_by_role("alert")).to_have_text(re.compile("Enter an e-mail address"))
    expect(page.get_by_label("E-mail")).to_have_value("ada@")
    assert axe_violations(page) == []
    page.get_by_label("E-mail").fill(ADA)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()


def test_mail_while_autofill_waits(new_page, url, smtp):
    """The passkey's pending request is no obstacle."""
    page = new_page()
    add_authenticator(page).be_present(False)
    with page.expect_response("**/login/options"):
        page.goto(f"{url}/shop/login")
    page.get_by_label("E-mail").fill(ADA)
    page.get_by_role("button", name="E-mail me a link").click()

    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
    assert smtp.wait_for(1).envelope_to == [ADA]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit_a_phone(new_page, url, smtp, scheme):
    page = new_page(color_scheme=scheme, viewport={"width": 360, "height": 740})

    def look() -> None:
        assert axe_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360

    for path in ("login", "signup", "email"):
        page.goto(f"{url}/shop/{path}")
        look()
    ask(page, url, ADA)
    look()
    page.get_by_label("Code").fill("12")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look()
    page.goto(smtp.wait_for(1).link)
    look()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_mail_is_accessible(new_page, url, smtp, scheme):
    ask(new_page(), url, ADA)
    mail = smtp.wait_for(1)
    page = new_page(color_scheme=scheme, viewport={"width": 360, "height": 740})

    page.set_content(mail.html)

    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_outbox_is_accessible(app_factory, new_page, scheme):
    port = free_port()
    url = f"http://op.localhost:{port}/identity"
    app = app_factory(HANKO_IDENTITY_BASE_URL=url, DEBUG=True)
    with app.app_context():
        add_project(app, "shop")
    with serve(app, name="op.localhost", port=port, access_log=False):
        page = new_page(color_scheme=scheme, viewport={"width": 360, "height": 740})
        ask(page, url, EVE)
        page.get_by_role("link", name="open the outbox").click()

        assert axe_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.locator("a[href*='/link/']").click()
        page.get_by_role("button", name="Make my account").click()
        expect(page).to_have_url(OFFER)
