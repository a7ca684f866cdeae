"""Adding and renaming passkeys in a real browser with virtual authenticators."""

import re

import pytest
from playwright.sync_api import Route
from playwright.sync_api import expect

from tests.browser import add_authenticator
from tests.browser import axe_violations
from tests.passkey_pages import LIST
from tests.passkey_pages import PROFILE
from tests.passkey_pages import add_member
from tests.passkey_pages import button
from tests.passkey_pages import entries
from tests.passkey_pages import open_list
from tests.passkey_pages import plug_in
from tests.passkey_pages import serve_shop
from tests.passkey_pages import sign_out
from tests.passkey_pages import sign_up
from tests.passkey_pages import with_second_passkey

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def site(app_factory, clock):
    with serve_shop(app_factory, clock) as site:
        yield site


@pytest.fixture
def page(new_page):
    return new_page()


@pytest.fixture
def device(page, site):
    return add_member(page, site)


class TestAdding:
    def test_second_passkey_signs_in(self, page, site, device):
        with_second_passkey(page, device)
        expect(entries(page)).to_have_text(["Passkey on Linux", "Passkey on Linux 2"])
        sign_out(page)

        page.get_by_role("button", name="Sign in with a passkey").click()

        expect(page).to_have_url(PROFILE)

    def test_device_that_has_one_says_so(self, page, site, device):
        button(page).click()

        expect(page.get_by_role("alert")).to_contain_text("has a passkey for your account already")
        expect(button(page)).to_be_enabled()
        assert site.names() == ["Passkey on Linux"]

    def test_cancelled_or_failed_verification_can_be_tried_again(self, page, site, device):
        key = plug_in(page, device)
        key.verify_user(False)
        button(page, "Add a phone or security key").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
        expect(button(page, "Add a phone or security key")).to_be_enabled()
        assert site.names() == ["Passkey on Linux"]

        key.verify_user(True)
        button(page, "Add a phone or security key").click()

        expect(entries(page)).to_have_count(2)

    def test_one_button_waits_and_both_are_off(self, page, site, device):
        key = plug_in(page, device)
        key.be_present(False)

        button(page, "Add a phone or security key").click()

        waiting = page.get_by_role("button", name="Waiting for your passkey…")
        expect(waiting).to_have_attribute("aria-busy", "true")
        expect(waiting).to_be_disabled()
        expect(button(page)).to_be_disabled()

    def test_ceremony_that_took_too_long_can_be_begun_anew(self, page, site, device):
        plug_in(page, device)

        def late(route):
            site.clock.advance(minutes=5)
            route.continue_()

        page.route("**/passkeys/finish", late, times=1)
        button(page).click()
        expect(page.get_by_role("alert")).to_contain_text("That took too long")
        expect(button(page)).to_be_enabled()
        assert site.names() == ["Passkey on Linux"]

    def test_two_tabs_at_once(self, page, site, device):
        plug_in(page, device)
        other = page.context.new_page()
        add_authenticator(other)
        other.goto(page.url)
        held: list[Route] = []
        page.route("**/passkeys/finish", lambda route: held.append(route))
        page.bring_to_front()
        with page.expect_request("**/passkeys/finish"):
            button(page).click()

        other.bring_to_front()
        button(other).click()
        expect(other.get_by_role("status")).to_contain_text("Your new passkey is ready")
        held[0].continue_()

        expect(page.get_by_role("status")).to_contain_text("Your new passkey is ready")
        assert sorted(site.names()) == ["Passkey on Linux", "Passkey on Linux 2", "Passkey on Linux 3"]

    def test_back_button_shows_the_list_as_it_is(self, page, site, device):
        with_second_passkey(page, device)
        page.goto(f"{site.url}/shop/profile")

        page.go_back()

        expect(entries(page)).to_have_count(2)
        expect(button(page)).to_be_enabled()

    def test_session_that_ended_meanwhile_leads_to_the_sign_in(self, page, site, device):
        site.clock.advance(days=4)
        device.be_present(False)  # so that autofill does not sign in at once

        button(page).click()

        expect(page).to_have_url(re.compile(r"/shop/login\?again=1&next=passkeys"))

    def test_old_sign_in_is_renewed_and_leads_back(self, page, site, device):
        site.clock.advance(minutes=5)
        device.be_present(False)  # so that autofill does not do it at once
        with page.expect_response("**/login/options"):
            button(page).click()
        page.wait_for_timeout(500)  # its request is pending in the browser now, and stays so
        expect(page).to_have_url(re.compile(r"/shop/login\?again=1&next=passkeys"))
        device.be_present(True)

        page.get_by_role("button", name="Sign in with a passkey").click()

        expect(page).to_have_url(LIST)
        expect(page.get_by_text("Confirm that it is you")).to_have_count(0)
        with_second_passkey(page, device)

    def test_session_that_ended_during_the_ceremony_is_told(self, page, site, device):
        plug_in(page, device)

        def late(route):
            site.clock.advance(days=4)
            route.continue_()

        page.route("**/passkeys/finish", late, times=1)
        button(page).click()

        expect(page.get_by_role("alert")).to_contain_text("no longer signed in")
        assert site.names() == ["Passkey on Linux"]

    def test_sign_out_in_another_tab_leads_to_the_sign_in_and_back(self, page, site, device):
        other = page.context.new_page()
        other.goto(f"{site.url}/shop/profile/passkeys")
        sign_out(other)
        page.bring_to_front()

        button(page).click()

        expect(page.get_by_text("last used")).to_be_visible()  # autofill has signed in again
        expect(page).to_have_url(LIST)


class TestRenaming:
    def test_by_keyboard_alone(self, page, site, device):
        summary = page.locator("summary", has_text="Rename")
        summary.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Name")).to_be_focused()
        page.keyboard.press("Control+A")
        page.keyboard.type("Work laptop")

        page.keyboard.press("Enter")

        expect(page.get_by_role("status")).to_contain_text("has its new name")
        expect(entries(page)).to_have_text(["Work laptop"])

    def test_refused_name_is_told_at_the_field(self, page, site, device):
        page.locator("summary", has_text="Rename").click()
        page.get_by_label("Name").fill("a\u202eb")
        page.get_by_role("button", name="Save").click()

        expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_text("Leave out the invisible character")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_list_is_accessible_and_fits(new_page, site, scheme, width):
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 740})
    device = add_authenticator(page)
    sign_up(page, site)
    open_list(page, site)
    with_second_passkey(page, device)
    for summary in page.locator(".hk-more > summary").all():
        summary.click()

    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
