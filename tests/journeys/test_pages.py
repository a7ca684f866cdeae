"""Every page: for eyes that read badly, hands without a mouse, small screens, dark rooms, and browsers without scripts.

``make screenshots`` has the same visit leave pictures in docs/screenshots.
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import BrowserContext
from playwright.sync_api import Page
from playwright.sync_api import ViewportSize
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.browser import axe_violations
from tests.journeys.bookshop import environment
from tests.journeys.bookshop import open_bookshop
from tests.journeys.gallery import EXHIBITS
from tests.journeys.gallery import READING_LIST
from tests.journeys.gallery import Exhibit
from tests.journeys.gallery import Gallery
from tests.journeys.gallery import furnish
from tests.journeys.pictures import take_picture
from tests.servers import free_port

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 360, "height": 740}
VIEWS: list[tuple[ViewportSize, Literal["light", "dark"]]] = [(WIDE, "light"), (NARROW, "dark")]
"""Layout follows the width alone and colours the scheme alone, so these two show all there is."""
MOST_TABS = 80
FOCUS_IS_VISIBLE = """
    element => {
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        return element.matches(":focus-visible") && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    }
"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    database_url = f"sqlite:///{tmp_path_factory.mktemp('gallery') / 'bookshop.sqlite'}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(f"http://localhost:{free_port()}", database_url).items():
            patch.setenv(name, value)
        with open_bookshop() as bookshop:
            yield furnish(bookshop)


@pytest.fixture(scope="module")
def module_complaints() -> Complaints:
    return Complaints()


@pytest.fixture(scope="module")
def contexts(gallery: Gallery, browser: Browser, module_complaints: Complaints) -> Iterator[dict[str, BrowserContext]]:
    """One browser profile for who is signed in and one for who is not."""
    contexts = {who: browser.new_context(viewport=WIDE, reduced_motion="reduce") for who in ("member", "stranger")}
    gallery.let_in(contexts["member"])
    for context in contexts.values():
        context.set_default_timeout(10_000)
        module_complaints.listen_to(context)
    yield contexts
    for context in contexts.values():
        context.close()


@pytest.fixture
def open_exhibit(
    gallery: Gallery, contexts: dict[str, BrowserContext], module_complaints: Complaints
) -> Iterator[Callable[[Exhibit], Page]]:
    pages: list[Page] = []

    def open(exhibit: Exhibit) -> Page:
        page = contexts[exhibit.who].new_page()
        pages.append(page)
        exhibit.open(gallery, page)
        return page

    yield open
    for page in pages:
        page.close()
    heard, module_complaints[:] = list(module_complaints), []
    assert not heard, heard


@pytest.mark.parametrize("exhibit", [pytest.param(exhibit, id=exhibit.name) for exhibit in EXHIBITS])
def test_page_is_fit_for_everybody(exhibit: Exhibit, open_exhibit: Callable[[Exhibit], Page]) -> None:
    page = open_exhibit(exhibit)
    expect(page.locator("h1")).to_have_count(1)
    assert page.locator("html").get_attribute("lang") == "en"

    for size, scheme in VIEWS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], "It scrolls sideways."
        assert page.evaluate("document.getAnimations().length") == 0, "It moves though motion is not wanted."
        take_picture(page, exhibit.name if size is WIDE else f"{exhibit.name}-small-dark")
        assert axe_violations(page) == [], f"{size['width']} px, {scheme}"
    if exhibit.action:
        page.set_viewport_size(WIDE)
        assert_keyboard_reaches(page, exhibit.action)


def assert_keyboard_reaches(page: Page, action: str) -> None:
    """Tab from the top of the page until the main action has a focus that can be seen."""
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    wanted = page.locator(action).last.element_handle()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => wanted === document.activeElement", wanted):
            assert page.evaluate(FOCUS_IS_VISIBLE, wanted), f"The focus on {action} cannot be seen."
            return
    pytest.fail(f"Tab does not reach {action}.")


# Without scripts


@pytest.fixture
def plain(gallery: Gallery, new_page: Callable[..., Page]) -> Page:
    """The member's browser, with scripts off."""
    page = new_page(java_script_enabled=False)
    gallery.let_in(page.context)
    return page


def test_console_works_without_scripts(gallery, plain):
    plain.goto(gallery.organization)
    plain.locator(".hk-account summary").click()
    plain.get_by_role("link", name="Manage organization").click()
    submit(plain, "Save name", {"Name": "The Bookshop"})
    expect(plain.get_by_text("The new name is saved.")).to_be_visible()

    plain.goto(gallery.organization)
    plain.get_by_role("link", name="Create new project").click()
    submit(plain, "Create project", {"Project name": "Plain", "Accent colour": "#204060"})
    expect(plain.get_by_role("heading", level=1)).to_have_text("Plain")
    # The page looks again by itself.
    expect(plain.get_by_text("Ready", exact=True)).to_be_visible(timeout=15_000)

    plain.goto(f"{gallery.bookshop.console}/projects/plain/apps/connect")
    submit(
        plain,
        "Connect",
        {
            "Application Name": "Plain app",
            "Application URL or package name": "https://plain.example.com",
            "Login Redirect URL": "https://plain.example.com/callback",
        },
    )
    expect(plain.get_by_role("heading", level=1)).to_have_text("Plain app is connected")
    plain.get_by_role("link", name="I have copied the secret").click()
    plain.get_by_role("button", name="Add another Allowed logout redirect URLs").click()
    submit(plain, "Save settings", {"Allowed logout redirect URLs 2": "https://plain.example.com/"})
    expect(plain.get_by_text("The settings are saved.")).to_be_visible()
    expect(plain.get_by_label("Allowed logout redirect URLs 1")).to_have_value("https://plain.example.com/")
    plain.get_by_role("link", name="New secret").click()
    submit(plain, "Make secret", {})
    expect(plain.get_by_text("Copy the client secret now.")).to_be_visible()
    plain.get_by_role("link", name="I have copied the secret").click()
    plain.get_by_role("link", name="Delete app").click()
    submit(plain, "Delete app", {plain.locator("main label").inner_text(): "Plain app"})
    expect(plain.get_by_text("The app is deleted.")).to_be_visible()


def test_consent_links_and_sign_out_work_without_scripts(gallery, plain):
    plain.goto(gallery.authorize(gallery.web_app, f"{READING_LIST}/callback"))
    plain.route(f"{READING_LIST}/**", lambda route: route.fulfill(body="back at the app"))
    plain.get_by_role("button", name="Cancel").click()
    expect(plain.get_by_text("back at the app")).to_be_visible()
    assert "error=access_denied" in plain.url

    plain.goto(f"{gallery.issuer}/logout")
    plain.get_by_role("button", name="Sign out").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("You are signed out")

    plain.goto(gallery.link("ada@example.com"))
    plain.get_by_role("button", name="Sign in").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Next time, faster?")
    plain.goto(f"{gallery.issuer}/profile")
    plain.get_by_role("button", name="Sign out").click()
    expect(plain.get_by_text("You are signed out.")).to_be_visible()


@pytest.mark.parametrize("path", ["login", "signup"])
def test_passkey_pages_say_that_they_need_scripts(gallery, plain, path):
    plain.context.clear_cookies()
    plain.goto(f"{gallery.issuer}/{path}")

    expect(plain.locator("noscript p")).to_have_text("Passkeys need JavaScript. Allow it for this page and reload.")
    expect(plain.locator("main .btn-primary")).to_be_disabled()


def submit(page: Page, button: str, fields: dict[str, str]) -> None:
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name=button, exact=True).click()
