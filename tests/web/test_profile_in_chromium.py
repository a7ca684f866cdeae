"""The profile as people meet it: in Chromium, light and dark, narrow and wide, by keyboard, and without a script."""

import json
import os
from pathlib import Path

import pytest

from flask_hanko_identity.flows.consents import remember
from flask_hanko_identity.flows.emails import add_address
from flask_hanko_identity.flows.profile import change_traits
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.storage import Project
from tests.browser import axe_violations
from tests.live import serve
from tests.profiles import enter
from tests.profiles import give_passkey
from tests.servers import free_port
from tests.tenants import connect
from tests.tenants import connect_native
from tests.tenants import make_tenant

TARGETS = """() => [...document.querySelectorAll("a, button, input, textarea, summary")]
    .filter(element => !element.matches(".visually-hidden, .hk-skip, [type=hidden]"))
    .map(element => [element.outerHTML.slice(0, 100), element.getBoundingClientRect()])
    .filter(([_, box]) => box.width && box.height && (box.height < 44 || box.width < 24))
    .map(([html, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${html}`)"""
"""What can be clicked and is smaller than a finger."""

PATHS = ("", "/emails", "/apps", "/account")
BRAND = {"accent": "#9c4221", "background": "#fdf6ec", "corners": "round"}
NIGHT = {"accent": "#ffd166", "background": "#1b1b2f", "corners": "square"}
PICTURES = os.environ.get("HANKO_SCREENSHOTS")
"""A folder for pictures of all pages; none are taken without it."""

# What a page looks like does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Site:
    """A project, served, with somebody who has a bit of everything."""

    def __init__(self, app, url):
        self.url = f"{url}/identity/shop/profile"
        self.root = url
        make_tenant(app)
        with app.app_context():
            self.ada = enter(app, email="ada@example.com", name="Ada Lovelace")
            self.fill(app)

    def fill(self, app):
        ada, user_id = self.ada, self.ada.user.id
        change_traits(ada.ctx, ada.login, {"locale": "en-GB", "address": {"locality": "London", "country": "GB"}})
        add_address(ada.ctx, ada.login, email="ada.lovelace@a-department-with-a-long-name.analytical-engines.example")
        give_passkey(ada)
        for rp in (
            connect(app, name="Bookshop", application_uri="https://books.example", first_party=False),
            connect(app, name="An app with quite a long name, as some of them have", first_party=False),
            connect_native(app, name="Reader", first_party=False),
        ):
            ctx = ada.ctx
            client = ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=rp.client_id)
            with transaction(ctx):
                scope = ("openid", "profile", "email", "offline_access")
                assert client is not None
                remember(ctx, user_id=user_id, client_id=client.id, scope=scope)

    def open(self, new_page, **options):
        page = new_page(**options)
        cookie = {"name": "hanko_identity-shop", "value": self.ada.token, "url": self.root}
        page.context.add_cookies([cookie])
        return page


@pytest.fixture
def site(app_factory):
    port = free_port()
    app = app_factory(HANKO_IDENTITY_BASE_URL=f"http://localhost:{port}/identity")
    with serve(app, port=port, access_log=False) as url:
        yield Site(app, url)


def trouble(page):
    """What is wrong with the page that is shown."""
    found = [f"{page.url}: {violation}" for violation in axe_violations(page)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{page.url} scrolls sideways")
    if page.viewport_size["width"] < 500:
        found += [f"{page.url}: {target}" for target in page.evaluate(TARGETS)]
    return found


def picture(page, name):
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"profile-{name}.png"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_can_be_used_by_everybody(site, new_page, clock, scheme, width):
    page = site.open(new_page, viewport={"width": width, "height": 800}, color_scheme=scheme)
    found = []

    for path in PATHS:
        page.goto(site.url + path)
        for more in page.locator("main details > summary").all():
            more.click()
        found += trouble(page)
        picture(page, f"{path.strip('/') or 'traits'}-{width}-{scheme}")
    page.goto(site.url)
    page.fill("#website", "nowhere")
    page.fill("#zoneinfo", "?")
    page.click("text=Save")
    assert page.locator("#website-error").is_visible()
    found += trouble(page)
    picture(page, f"faults-{width}-{scheme}")
    clock.advance(minutes=6)
    for path in ("/emails", "/account"):
        page.goto(site.url + path)
        assert page.get_by_role("link", name="Confirm that it is you").is_visible()
        found += trouble(page)
        picture(page, f"stale-{path.strip('/')}-{width}-{scheme}")
    page.goto(site.url + "/deleted")
    found += trouble(page)

    assert found == []


@pytest.mark.parametrize("brand", [BRAND, NIGHT])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_the_colours_of_a_brand(site, new_page, brand, scheme):
    app = site.ada.app
    with app.app_context():
        ctx = site.ada.ctx
        row = ctx.session.get(Project, ctx.project.id)
        row.brand = brand
        ctx.session.commit()
        ctx.snapshots.forget()
    page = site.open(new_page, viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    found = []

    for path in PATHS:
        page.goto(site.url + path)
        found += trouble(page)
    picture(page, f"brand-{brand['corners']}-{scheme}")

    assert found == []


def test_by_keyboard_alone(site, new_page):
    page = site.open(new_page)
    page.goto(site.url)

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "hk-skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "name"
    page.keyboard.press("Control+a")
    page.keyboard.type("Ada King")
    page.keyboard.press("Enter")
    page.wait_for_url("**/profile?done=saved")
    assert page.get_by_role("status").inner_text() == "Your profile is saved."

    page.get_by_role("link", name="Connected apps").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/profile/apps")
    page.locator("summary", has_text="Bookshop").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/profile/apps?done=revoked")
    assert page.get_by_role("heading", name="Bookshop").count() == 0


def test_without_a_script(site, new_page):
    page = site.open(new_page, java_script_enabled=False)

    page.goto(site.url + "/emails")
    page.locator("form", has_text="Remove").get_by_role("button").click()
    assert page.url == site.url + "/emails?done=removed"
    page.goto(site.url + "/account")
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    document = json.loads(Path(started.value.path()).read_text(encoding="utf-8"))
    assert document["profile"]["name"] == "Ada Lovelace"
    page.fill("#confirmation", "ada@example.com")
    page.get_by_role("button", name="Delete my account").click()
    assert page.get_by_role("heading").inner_text() == "Your account is deleted"
    page.goto(site.url)
    assert "/login" in page.url
