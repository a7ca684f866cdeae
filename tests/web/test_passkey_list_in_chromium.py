"""Adding, renaming and removing passkeys, and the offer of one, in a real browser with virtual authenticators."""

import re

import pytest
from playwright.sync_api import Page
from playwright.sync_api import Route
from playwright.sync_api import expect
from sqlalchemy import delete
from sqlalchemy import select

from flask_hanko_identity.storage import Passkey
from tests.browser import VirtualAuthenticator
from tests.browser import add_authenticator
from tests.browser import axe_violations
from tests.live import serve
from tests.servers import free_port
from tests.sign_in import add_project
from tests.sign_in import make_context

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PROFILE = re.compile(r"/identity/shop/profile$")
LIST = re.compile(r"/identity/shop/profile/passkeys")


class Site:
    """A served host, its clock, and a way to look into it."""

    def __init__(self, app, url, clock):
        self.app, self.url, self.clock = app, url, clock

    def names(self):
        with self.app.app_context():
            return list(make_context(self.app).session.scalars(select(Passkey.name).order_by(Passkey.id)))

    def forget_first_passkey(self):
        with self.app.app_context():
            session = make_context(self.app).session
            first = session.scalars(select(Passkey.id).order_by(Passkey.id)).first()
            session.execute(delete(Passkey).where(Passkey.id == first))
            session.commit()


@pytest.fixture
def site(app_factory, clock):
    port = free_port()
    url = f"http://op.localhost:{port}/identity"
    app = app_factory(HANKO_IDENTITY_BASE_URL=url)
    with app.app_context():
        add_project(app, "shop")
        add_project(app, "cafe")
    with serve(app, name="op.localhost", port=port, access_log=False):
        yield Site(app, url, clock)


@pytest.fixture
def page(new_page):
    return new_page()


@pytest.fixture
def device(page, site):
    """The page's own platform authenticator, with which Ada has signed up; her passkeys are open."""
    device = add_authenticator(page)
    sign_up(page, site)
    open_list(page, site)
    return device


def sign_up(page: Page, site: Site, slug: str = "shop") -> None:
    page.goto(f"{site.url}/{slug}/signup")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page).to_have_url(re.compile(f"/{slug}/profile$"))


def open_list(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/shop/profile/passkeys")
    expect(button(page)).to_be_enabled()


def button(page: Page, name: str = "Add this device"):
    return page.get_by_role("button", name=name)


def entries(page: Page):
    return page.locator(".hk-entry-name")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def plug_in(page: Page, first: VirtualAuthenticator, **options) -> VirtualAuthenticator:
    """A second authenticator, a security key; nobody touches the first one any more."""
    first.be_present(False)
    session = first.session
    added = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
                **options,
            }
        },
    )
    return VirtualAuthenticator(session, added["authenticatorId"])


def with_second_passkey(page: Page, device: VirtualAuthenticator) -> VirtualAuthenticator:
    key = plug_in(page, device)
    button(page, "Add a phone or security key").click()
    expect(page.get_by_role("status")).to_contain_text("Your new passkey is ready")
    return key


def remove(page: Page, name: str) -> None:
    entry = page.locator("li", has=page.get_by_role("heading", name=name, exact=True))
    entry.locator("summary", has_text="Remove").click()
    entry.get_by_role("button", name="Remove this passkey").click()


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

        button(page).click()

        expect(page).to_have_url(re.compile(r"/shop/login\?again=1&next=passkeys"))

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
        with_second_passkey(page, device)
        site.forget_first_passkey()
        sign_out(page)
        device.be_present(True)
        deleted = []
        device.session.on("WebAuthn.credentialDeleted", lambda event: deleted.append(event["credentialId"]))
        (first,) = device.credentials

        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_timeout(1500)

        # Which of the two the browser takes is its own business: the removed one at most goes.
        assert deleted in ([first["credentialId"]], [])

    def test_sole_removed_passkey_is_forgotten(self, page, site, device):
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


def test_device_is_told_the_new_name(page, site, device):
    updated = []
    device.session.on("WebAuthn.credentialUpdated", lambda event: updated.append(event["credential"]))

    page.evaluate(
        """url => {
            const script = document.createElement("script");
            script.src = url.replace(/shop.*/, "static/passkey-signals.js");
            script.dataset.passkeySignals = "details";
            script.dataset.url = url + "/accepted";
            document.head.append(script);
        }""",
        page.url,
    )
    page.wait_for_timeout(800)

    assert [(each["userName"], each["userDisplayName"]) for each in updated] == [
        ("ada@example.com", "ada@example.com (Shop)")
    ]


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
