"""The offer of a passkey after a sign-in that shows that this device may have none."""

import pytest

from flask_hanko_identity.crypto import random_text
from tests.authenticator import SoftwareAuthenticator
from tests.sign_in import ORIGIN

OFFER = "/identity/shop/passkey-offer"
PROFILE = "/identity/shop/profile"
LATER = "hanko_identity.later-shop"


@pytest.fixture
def phone():
    """A synced passkey on a phone, reached from here by a QR code."""
    return SoftwareAuthenticator.synced(origin=ORIGIN, attachment="cross-platform")


@pytest.fixture
def guest(visitor, phone):
    """Somebody whose only passkey is on their phone."""
    visitor.authenticator = phone
    visitor.sign_up()
    visitor.open("profile/passkeys")
    visitor.submit("sign-out")
    return visitor


def test_comes_after_a_sign_in_by_phone(guest):
    answer = guest.sign_in()

    assert answer.json == {"location": OFFER}
    page = guest.open(OFFER)
    assert "Add a passkey" in page.text
    assert "Not now" in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_does_not_come_with_a_passkey_of_this_device(member):
    assert member.sign_in().json == {"location": PROFILE}


def test_carries_what_waits_and_goes_on_to_it(guest):
    handle = random_text()

    guest.open("login")
    options = guest.post("login/options", {}).get_json()
    credential = guest.authenticator.get(options["publicKey"])
    answer = guest.post("login/finish", {"ceremony": options["ceremony"], "credential": credential, "request": handle})
    assert answer.json == {"location": f"{OFFER}?request={handle}"}
    guest.open(answer.json["location"])

    declined = guest.submit("passkey-offer", request=handle)

    assert (declined.status_code, declined.location) == (303, f"/identity/shop/authorize/resume?request={handle}")


@pytest.mark.parametrize(("page", "onward"), [("emails", "/emails"), ("sessions", "/sessions"), ("//evil.test", "")])
def test_goes_on_to_the_page_that_asked(guest, page, onward):
    guest.sign_in()
    guest.open(OFFER, next=page)

    assert guest.submit("passkey-offer", next=page).location == PROFILE + onward


def test_adding_goes_on_too(guest):
    guest.sign_in()
    guest.open(OFFER, next="emails")
    options = guest.post("profile/passkeys/options", {"place": "here"}).get_json()
    credential = SoftwareAuthenticator(origin=ORIGIN).create(options["publicKey"])

    answer = guest.post(
        "profile/passkeys/finish", {"ceremony": options["ceremony"], "credential": credential, "next": "emails"}
    )

    assert answer.json == {"location": f"{PROFILE}/emails"}


class TestNotNow:
    @pytest.fixture
    def declined(self, guest):
        guest.sign_in()
        guest.open(OFFER)
        guest.submit("passkey-offer")
        guest.open("profile/passkeys")
        guest.submit("sign-out")
        return guest

    def test_is_heeded_for_thirty_days(self, declined, clock):
        assert declined.sign_in().json == {"location": PROFILE}
        clock.advance(days=29, hours=23)  # the session is over
        assert declined.sign_in().json == {"location": PROFILE}
        declined.open("profile/passkeys")
        declined.submit("sign-out")
        clock.advance(hours=1)
        assert declined.sign_in().json == {"location": OFFER}

    def test_is_one_persons(self, declined, phone):
        other = SoftwareAuthenticator.synced(origin=ORIGIN, attachment="cross-platform")
        declined.authenticator = other
        declined.sign_up("eve@example.com")
        declined.open("profile/passkeys")
        declined.submit("sign-out")

        assert declined.sign_in().json == {"location": OFFER}

    @pytest.mark.parametrize(
        "value", ["", "x", "1." + "x" * 43, "9" * 12 + "." + "x" * 43, "99999999999999." + "x" * 43]
    )
    def test_note_cannot_be_made_up(self, guest, value):
        guest.client.set_cookie(LATER, value)

        assert guest.sign_in().json == {"location": OFFER}

    def test_cookie_is_as_ours_are(self, guest):
        guest.sign_in()
        guest.open(OFFER)

        cookie = next(
            each for each in guest.submit("passkey-offer").headers.getlist("Set-Cookie") if each.startswith(LATER)
        )

        for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
            assert part in cookie
        assert "Domain" not in cookie

    def test_needs_the_pages_token(self, guest):
        guest.sign_in()
        guest.csrf = "x" * 43

        assert guest.submit("passkey-offer").status_code == 403


def test_is_for_somebody_who_is_signed_in(visitor):
    assert visitor.open(OFFER, next="emails").location == "/identity/shop/login?next=emails"
