"""Sessions, the account chooser and recovery in Chromium: light and dark, narrow and wide, and without a script."""

from dataclasses import replace

import pytest

from flask_hanko_identity.crypto import random_text
from flask_hanko_identity.flows.login_sessions import open_session
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.protocol.passkeys import SYNCED
from flask_hanko_identity.storage import Project
from tests.browser import axe_violations
from tests.live import serve
from tests.profiles import enter
from tests.servers import free_port
from tests.tenants import make_tenant

TARGETS = """() => [...document.querySelectorAll("a, button, input")]
    .filter(element => !element.matches(".visually-hidden, .hk-skip, [type=hidden]"))
    .map(element => [element.outerHTML.slice(0, 100), element.getBoundingClientRect()])
    .filter(([_, box]) => box.width && box.height && box.height < 24)
    .map(([html, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${html}`)"""
"""What can be clicked and is smaller than WCAG 2.2, section 2.5.8, wants."""

# What a page looks like does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Site:
    """A project, served, with a browser that is signed in as two people, and one of them elsewhere too."""

    def __init__(self, app, url):
        self.root, self.url = url, f"{url}/identity/shop"
        self.browser = random_text()
        make_tenant(app)
        with app.app_context():
            state = app.extensions["hanko_identity"]
            state.session.query(Project).filter_by(slug="shop").one().sign_in = {"recovery_codes": True}
            state.session.commit()
            state.snapshots.forget()
            ada = enter(app, "ada@example.com", name="Ada Lovelace")
            bob = enter(app, "bob.with-a-long-name@a-department.analytical-engines.example")
            self.tokens = [self.sign_in(person) for person in (bob, ada)]

    def sign_in(self, person):
        ctx, user_id = person.ctx, person.user.id
        ctx = replace(ctx, origin=replace(ctx.origin, browser=self.browser))
        with transaction(ctx) as work:
            return open_session(ctx, work, user_id=user_id, sub=person.sub, assurance=SYNCED).token

    def open(self, new_page, **options):
        page = new_page(**options)
        cookies = {
            "hanko_identity": self.browser,
            "hanko_identity-shop": self.tokens[0],
            "hanko_identity.others-shop": self.tokens[1],
        }
        page.context.add_cookies([{"name": name, "value": value, "url": self.root} for name, value in cookies.items()])
        return page


@pytest.fixture
def site(app_factory):
    port = free_port()
    app = app_factory(HANKO_IDENTITY_BASE_URL=f"http://localhost:{port}/identity")
    with serve(app, port=port, access_log=False) as url:
        yield Site(app, url)


def trouble(page):
    found = [f"{page.url}: {violation}" for violation in axe_violations(page)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{page.url} scrolls sideways")
    return found + [f"{page.url}: {target}" for target in page.evaluate(TARGETS)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_can_be_used_by_everybody(site, new_page, clock, scheme, width):
    page = site.open(new_page, viewport={"width": width, "height": 800}, color_scheme=scheme)
    found = []

    for path in ("/profile/sessions", "/accounts", "/recover", "/login?again=1", "/profile/recovery-codes"):
        assert page.goto(site.url + path).status == 200
        found += trouble(page)
    page.click("text=Make new codes")
    assert page.locator("main code").count() == 10
    found += trouble(page)
    page.goto(site.url + "/recover")
    page.fill("#email", "ada@example.com")
    page.fill("#code", "0000-0000-0000-0000")
    page.click("main button")
    assert page.get_by_role("alert").is_visible()
    found += trouble(page)
    clock.advance(minutes=6)
    for path in ("/profile/sessions", "/profile/recovery-codes"):
        page.goto(site.url + path)
        assert page.get_by_role("link", name="Confirm that it is you").is_visible()
        found += trouble(page)

    assert found == []


def test_choose_by_keyboard_and_without_a_script(site, new_page):
    page = site.open(new_page, java_script_enabled=False)
    page.goto(site.url + "/accounts")

    page.get_by_role("button", name="Ada Lovelace").focus()
    page.keyboard.press("Enter")

    page.wait_for_url("**/profile")
    assert page.get_by_text("Ada Lovelace").first.is_visible()
    page.goto(site.url + "/profile/sessions")
    page.get_by_role("button", name="End all other sessions").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/profile/sessions?done=others-ended")
    assert page.get_by_text("You are signed in nowhere else.").is_visible()
