"""A customer of the bookshop signs in to an app with the bookshop's own account."""

import re
from typing import Any

from playwright.sync_api import Page
from playwright.sync_api import expect

from tests.browser import axe_violations
from tests.journeys.bookshop import Bookshop
from tests.journeys.bookshop import DemoApp


def connect(bookshop: Bookshop, demo_app: DemoApp) -> Any:
    """Connect the demo app to a project whose people the bookshop signs in."""
    organization = bookshop.run("organizations", "create", "--name", "The Bookshop")
    bookshop.run(
        *("projects", "create", "--organization", organization["id"], "--name", "Bookshop customers"),
        *("--slug", "customers", "--type", "host"),
    )
    return bookshop.connect(
        "customers",
        type="web",
        url=demo_app.url,
        redirect_uri=f"{demo_app.url}/callback",
        logout_uri=f"{demo_app.url}/",
        refresh_tokens=True,
    )


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def test_a_customer_signs_in_steps_up_and_signs_out(bookshop, demo_app, new_page):
    page = new_page()
    with demo_app.serve(connect(bookshop, demo_app)):
        page.goto(demo_app.url)
        page.get_by_role("link", name="Sign in").click()
        expect(page).to_have_url(re.compile("/account/sign-in"))
        waiting = page.url

        # Who goes back without signing in is told where to.
        page.goto(bookshop.url + page.evaluate("new URL(location).searchParams.get('next')"))
        expect(page.get_by_role("heading")).to_have_text("Sign in to continue")
        assert axe_violations(page) == []
        page.get_by_role("link", name="Sign in").click()
        expect(page).to_have_url(waiting)

        page.get_by_role("link", name="Become a customer").click()
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Name").fill("Ada")
        page.get_by_label("Password").fill("correct horse")
        press(page, "Become a customer")
        press(page, "Continue")
        expect(page.locator("main")).to_contain_text("Signed in as ada@example.com")

        press(page, "Sign out")
        expect(page.locator("main")).to_contain_text("This small app knows nobody")
        page.goto(bookshop.url)
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
