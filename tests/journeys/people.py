"""People in front of Chromium, each with a browser profile and passkeys of their own, and what they do."""

from dataclasses import dataclass
from typing import Any
from typing import Protocol

from playwright.sync_api import Locator
from playwright.sync_api import Page
from playwright.sync_api import expect

from tests.browser import VirtualAuthenticator
from tests.journeys.bookshop import Credentials

WATCH_AUTOFILL = """
    const get = CredentialsContainer.prototype.get;
    CredentialsContainer.prototype.get = function (options) {
        const answer = get.call(this, options);
        window.autofillWaits = options.mediation === "conditional";
        return answer;
    };
"""
"""Tells when a page has asked the browser to offer passkeys in its e-mail field."""


@dataclass(slots=True)
class Person:
    """Somebody with one open tab."""

    email: str
    page: Page
    passkeys: VirtualAuthenticator

    def open(self, url: str) -> None:
        self.page.goto(url)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def choose(self, name: str) -> None:
        self.page.get_by_role("radio", name=name).check()

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()

    def sees_not(self, text: str) -> None:
        expect(self.page.get_by_text(text)).to_have_count(0)

    def is_at(self, heading: str) -> None:
        """The page with this heading, within the time a page may take."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    def what_is_on_screen(self) -> str:
        """Address and the main text of the page, to explain a failure."""
        main = self.page.locator("main, body").last
        return f"{self.email} is at {self.page.url}\n{main.inner_text()[:1500]}\n"

    # Sign-up and sign-in, on whatever project's page is open

    def signs_up(self) -> None:
        self.fill("E-mail", self.email)
        self.press("Create a passkey")

    def signs_in(self) -> None:
        """By the button, on a page that was opened while nobody was present: else its autofill is faster."""
        self.comes_back()
        self.press("Sign in with a passkey")

    def comes_back(self) -> None:
        """Somebody is there again, too late for the page that is open: it has asked already."""
        self.page.wait_for_function("window.autofillWaits")
        self.passkeys.be_present(True)

    # The console

    def opens_menu(self) -> None:
        """The right-hand dropdown of the top bar."""
        self.page.locator("summary", has_text="Account and organizations").click()

    def joins_console(self, console: str) -> None:
        """Sign up at the console."""
        self.open(f"{console}/signup")
        self.signs_up()
        self.sees("Create new project")

    def follow_crumb(self, name: str) -> None:
        """A link of the trail above the page's heading."""
        self.page.get_by_role("navigation", name="Where you are").get_by_role("link", name=name).click()

    def opens_tab(self, name: str) -> None:
        """One of the tabs of a project."""
        self.page.get_by_role("navigation", name="Project").get_by_role("link", name=name).click()
        self.page.wait_for_load_state()

    def creates_project(self, name: str, *, accent: str = "#7a1f4b") -> None:
        """From the organization's page, by the panel among its projects."""
        self.follow("Create new project")
        self.choose("Identity")
        self.fill("Project name", name)
        self.fill("Accent colour", accent)
        self.press("Create project")

    def connects_app(self, name: str, *, url: str, redirect_url: str, type: str = "Web app") -> None:
        """From any page of the project."""
        self.opens_tab("Your apps")
        self.follow("Connect app")
        self.fill("Application Name", name)
        self.choose(type)
        self.fill("Application URL or package name", url)
        self.fill("Login Redirect URL", redirect_url)
        self.press("Connect")

    def reads(self, label: str) -> str:
        """A value that the console shows to be copied."""
        return self.page.get_by_role("status", name=label, exact=True).inner_text()

    def reads_credentials(self) -> Credentials:
        """All that a web app is shown when it is connected."""
        return Credentials(self.reads("Issuer"), self.reads("Client ID"), self.reads("Client secret"))


class NewPerson(Protocol):
    """Brings a person in."""

    def __call__(self, email: str, **options: Any) -> Person: ...
