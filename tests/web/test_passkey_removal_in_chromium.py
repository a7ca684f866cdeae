"""Removing passkeys in a real browser, and what password managers are told (Signal API)."""

import pytest
from playwright.sync_api import expect

from tests.passkey_pages import add_member
from tests.passkey_pages import button
from tests.passkey_pages import entries
from tests.passkey_pages import remove
from tests.passkey_pages import serve_shop
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


class TestRemoval:
    def test_last_one_has_no_button(self, page, site, device):
        expect(page.get_by_text("This is your last way to sign in")).to_be_visible()
        expect(page.locator("summary", has_text="Remove")).to_have_count(0)

    def test_last_one_stays_though_another_tab_offers_it(self, page, site, device):
        with_second_passkey(page, device)
        other = page.context.new_page()
        other.goto(f"{site.url}/shop/profile/passkeys")
        remove(other, "Passkey on Linux 2")
        expect(other.get_by_role("status")).to_contain_text("was removed")

        remove(page, "Passkey on Linux")

        expect(page.locator(".hk-note[role=alert]", has_text="is your last way to sign in")).to_be_visible()
        assert site.names() == ["Passkey on Linux"]

    def test_device_is_told_of_the_removed_one_only(self, page, site, device):
        key = with_second_passkey(page, device)
        deleted = []
        device.session.on("WebAuthn.credentialDeleted", lambda event: deleted.append(event["credentialId"]))
        (first,), (second,) = device.credentials, key.credentials

        remove(page, "Passkey on Linux")

        expect(page.get_by_role("status")).to_contain_text("was removed")
        expect(entries(page)).to_have_text(["Passkey on Linux 2"])
        page.wait_for_timeout(500)
        assert deleted == [first["credentialId"]]
        assert device.credentials == []
        assert [each["credentialId"] for each in key.credentials] == [second["credentialId"]]

    def test_old_page_tells_nothing_old(self, page, site, device):
        """The list is asked for when it is used: a passkey that was added since survives the page of the removal."""
        key = with_second_passkey(page, device)
        remove(page, "Passkey on Linux")
        expect(entries(page)).to_have_count(1)
        page.wait_for_timeout(500)
        device.be_present(True)
        key.be_present(False)
        button(page).click()
        expect(page.get_by_role("status")).to_contain_text("Your new passkey is ready")
        count = len(key.credentials) + len(device.credentials)

        page.go_back()

        expect(page.get_by_role("status")).to_contain_text("was removed")
        page.wait_for_timeout(500)
        assert len(key.credentials) + len(device.credentials) == count

    def test_removed_passkey_is_forgotten_when_it_is_tried(self, page, site, device):
        site.forget_first_passkey()
        page.context.clear_cookies()
        deleted = []
        device.session.on("WebAuthn.credentialDeleted", lambda event: deleted.append(event["credentialId"]))
        (first,) = device.credentials

        page.goto(f"{site.url}/shop/login")  # autofill tries it at once

        expect(page.get_by_role("alert")).to_contain_text("was removed from your account")
        page.wait_for_timeout(500)
        assert deleted == [first["credentialId"]]

    def test_passkey_of_another_project_is_kept(self, page, site, device):
        deleted = []
        device.session.on("WebAuthn.credentialDeleted", lambda event: deleted.append(event["credentialId"]))

        page.goto(f"{site.url}/cafe/login")

        expect(page.get_by_role("alert")).to_contain_text("not one for Cafe")
        page.wait_for_timeout(500)
        assert deleted == []
        assert len(device.credentials) == 1


def test_device_is_told_the_new_name_of_the_person(page, site, device):
    updated = []
    device.session.on("WebAuthn.credentialUpdated", lambda event: updated.append(event["credential"]))
    page.goto(f"{site.url}/shop/profile")
    page.locator("#name").fill("Ada Lovelace")

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status")).to_be_visible()
    page.wait_for_timeout(800)
    assert [(each["userName"], each["userDisplayName"]) for each in updated] == [
        ("ada@example.com", "Ada Lovelace (Shop)")
    ]
