"""The offer of a passkey in a real browser with virtual authenticators."""

import pytest
from playwright.sync_api import expect

from tests.browser import add_authenticator
from tests.browser import axe_violations
from tests.passkey_pages import PROFILE
from tests.passkey_pages import add_member
from tests.passkey_pages import plug_in
from tests.passkey_pages import serve_shop
from tests.passkey_pages import sign_out
from tests.passkey_pages import sign_up

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


class TestOffer:
    @pytest.fixture
    def phone(self, page, site):
        """Ada's only passkey is on a phone; she is signed out here."""
        phone = add_authenticator(page, transport="cable")
        sign_up(page, site)
        sign_out(page)
        return phone

    def test_after_a_sign_in_by_phone_this_device_gets_one(self, page, site, phone):
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("heading", name="Next time, faster?")).to_be_visible()
        plug_in(page, phone, transport="internal")

        page.get_by_role("button", name="Add a passkey").click()

        expect(page).to_have_url(PROFILE)
        assert len(site.names()) == 2

    def test_not_now_goes_on_and_is_remembered(self, page, site, phone):
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.get_by_role("button", name="Not now").click()
        expect(page).to_have_url(PROFILE)
        sign_out(page)

        page.get_by_role("button", name="Sign in with a passkey").click()

        expect(page).to_have_url(PROFILE)

    def test_does_not_come_on_the_device_itself(self, page, site, device):
        sign_out(page)

        page.get_by_role("button", name="Sign in with a passkey").click()

        expect(page).to_have_url(PROFILE)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_is_accessible_and_fits(self, new_page, site, scheme):
        page = new_page(color_scheme=scheme, viewport={"width": 360, "height": 740})
        add_authenticator(page)
        sign_up(page, site)
        page.goto(f"{site.url}/shop/passkey-offer")
        expect(page.get_by_role("button", name="Add a passkey")).to_be_enabled()

        assert axe_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
