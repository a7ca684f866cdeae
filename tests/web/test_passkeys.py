"""The passkeys of whoever is signed in, by HTTP."""

import re

import pytest
from sqlalchemy import update

from flask_hanko_identity.storage import Ceremony
from flask_hanko_identity.storage import Passkey
from tests.authenticator import SoftwareAuthenticator
from tests.sign_in import ORIGIN
from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.sign_in import count_rows

PAGE = "/identity/shop/profile/passkeys"
AGAIN = "/identity/shop/login?again=1&next=passkeys"


@pytest.fixture
def ada(visitor):
    """Somebody who has just signed up, with her passkeys open."""
    visitor.sign_up()
    visitor.open("profile/passkeys")
    return visitor


def add(person: Visitor, device: SoftwareAuthenticator | None = None, **query: str):
    options = person.post("profile/passkeys/options", {"place": "here"}).get_json()
    credential = (device or SoftwareAuthenticator(origin=ORIGIN)).create(options["publicKey"])
    body = {"ceremony": options["ceremony"], "credential": credential, **query}
    return person.post("profile/passkeys/finish", body)


def numbers(person: Visitor) -> list[int]:
    return [int(each) for each in re.findall(r'id="passkey-(\d+)"', person.open("profile/passkeys").text)]


class TestList:
    def test_shows_what_people_know_them_by(self, ada):
        page = ada.open("profile/passkeys").text

        assert "this device only" in page
        assert "not used since" in page
        assert "passkeys.svg#device" in page
        assert "last way to sign in" in page
        assert "/remove" not in page

    def test_needs_a_sign_in(self, visitor):
        assert visitor.open("profile/passkeys").location == "/identity/shop/login?next=passkeys"

    def test_warns_of_one_that_works_no_more(self, ada, host):
        add(ada)
        with host.app_context():
            session = host.extensions["hanko_identity"].session
            session.execute(update(Passkey).where(Passkey.id == numbers(ada)[0]).values(rp_id="old.example"))
            session.commit()

        page = ada.open("profile/passkeys").text

        assert "made for old.example and does not work for localhost" in page
        assert page.count("/remove") == 1

    def test_host_project_has_none(self, host):
        with host.app_context():
            add_project(host, "guests", type="host")

        assert Visitor(host.test_client(), slug="guests").open("profile/passkeys").status_code == 404


class TestAdding:
    def test_new_passkey_signs_in(self, ada):
        phone = SoftwareAuthenticator(origin=ORIGIN)

        answer = add(ada, phone, next="passkeys")

        assert answer.json == {"location": f"{PAGE}?done=added"}
        assert "Your new passkey is ready" in ada.open(answer.json["location"]).text
        ada.submit("sign-out")
        ada.authenticator = phone
        assert ada.sign_in().json == {"location": "/identity/shop/profile"}

    def test_old_sign_in_is_sent_to_sign_in(self, ada, clock):
        clock.advance(minutes=5)

        answer = ada.post("profile/passkeys/options", {})

        assert answer.status_code == 403
        assert (answer.json["error"], answer.json["location"]) == ("StepUpRequired", AGAIN)

    @pytest.mark.parametrize("path", ["profile/passkeys/options", "profile/passkeys/finish"])
    def test_session_that_ended_in_the_middle(self, ada, host, path, clock):
        clock.advance(days=20)

        answer = ada.post(path, {})

        assert (answer.status_code, answer.json["error"]) == (401, "login_required")
        assert count_rows(host, Passkey) == 1

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"X-CSRFToken": "x" * 43}, id="wrong token"),
            pytest.param({"Origin": "https://evil.test"}, id="foreign"),
            pytest.param({"Origin": "null"}, id="null"),
            pytest.param({"Content-Type": "text/plain"}, id="plain text"),
        ],
    )
    @pytest.mark.parametrize("path", ["profile/passkeys/options", "profile/passkeys/finish"])
    def test_forgery_is_refused(self, ada, host, path, headers):
        before = count_rows(host, Ceremony)

        answer = ada.post(path, {}, **headers)

        assert (answer.status_code, answer.json["error"]) == (403, "RequestForged")
        assert count_rows(host, Ceremony) == before

    @pytest.mark.parametrize(
        "body",
        [[], "x", None, {"place": []}, {"place": {}, "ceremony": [], "credential": 7}, {"place": "\0"}],
        ids=repr,
    )
    @pytest.mark.parametrize("path", ["profile/passkeys/options", "profile/passkeys/finish"])
    def test_any_other_body_is_no_fault_of_ours(self, ada, path, body):
        assert ada.post(path, body).status_code < 500

    @pytest.mark.parametrize(
        "onward", [{}, {"next": "https://evil.test"}, {"next": "//evil.test"}, {"request": "../x"}]
    )
    def test_goes_on_to_our_own_pages_only(self, ada, onward):
        assert add(ada, **onward).json == {"location": "/identity/shop/profile"}


class TestChanges:
    def test_rename(self, ada):
        (number,) = numbers(ada)

        answer = ada.submit(f"profile/passkeys/{number}/rename", name="Work <laptop>")

        assert (answer.status_code, answer.location) == (303, f"{PAGE}?done=renamed")
        assert "Work &lt;laptop&gt;" in ada.open(answer.location).text

    def test_bad_name_is_shown_at_its_field(self, ada):
        (number,) = numbers(ada)

        answer = ada.submit(f"profile/passkeys/{number}/rename", name="a\u202eb")

        assert answer.status_code == 422
        assert f'aria-describedby="name-{number}-error"' in answer.text
        assert "Leave out the invisible character" in answer.text

    def test_remove(self, ada):
        add(ada)
        first, second = numbers(ada)

        answer = ada.submit(f"profile/passkeys/{first}/remove")

        assert (answer.status_code, answer.location) == (303, f"{PAGE}?done=removed")
        page = ada.open(answer.location).text
        assert 'data-passkey-signals="accepted"' in page
        assert "End your other sessions" in page
        assert numbers(ada) == [second]
        assert "data-passkey-signals" not in ada.open("profile/passkeys").text

    def test_last_one_stays(self, ada):
        (number,) = numbers(ada)

        answer = ada.submit(f"profile/passkeys/{number}/remove")

        assert answer.status_code == 409
        assert "is your last way to sign in" in answer.text
        assert numbers(ada) == [number]

    @pytest.mark.parametrize("what", ["rename", "remove"])
    def test_old_sign_in_is_sent_to_sign_in(self, ada, clock, what):
        (number,) = numbers(ada)
        clock.advance(minutes=5)

        answer = ada.submit(f"profile/passkeys/{number}/{what}", name="x")

        assert (answer.status_code, answer.location) == (303, AGAIN)
        assert "Confirm that it is you" in ada.open("profile/passkeys").text

    @pytest.mark.parametrize("what", ["rename", "remove"])
    @pytest.mark.parametrize("number", ["999999", "9223372036854775807", "9223372036854775808", "9" * 40, "-1", "x"])
    def test_what_is_not_there(self, ada, number, what):
        assert ada.submit(f"profile/passkeys/{number}/{what}", name="x").status_code == 404

    @pytest.mark.parametrize("what", ["rename", "remove"])
    def test_others_cannot(self, ada, host, what):
        (number,) = numbers(ada)
        eve = Visitor(host.test_client())
        eve.sign_up("eve@example.com")
        eve.open("profile/passkeys")

        assert eve.submit(f"profile/passkeys/{number}/{what}", name="Mine").status_code == 404
        eve.csrf = "x" * 43
        assert eve.submit(f"profile/passkeys/{number}/{what}", name="Mine").status_code == 403
        assert eve.client.get(f"{PAGE}/{number}/{what}").status_code == 405
        assert numbers(ada) == [number]


def test_accepted_list_is_of_the_moment(ada):
    before = ada.client.get(f"{PAGE}/accepted")
    add(ada)
    after = ada.client.get(f"{PAGE}/accepted").json

    assert before.headers["Cache-Control"] == "no-store"
    assert len(before.json["allAcceptedCredentialIds"]) == 1
    assert len(after["allAcceptedCredentialIds"]) == 2
    assert after["rpId"] == "localhost"


def test_accepted_list_is_for_its_owner(visitor):
    assert visitor.client.get(f"{PAGE}/accepted").status_code == 401


def test_sign_in_with_a_removed_passkey_tells_the_browser(ada):
    first = ada.authenticator
    add(ada)
    ada.submit(f"profile/passkeys/{numbers(ada)[0]}/remove")
    ada.submit("sign-out")
    ada.authenticator = first

    answer = ada.sign_in()

    assert answer.status_code == 400
    assert answer.json["is_gone"] is True
    assert "was removed from your account" in answer.json["message"]


def test_sign_in_with_the_passkey_of_another_project_does_not(ada, host):
    with host.app_context():
        add_project(host, "cafe")
    elsewhere = Visitor(host.test_client(), slug="cafe", authenticator=ada.authenticator)

    answer = elsewhere.sign_in()

    assert answer.status_code == 400
    assert "is_gone" not in (answer.json or {})
