"""Pages as people meet them: in Chromium, light and dark, narrow and wide, with a script and without."""

import re
from urllib.parse import urlencode

import pytest

from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.web.context import context
from tests.browser import axe_violations
from tests.live import serve
from tests.servers import free_port
from tests.web.visitors import HOME
from tests.web.visitors import open_login
from tests.web.visitors import sign_in

TARGETS = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
    .map(element => element.matches("[type=radio], [type=checkbox]") ? element.closest("label") : element)
    .filter(element => !element.matches(".visually-hidden, .hk-skip, [type=hidden]"))
    .map(element => [element.outerHTML.slice(0, 100), element.getBoundingClientRect()])
    .filter(([_, box]) => box.width && box.height && (box.height < 44 || box.width < 24))
    .map(([html, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${html}`)"""
"""What can be clicked and is smaller than a finger."""

# What a page looks like does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Site:
    """The console, served, with something in it."""

    def __init__(self, url, ada):
        self.url = url
        self.ada = ada
        self.slug = ada.create_project("Shop")
        ada.create_project("Night club", accent="#ffd166", background="#1b1b2f", corners="square")
        page = ada.connect_app(self.slug)
        self.client_id = page.output("client-id")
        self.project = f"{url}{HOME}/projects/{self.slug}"

    def open(self, new_page, **options):
        """A page whose browser is Ada's."""
        page = new_page(**options)
        cookie = self.ada.client.get_cookie("hanko_identity-console")
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.url}])
        return page

    def reader(self):
        """The login cookie of a user of the project."""
        with self.ada.client.application.test_request_context("/"):
            ctx = context(self.slug)
            user = create_user(ctx, email="reader@example.com", claims={"name": "Rita Reader"})
            return open_login(ctx, user.id, user.sub)

    def authorization_url(self):
        query = {
            "client_id": self.client_id,
            "redirect_uri": "https://shop.example.com/callback",
            "response_type": "code",
            "scope": "openid profile email",
            "state": "s",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return f"{self.url}/identity/{self.slug}/authorize?{urlencode(query)}"

    def addresses(self):
        """Every page that can be had by looking."""
        console = self.url + HOME
        organization = f"{console}/organizations/{self.ada.organization_id}"
        app = f"{self.project}/apps/{self.client_id}"
        return [
            f"{console}/organizations/new",
            organization,
            f"{organization}/settings",
            f"{organization}/projects/new",
            self.project,
            f"{self.project}/settings",
            f"{self.project}/brand",
            f"{self.project}/sign-in",
            f"{self.project}/apps",
            f"{self.project}/apps/connect",
            app,
            f"{app}/secrets",
            f"{app}/delete",
            f"{console}/projects/nothing",
            f"{self.url}/identity/{self.slug}/login",
            f"{self.url}/identity/night-club/login",
            f"{self.url}/identity/{self.slug}/signed-out",
        ]


@pytest.fixture
def site(app_factory):
    port = free_port()
    app = app_factory(HANKO_IDENTITY_BASE_URL=f"http://localhost:{port}/identity")
    with serve(app, port=port, access_log=False) as url:
        yield Site(url, sign_in(app))


def trouble(page):
    """What is wrong with the page that is shown."""
    found = [f"{page.url}: {violation}" for violation in axe_violations(page)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{page.url} scrolls sideways")
    if page.viewport_size["width"] < 500:
        found += [f"{page.url}: {target}" for target in page.evaluate(TARGETS)]
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_can_be_used_by_everybody(site, new_page, scheme, width):
    page = site.open(new_page, viewport={"width": width, "height": 800}, color_scheme=scheme)
    found = []

    for address in site.addresses():
        page.goto(address)
        found += trouble(page)
    page.goto(site.project)
    for menu in (".hk-account", ".hk-switcher"):
        page.click(f"{menu} summary")
        found += trouble(page)
    page.goto(f"{site.project}/apps/connect")
    page.fill("#application_uri", "https://Shop.example")
    page.click("text=Connect >> visible=true >> nth=-1")
    found += trouble(page)

    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_so_can_the_pages_between_an_app_and_its_users(site, new_page, scheme):
    page = new_page(viewport={"width": 360, "height": 800}, color_scheme=scheme)
    cookie = {"name": f"hanko_identity-{site.slug}", "value": site.reader(), "url": site.url}
    page.context.add_cookies([cookie])

    page.goto(site.authorization_url())
    found = trouble(page)
    assert page.locator("h1").inner_text() == "Continue to Bookshop?"
    assert "An app of ada's organization" in page.locator("main").inner_text()
    assert "shop.example.com" in page.locator("main").inner_text()
    with page.expect_request("https://shop.example.com/**") as arrival:
        page.get_by_role("button", name="Cancel").click(no_wait_after=True)
    assert "error=access_denied" in arrival.value.url

    page = page.context.new_page()  # the other one is on its way to the app
    page.goto(f"{site.url}/identity/{site.slug}/logout")
    found += trouble(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signed-out")
    found += trouble(page)
    assert found == []


def test_keys_reach_content_and_menus(site, new_page):
    page = site.open(new_page)
    page.goto(site.project)

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "hk-skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.focus(".hk-account summary")
    page.keyboard.press("Enter")
    assert page.get_by_role("link", name="Manage organization").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="Manage organization").is_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without a script"])
def test_a_new_project_becomes_ready_before_ones_eyes(site, new_page, monkeypatch, script):
    # The first look finds nobody at work and starts a worker, as after a crash.
    monkeypatch.setattr("flask_hanko_identity.web.console.projects.start_provisioning", lambda _: None)
    page = site.open(new_page, java_script_enabled=script)
    page.goto(f"{site.url}{HOME}/organizations/{site.ada.organization_id}/projects/new")
    page.fill("#name", "Slow shop")
    page.get_by_role("button", name="Create project").click()
    page.wait_for_url("**/projects/slow-shop")
    assert page.locator(".hk-ready").inner_text().startswith("Initialising")

    monkeypatch.undo()

    page.wait_for_selector(".hk-status-ready")


def test_credentials_are_copied_and_downloaded(site, new_page):
    page = site.open(new_page, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{site.project}/apps/connect")
    page.fill("#name", "Second")
    page.fill("#application_uri", "https://second.example")
    page.fill("#redirect_uri", "https://second.example/cb")
    page.get_by_role("button", name="Connect", exact=True).click()
    secret = page.locator("#client-secret").inner_text()

    page.get_by_role("button", name="Copy Client secret").click()
    page.get_by_text("Copied").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    with page.expect_download() as download:
        page.get_by_role("button", name="Download .env").click()
    text = download.value.path().read_text()
    assert text.splitlines()[2] == f"OIDC_CLIENT_SECRET={secret}"

    page.reload()
    assert "not shown twice" in page.locator("main").inner_text()
    assert secret not in page.content()


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without a script"])
def test_redirect_urls_are_added_and_removed(site, new_page, script):
    page = site.open(new_page, java_script_enabled=script)
    page.goto(f"{site.project}/apps/{site.client_id}")
    rows = page.locator("#redirect_uris input")

    page.get_by_role("button", name="Add another Allowed login redirect URLs").click()
    rows.nth(1).fill("https://shop.example.com/second")
    page.get_by_role("button", name="Remove Allowed login redirect URLs 1").click()
    page.get_by_role("button", name="Save settings").click()

    page.get_by_text("The settings are saved.").wait_for()
    assert [row.input_value() for row in rows.all()] == ["https://shop.example.com/second"]


def test_enter_in_the_settings_saves_them(site, new_page):
    page = site.open(new_page)
    page.goto(f"{site.project}/apps/{site.client_id}")

    page.fill("#name", "Renamed")
    page.press("#name", "Enter")

    page.get_by_text("The settings are saved.").wait_for()
    assert page.locator("h1").inner_text() == "Renamed"


def test_the_look_is_previewed_while_it_is_chosen(site, new_page):
    page = site.open(new_page)
    page.goto(f"{site.project}/brand")

    page.fill("#accent", "#7a1f5c")
    page.get_by_label("Square").check()

    button = page.locator("form .hk-look [data-fill=accent]").first
    assert (button.get_attribute("fill"), button.get_attribute("rx")) == ("#7a1f5c", "0")
    page.get_by_role("button", name="Save look").click()
    page.goto(f"{site.url}/identity/{site.slug}/login")
    colour = page.evaluate("getComputedStyle(document.querySelector('.btn-primary')).backgroundColor")
    assert colour == "rgb(122, 31, 92)"


def test_deceptive_markup_in_names_stays_text_without_the_policy(site, new_page):
    evil = "<img src=x onerror=document.title='taken'>"
    site.ada.send(f"/organizations/{site.ada.organization_id}/settings", name=evil)
    site.ada.send(f"/projects/{site.slug}/settings", name=evil)
    site.ada.send(f"/projects/{site.slug}/apps/{site.client_id}", name=evil)
    page = site.open(new_page, bypass_csp=True)

    for address in site.addresses():
        page.goto(address)

        assert page.title() != "taken"
        assert page.locator("img").count() == 0


def test_a_page_holds_nothing_inline_and_nothing_from_elsewhere(site):
    for address in site.addresses():
        html = site.ada.client.get(address.removeprefix(site.url)).text

        assert (
            re.findall(r"<script(?![^>]*(?:\bsrc=|application/json))|<style|\bstyle=|\son\w+=|javascript:", html) == []
        )
        assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(?!/identity/|data:)', html) == []
