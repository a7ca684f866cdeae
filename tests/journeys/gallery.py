"""A furnished bookshop, and the addresses of all pages that it has to show."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Literal
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext
from playwright.sync_api import Page
from sqlalchemy import update

from flask_hanko_identity.storage import Project
from tests.journeys.bookshop import Bookshop
from tests.journeys.bookshop import Credentials
from tests.journeys.visitors import Visitor

READING_LIST = "https://reading.example.com"
Who = Literal["member", "stranger"]


@dataclass(frozen=True, slots=True)
class Gallery:
    """What there is, and the cookies of somebody who is signed in to console and project."""

    bookshop: Bookshop
    slug: str
    organization: str
    web_app: Credentials
    native_app: Credentials
    cookies: list[dict[str, Any]]

    @property
    def issuer(self) -> str:
        return self.web_app.issuer

    def authorize(self, app: Credentials, redirect_uri: str) -> str:
        query = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile email offline_access",
            "state": "state",
            "prompt": "consent",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/authorize?{urlencode(query)}"

    def link(self, email: str) -> str:
        """A sign-in link that nobody has used."""
        answer = self.bookshop.run("users", "sign-in-link", "--project", self.slug, "--email", email)
        link: str = answer["sign_in_link"]
        return link

    def let_in(self, context: BrowserContext) -> None:
        """Sign a browser in to both."""
        context.add_cookies([{**cookie, "url": self.bookshop.url} for cookie in self.cookies])  # type: ignore[typeddict-item]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One page: how to get there, and what one mainly does on it."""

    name: str
    who: Who
    open: Callable[[Gallery, Page], None]
    action: str = ""
    """Selector of the main button or link; empty where there is nothing to do."""


def furnish(bookshop: Bookshop) -> Gallery:
    """Fill an empty bookshop: an owner, projects in every state, apps of either kind, a reader."""
    owner = Visitor("owner@bookshop.example", bookshop.url)
    home = owner.signs_up(owner.open(f"{bookshop.console}/signup"))
    organization = str(home.url)
    owner.presses(owner.open(f"{organization}/settings"), "submit", name="The Bookshop")
    owner.presses(owner.open(f"{bookshop.console}/organizations/new"), "submit", name="The Library")
    for name in ("Readers", "Authors", "Publishers"):
        fields = {"name": name, "type": "identity", "accent": "#7a1f4b", "background": "#f7f2f4", "corners": "round"}
        owner.presses(owner.open(f"{organization}/projects/new"), "submit", **fields)
        while owner.open(f"{bookshop.console}/projects/{name.lower()}/status").json()["status"] == "initializing":
            pass
    set_status(bookshop, "authors", status="initializing", provisioning_until=datetime.now(UTC) + timedelta(1))
    set_status(bookshop, "publishers", status="failed", status_reason="Its signing keys could not be made.")
    web_app = bookshop.connect(
        "readers",
        type="web",
        url=READING_LIST,
        redirect_uri=f"{READING_LIST}/callback",
        logout_uri=f"{READING_LIST}/",
        refresh_tokens=True,
    )
    native_app = bookshop.connect(
        "readers", type="native", url="com.example.reader", redirect_uri="http://127.0.0.1/callback"
    )
    bookshop.run("users", "create", "--project", "readers", "--email", "ada@example.com")
    owner.email = "reader@example.com"
    owner.signs_up(owner.open(f"{web_app.issuer}/signup"))
    cookies = [{"name": cookie.name, "value": cookie.value} for cookie in owner.http.cookies.jar]
    owner.close()
    return Gallery(bookshop, "readers", organization, web_app, native_app, cookies)


def set_status(bookshop: Bookshop, slug: str, **values: Any) -> None:
    with bookshop.app.app_context():
        state = bookshop.app.extensions["hanko_identity"]
        state.session.execute(update(Project).where(Project.slug == slug).values(**values))
        state.session.commit()
        state.snapshots.forget()


def at(path: str) -> Callable[[Gallery, Page], None]:
    """Below the project's issuer."""
    return lambda gallery, page: _go(page, gallery.issuer + path)


def console(path: str) -> Callable[[Gallery, Page], None]:
    """Below the console."""
    return lambda gallery, page: _go(page, gallery.bookshop.console + path)


def organization(path: str) -> Callable[[Gallery, Page], None]:
    """Below the organization that is the owner's own."""
    return lambda gallery, page: _go(page, gallery.organization + path)


def app(path: str, kind: Literal["web", "native"] = "web") -> Callable[[Gallery, Page], None]:
    """Below the settings of an app."""

    def open(gallery: Gallery, page: Page) -> None:
        client = gallery.web_app if kind == "web" else gallery.native_app
        _go(page, f"{gallery.bookshop.console}/projects/{gallery.slug}/apps/{client.client_id}{path}")

    return open


def ask(kind: Literal["web", "native"] = "web") -> Callable[[Gallery, Page], None]:
    """What an authorization request leads to."""

    def open(gallery: Gallery, page: Page) -> None:
        if kind == "web":
            _go(page, gallery.authorize(gallery.web_app, f"{READING_LIST}/callback"))
        else:
            _go(page, gallery.authorize(gallery.native_app, "http://127.0.0.1:8123/callback"))

    return open


def sign_up_for_app(gallery: Gallery, page: Page) -> None:
    ask()(gallery, page)
    page.get_by_role("link", name="Sign up").click()


def open_link(gallery: Gallery, page: Page) -> None:
    _go(page, gallery.link("ada@example.com"))


def open_spent_link(gallery: Gallery, page: Page) -> None:
    _go(page, f"{gallery.issuer}/link/{'x' * 43}")


def connect_badly(gallery: Gallery, page: Page) -> None:
    console("/projects/readers/apps/connect")(gallery, page)
    page.get_by_label("Application URL or package name").fill("https://Shop.example.com")
    page.get_by_role("button", name="Connect").click()


def connect(gallery: Gallery, page: Page) -> None:
    console("/projects/readers/apps/connect")(gallery, page)
    page.get_by_label("Application Name").fill("Second-hand books")
    page.get_by_label("Application URL or package name").fill("https://shop.example.com")
    page.get_by_label("Login Redirect URL").fill("https://shop.example.com/callback")
    page.get_by_role("button", name="Connect").click()


def make_secret(gallery: Gallery, page: Page) -> None:
    app("/secrets")(gallery, page)
    page.get_by_role("button", name="Make secret").click()


def open_menu(gallery: Gallery, page: Page) -> None:
    organization("")(gallery, page)
    page.locator(".hk-account summary").click()


def _go(page: Page, url: str) -> None:
    page.goto(url)


PRIMARY = "main .btn-primary"

EXHIBITS = [
    Exhibit("bookshop", "stranger", lambda gallery, page: _go(page, gallery.bookshop.url), "nav a"),
    Exhibit("login", "stranger", at("/login"), PRIMARY),
    Exhibit("login-for-app", "stranger", ask(), PRIMARY),
    Exhibit("signup", "stranger", at("/signup"), PRIMARY),
    Exhibit("signup-for-app", "stranger", sign_up_for_app, PRIMARY),
    Exhibit("signed-out", "stranger", at("/login?signed_out=1"), PRIMARY),
    Exhibit("link", "stranger", open_link, PRIMARY),
    Exhibit("link-spent", "stranger", open_spent_link),
    Exhibit("logged-out", "stranger", at("/signed-out")),
    Exhibit("error", "stranger", at("/authorize?client_id=unknown")),
    Exhibit("not-found", "stranger", at("-no-more/login")),
    Exhibit("console-login", "stranger", console("/login"), PRIMARY),
    Exhibit("console-signup", "stranger", console("/signup"), PRIMARY),
    Exhibit("consent", "member", ask(), PRIMARY),
    Exhibit("consent-native", "member", ask("native"), PRIMARY),
    Exhibit("logout", "member", at("/logout"), PRIMARY),
    Exhibit("profile", "member", at("/profile"), "main button[type=submit]"),
    Exhibit("console-home", "member", console("/"), ".hk-tile"),
    Exhibit("console-organization", "member", organization(""), ".hk-tile-new"),
    Exhibit("console-menu", "member", open_menu, "text=Manage organization"),
    Exhibit("console-new-organization", "member", console("/organizations/new"), PRIMARY),
    Exhibit("console-organization-settings", "member", organization("/settings"), PRIMARY),
    Exhibit("console-new-project", "member", organization("/projects/new"), PRIMARY),
    Exhibit("console-dashboard", "member", console("/projects/readers"), "main a"),
    Exhibit("console-dashboard-initialising", "member", console("/projects/authors"), "main a"),
    Exhibit("console-dashboard-failed", "member", console("/projects/publishers"), PRIMARY),
    Exhibit("console-apps", "member", console("/projects/readers/apps"), PRIMARY),
    Exhibit("console-connect-app", "member", console("/projects/readers/apps/connect"), PRIMARY),
    Exhibit("console-connect-app-refused", "member", connect_badly, PRIMARY),
    Exhibit("console-app-connected", "member", connect, PRIMARY),
    Exhibit("console-app-settings", "member", app(""), PRIMARY),
    Exhibit("console-app-settings-native", "member", app("", "native"), PRIMARY),
    Exhibit("console-new-secret", "member", app("/secrets"), PRIMARY),
    Exhibit("console-secret", "member", make_secret, PRIMARY),
    Exhibit("console-delete-app", "member", app("/delete"), "main .btn-danger"),
    Exhibit("console-project-settings", "member", console("/projects/readers/settings"), PRIMARY),
    Exhibit("console-brand", "member", console("/projects/readers/brand"), PRIMARY),
    Exhibit("console-sign-in", "member", console("/projects/readers/sign-in"), PRIMARY),
    Exhibit("console-not-found", "member", console("/projects/nobodys")),
]
