"""The sessions page by HTTP (product S18; rows B02 and B07 of the threats)."""

import re

import pytest

from tests.sign_in import SESSION_COOKIE
from tests.sign_in import Visitor

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


@pytest.fixture
def phone(host, visitor):
    """Another browser of the same person."""
    visitor.sign_up()
    phone = Visitor(host.test_client(), authenticator=visitor.authenticator)
    phone.client.environ_base["HTTP_USER_AGENT"] = CHROME
    phone.sign_in()
    return phone


def others(page):
    return re.findall(r"/profile/sessions/([0-9A-Za-z]{20,})/end\"", page.text)


def test_shows_where_somebody_is_signed_in(visitor, phone):
    page = visitor.open("profile/sessions")

    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert page.text.count(">this one<") == 1
    assert "Chrome on Linux" in page.text and "with a passkey" in page.text
    assert len(others(page)) == 1


def test_ends_one(visitor, phone):
    page = visitor.open("profile/sessions")

    answer = visitor.submit(f"profile/sessions/{others(page)[0]}/end")

    assert answer.status_code == 303
    assert "That session was ended." in visitor.open(answer.location).text
    assert phone.open("profile").status_code == 303


def test_ends_all_others(visitor, phone):
    visitor.open("profile/sessions")

    answer = visitor.submit("profile/sessions/others/end")

    assert "You are signed in nowhere else." in visitor.open(answer.location).text
    assert phone.open("profile").status_code == 303
    assert visitor.open("profile").status_code == 200


def test_asks_to_sign_in_again_after_a_while(visitor, phone, clock):
    page = visitor.open("profile/sessions")
    clock.advance(minutes=6)

    for path in (f"profile/sessions/{others(page)[0]}/end", "profile/sessions/others/end"):
        answer = visitor.submit(path)
        assert answer.status_code == 303
        assert answer.location.endswith("/shop/login?again=1&next=sessions")
    assert phone.open("profile").status_code == 200

    before = visitor.cookies()[SESSION_COOKIE]
    login = visitor.open("login", again="1", next="sessions")
    assert login.status_code == 200, "the page shows although somebody is signed in"
    finished = visitor.sign_in(again="1", next="sessions")
    assert finished.get_json()["location"].endswith("/shop/profile/sessions")
    assert visitor.cookies()[SESSION_COOKIE] != before
    visitor.open("profile/sessions")
    assert visitor.submit("profile/sessions/others/end").location.endswith("?done=others-ended")


def test_nothing_changes_without_the_pages_token(visitor, phone):
    page = visitor.open("profile/sessions")
    visitor.csrf = "x"
    for path in (f"profile/sessions/{others(page)[0]}/end", "profile/sessions/others/end"):
        assert visitor.submit(path).status_code == 403
        assert visitor.client.get(f"/identity/shop/{path}").status_code in (404, 405)
    assert phone.open("profile").status_code == 200


@pytest.mark.parametrize("sid", ["x", "%00", "%ff%fe", "%ed%a0%80", "a" * 5000])
def test_a_session_that_is_not_there(visitor, phone, sid):
    visitor.open("profile/sessions")
    assert visitor.submit(f"profile/sessions/{sid}/end").status_code == 404


def test_is_for_signed_in_people_only(visitor):
    assert visitor.open("profile/sessions").location.endswith("/shop/login?next=sessions")


def test_a_planted_session_value_is_worth_nothing_after_the_sign_in(visitor):
    visitor.client.set_cookie(SESSION_COOKIE, "A" * 43)
    visitor.sign_up()
    assert visitor.cookies()[SESSION_COOKIE] != "A" * 43
    visitor.client.set_cookie(SESSION_COOKIE, "A" * 43)
    assert visitor.open("profile").status_code == 303
