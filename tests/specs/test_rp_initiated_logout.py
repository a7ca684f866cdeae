"""RP-Initiated Logout 1.0, sections 2, 3 and 6; rows B15 and B16 of the threats."""

from functools import partial
from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_hanko_identity.flows.clients import ClientSettings
from flask_hanko_identity.flows.clients import update_client
from flask_hanko_identity.flows.keys import rotate_keys
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import LogoutRequest
from tests.evidence import events
from tests.management import make_context
from tests.sign_in import SESSION_COOKIE
from tests.sign_in import count_rows
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import change_client
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser
from tests.web.visitors import Page

LOGOUT = f"{PREFIX}/shop/logout"
SIGNED_OUT = f"{PREFIX}/shop/signed-out"
BYE = "https://rp.example/bye"


def log_out(rp: RelyingParty, method: Any = "GET", **parameters: Any) -> TestResponse:
    """Send the browser to the endpoint, and on from where a POST is parked."""
    given = {name: value for name, value in parameters.items() if value is not None}
    if method == "GET":
        return rp.browser.get(LOGOUT, query_string=given)
    # What a browser does with a cross-site POST: it leaves SameSite=Lax cookies out, and follows with them.
    posted = rp.machine.post(LOGOUT, data=given)
    if posted.status_code != 303:
        return posted
    assert not posted.headers.getlist("Set-Cookie")
    return rp.browser.get(posted.headers["Location"])


def assert_signed_out(rp: RelyingParty) -> None:
    assert rp.answer(rp.authorize(prompt="none"))["error"] == "login_required"


def assert_signed_in(rp: RelyingParty) -> None:
    assert "code" in rp.answer(rp.authorize(prompt="none"))


def assert_asks(rp: RelyingParty, response: TestResponse) -> Page:
    """Section 2: the person is asked first."""
    assert (response.status_code, response.headers.get("Location")) == (200, None), response.text
    assert response.headers["Cache-Control"] == "no-store"
    assert_signed_in(rp)
    return Page(response)


def say_yes(rp: RelyingParty, page: Page) -> TestResponse:
    form = page.form("logout/confirm")
    return rp.browser.post(form.action, data=form.filled(confirm="1"))


@pytest.fixture
def hint(rp):
    """An ID token of the browser's session."""
    return rp.tokens()["id_token"]


# Section 2: with a hint of the current session nobody is asked


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_hint_and_registered_address_lead_back_with_the_state(rp, hint, method):
    state = "s" * 100 + "é &=+%#?/" + "t" * 19

    response = log_out(rp, method, id_token_hint=hint, post_logout_redirect_uri=BYE, state=state)

    assert response.status_code == 303
    assert response.headers["Location"].startswith(f"{BYE}?state=")
    rp.redirect_uri = BYE
    assert rp.answer(response) == {"state": state}
    rp.redirect_uri = "https://rp.example/cb"
    assert_signed_out(rp)


def test_without_a_state_none_comes_back(rp, hint):
    response = log_out(rp, id_token_hint=hint, post_logout_redirect_uri=BYE, client_id=rp.client_id)

    assert (response.status_code, response.headers["Location"]) == (303, BYE)
    assert_signed_out(rp)


def test_without_an_address_our_own_page_says_so(rp, hint):
    for more in ({}, {"state": "x"}, {"client_id": rp.client_id}, {"ui_locales": "se", "logout_hint": "ada"}):
        response = log_out(rp, id_token_hint=hint, **more)

        assert (response.status_code, response.headers["Location"]) == (303, SIGNED_OUT)
    assert "signed out" in rp.browser.get(SIGNED_OUT).text
    assert_signed_out(rp)


def test_address_keeps_its_own_query(app, rp):
    party = connect(app, browser=rp.browser, post_logout_redirect_uris=["https://rp.example/bye?from=op"])
    address = "https://rp.example/bye?from=op"

    response = log_out(party, id_token_hint=party.tokens()["id_token"], post_logout_redirect_uri=address, state="a b")

    assert response.headers["Location"] == f"{address}&state=a+b"


def test_session_is_ended_and_its_cookie_cleared(app, rp, hint):
    before = rp.browser.get_cookie(SESSION_COOKIE)

    response = log_out(rp, id_token_hint=hint)

    cookies = response.headers.getlist("Set-Cookie")
    assert any(each.startswith(f"{SESSION_COOKIE}=;") and "Max-Age=0" in each for each in cookies)
    rp.browser.set_cookie(SESSION_COOKIE, before.value, path="/")  # the old value opens nothing
    assert_signed_out(rp)
    assert events(app).count("session.ended") == 1
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        assert session.query(LoginSession).filter(LoginSession.ended_at.is_(None)).count() == 0


def test_old_hints_are_accepted(rp, hint, clock):
    """Section 2: an ID token whose time has passed is a hint all the same."""
    clock.advance(days=2)
    assert_signed_in(rp)

    assert log_out(rp, id_token_hint=hint, post_logout_redirect_uri=BYE).headers["Location"] == BYE

    assert_signed_out(rp)


def test_hint_of_a_retired_key_is_accepted(app, rp, hint, clock):
    with app.app_context():
        rotate_keys(make_context(app, "shop"), algorithm="RS256", at_once=True)
    clock.advance(hours=30)
    assert len(rp.machine.get(f"{PREFIX}/shop/jwks").get_json()["keys"]) == 3

    assert log_out(rp, id_token_hint=hint, post_logout_redirect_uri=BYE).headers["Location"] == BYE


def test_second_logout_leads_back_too(rp, hint):
    """The app has to go on even where nobody is signed in any more."""
    for _ in range(2):
        response = log_out(rp, id_token_hint=hint, post_logout_redirect_uri=BYE, state="x")

        assert response.headers["Location"] == f"{BYE}?state=x"


# Section 3 and row B15: the address


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_address_must_be_registered_exactly(app, rp, hint, method):
    other = connect(app, post_logout_redirect_uris=["https://other.example/bye"])
    assert other.client_id
    for address in (
        BYE + "?x=1",
        BYE + "/",
        BYE + "#",
        BYE.upper(),
        BYE.replace("https", "http"),
        BYE.replace("rp.example", "rp.example:443"),
        BYE.replace("rp.example", "evil@rp.example"),
        "https://rp.example/cb",
        "https://other.example/bye",
        "https://evil.test/",
        "//rp.example/bye",
        "javascript:alert(1)",
        " " + BYE,
    ):
        response = log_out(rp, method, id_token_hint=hint, post_logout_redirect_uri=address, state="x")

        assert (response.status_code, response.headers.get("Location")) == (400, None), address
        assert "Bookshop" in response.text
    assert_signed_in(rp)


def test_address_without_a_good_hint_is_never_gone_to(rp, hint):
    """Section 3 and decision P5: no hint, or a forged one, is no proof, whether anybody is signed in or not."""
    forged = "eyJhbGciOiJub25lIn0." + hint.split(".")[1] + "."
    foreign = hint[:-20] + "A" * 20
    hints = (None, "", forged, foreign, "junk", "a.b.c")
    for each in hints:
        for client_id in (None, rp.client_id):
            given = {"id_token_hint": each, "client_id": client_id, "state": "x"}
            page = assert_asks(rp, log_out(rp, post_logout_redirect_uri=BYE, **given))
    assert say_yes(rp, page).headers["Location"] == SIGNED_OUT
    for each in hints:
        response = log_out(rp, post_logout_redirect_uri=BYE, id_token_hint=each, client_id=rp.client_id)

        assert (response.status_code, response.headers["Location"]) == (303, SIGNED_OUT)


def test_address_is_looked_at_again_when_the_person_says_yes(app, rp, hint, sub):
    """Promise 12."""
    sign_in_browser(app, rp.browser, sub)
    page = assert_asks(rp, log_out(rp, id_token_hint=hint, post_logout_redirect_uri=BYE))
    elsewhere = ClientSettings(post_logout_redirect_uris=["https://rp.example/elsewhere"])
    change_client(rp, partial(update_client, changes=elsewhere))

    assert say_yes(rp, page).headers["Location"] == SIGNED_OUT


# Sections 2 and 6, and row B16: asking first


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_hint_the_person_is_asked(rp, method):
    for given in ({}, {"state": "x"}, {"client_id": rp.client_id}, {"client_id": "nobody"}, {"foo": "bar"}):
        page = assert_asks(rp, log_out(rp, method, **given))

    assert say_yes(rp, page).headers["Location"] == SIGNED_OUT
    assert_signed_out(rp)


def test_hint_of_another_user_asks_first(app, rp, hint):
    sign_in_browser(app, rp.browser, make_user(app, email="grace@example.com", name="Grace Hopper"))

    page = assert_asks(rp, log_out(rp, id_token_hint=hint, post_logout_redirect_uri=BYE, state="x"))

    assert "Bookshop" in page.text and "Grace Hopper" in page.text
    assert say_yes(rp, page).headers["Location"] == f"{BYE}?state=x"
    assert_signed_out(rp)


def test_hint_of_another_session_asks_first(app, rp, hint, sub):
    """Section 2: the hint has to belong to the current session, not only to the same person."""
    sign_in_browser(app, rp.browser, sub)

    page = assert_asks(rp, log_out(rp, id_token_hint=hint, post_logout_redirect_uri=BYE))

    assert say_yes(rp, page).headers["Location"] == BYE


def test_hint_of_another_project_is_none(app, rp):
    make_tenant(app, "bank", number=1)
    bank = connect(app, "bank")
    sign_in_browser(app, bank.browser, make_user(app, "bank"), "bank")

    assert_asks(rp, log_out(rp, id_token_hint=bank.tokens()["id_token"], post_logout_redirect_uri=BYE))


def test_confirmation_belongs_to_its_page(app, rp):
    """Row B05: only the browser that saw the page, with its token, and once."""
    page = assert_asks(rp, log_out(rp))
    form = page.form("logout/confirm")
    stranger = app.test_client()
    sign_in_browser(app, stranger, make_user(app, email="mallory@example.com"))
    foreign = Page(stranger.get(LOGOUT)).form("logout/confirm").value("csrf_token")

    for fields in ({"csrf_token": None}, {"csrf_token": ""}, {"csrf_token": "x" * 43}, {"csrf_token": foreign}):
        assert rp.browser.post(form.action, data=form.filled(confirm="1", **fields)).status_code == 403
    for origin in ("https://evil.test", "null"):
        refused = rp.browser.post(form.action, data=form.filled(confirm="1"), headers={"Origin": origin})
        assert refused.status_code == 403
    assert stranger.post(form.action, data=form.filled(confirm="1")).status_code == 403
    for handle in ("", "x", "x" * 100, "\0", None):
        assert rp.browser.post(form.action, data=form.filled(confirm="1", request=handle)).status_code == 400
    assert_signed_in(rp)

    assert say_yes(rp, page).status_code == 303
    assert_signed_out(rp)
    assert say_yes(rp, page).status_code in (400, 403)


def test_confirmation_waits_ten_minutes(rp, clock):
    page = assert_asks(rp, log_out(rp))
    clock.advance(minutes=10)

    assert say_yes(rp, page).status_code == 400
    assert_signed_in(rp)


# What a logout takes along (OpenID Connect Core 1.0, section 11)


def test_asking_app_keeps_nothing_and_others_what_was_to_stay(app, rp):
    """Others live on where the user allowed it for while she is away."""
    other = connect(app, browser=rp.browser)
    mine, mine_online = rp.tokens(), rp.tokens(scope="openid")
    theirs, theirs_online = other.tokens(scope="openid offline_access"), other.tokens(scope="openid")
    code, pending = rp.code(), other.code()

    log_out(rp, id_token_hint=mine["id_token"])

    assert rp.userinfo(mine["access_token"]).status_code == 401
    assert rp.userinfo(mine_online["access_token"]).status_code == 401
    assert rp.refresh(mine["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert rp.redeem(code).get_json()["error"] == "invalid_grant"
    assert other.userinfo(theirs_online["access_token"]).status_code == 401
    assert other.redeem(pending).get_json()["error"] == "invalid_grant"
    assert other.userinfo(theirs["access_token"]).status_code == 200
    assert other.refresh(theirs["refresh_token"]).status_code == 200


def test_other_sessions_are_not_touched(app, rp, hint, sub):
    phone = connect(app)
    phone.client_id, phone.secret = rp.client_id, rp.secret
    sign_in_browser(app, phone.browser, sub)
    tokens = phone.tokens()

    log_out(rp, id_token_hint=hint)

    assert_signed_out(rp)
    assert_signed_in(phone)
    assert phone.userinfo(tokens["access_token"]).status_code == 200


# Malformed requests


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_malformed_requests_are_refused_and_nothing_is_kept(app, rp, hint, method):
    other = connect(app)
    for given in (
        {"id_token_hint": [hint, hint]},
        {"id_token_hint": hint, "post_logout_redirect_uri": [BYE, BYE]},
        {"id_token_hint": hint, "state": ["a", "b"]},
        {"id_token_hint": hint, "client_id": other.client_id},
        {"id_token_hint": hint, "client_id": "nobody"},
        {"id_token_hint": hint, "state": "a\0b"},
        {"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "a\r\nLocation: https://evil.test"},
        {"client_id": "a\0b"},
        {"ui_locales": "\x07"},
        {"state": "x" * 70_000},
    ):
        response = log_out(rp, method, **given)

        assert response.status_code in (400, 413, 414), given
        assert "Location" not in response.headers
        assert hint not in response.text
    assert count_rows(app, LogoutRequest) == 0
    assert_signed_in(rp)


def test_parked_request_that_is_not_there(rp):
    for handle in ("", "x", "\0", "\ud800".encode("utf-8", "surrogatepass"), "x" * 5000):
        response = rp.browser.get(f"{LOGOUT}/resume", query_string={"request": handle})

        assert response.status_code == 400
    assert_signed_in(rp)
