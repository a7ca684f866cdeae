"""Projects whose host signs people in, by HTTP: the host's login view, our authorization endpoint, an app."""

import re
from datetime import datetime
from html import unescape

import pytest
from flask import session
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity import HostUser
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import User
from tests.hosts import find
from tests.hosts import make_host
from tests.hosts import query
from tests.hosts import sign_in_at_host
from tests.queries import count_statements
from tests.sign_in import engine_of
from tests.tenants import connect
from tests.tenants import connect_native

ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "email_verified": True, "locale": "en-GB"}


@pytest.fixture
def host(app_factory, clock):
    host = make_host(app_factory, clock)
    host.claims["7"] = dict(ADA)
    return host


@pytest.fixture
def rp(host):
    """A first-party app in front of a person of the host."""
    return connect(host.app)


def sign_in(rp, member="7", **changes):
    """The whole way through the host's form; gives the token response."""
    response = sign_in_at_host(rp.browser, member, at=rp.authorize(**changes))
    tokens = rp.redeem(rp.answer(response)["code"])
    assert tokens.status_code == 200, tokens.text
    return tokens.get_json()


def id_token(rp, tokens):
    return rp.claims(tokens["id_token"])


def count(host, *where):
    with host.app.app_context():
        return host.state.session.scalar(select(func.count()).select_from(LoginSession).where(*where))


def link_of(page):
    return unescape(find(r'class="btn btn-primary" href="([^"]+)"', page.text))


def test_the_hosts_login_view_signs_the_person_in_and_the_app_learns_who_it_is(host, rp, clock):
    asked = rp.authorize(scope="openid profile email")

    sent = query(asked)
    assert set(sent) == {"next"}
    assert re.fullmatch(r"/identity/shop/authorize/resume\?request=[0-9A-Za-z]{43}", sent["next"])

    answer = rp.answer(sign_in_at_host(rp.browser, "7", at=asked))
    assert (answer["state"], answer["iss"]) == (rp.state, rp.issuer)
    tokens = rp.redeem(answer["code"]).get_json()
    claims = id_token(rp, tokens)
    assert (claims["acr"], claims["amr"]) == ("1", ["pwd"])
    assert claims["auth_time"] == int(clock().timestamp())
    assert claims["sub"] != "7"
    told = rp.userinfo(tokens["access_token"]).get_json()
    assert told.pop("updated_at")
    assert told == {**ADA, "sub": claims["sub"]}


def test_whoever_the_host_knows_is_signed_in_silently(host, rp, clock):
    first = id_token(rp, sign_in(rp))
    clock.advance(hours=1)

    again = id_token(rp, rp.tokens(prompt="none"))

    assert [again[name] for name in ("sub", "sid", "auth_time")] == [
        first[name] for name in ("sub", "sid", "auth_time")
    ]


def test_who_was_signed_in_to_the_host_before_is_too(host, rp, clock):
    since = clock()
    sign_in_at_host(rp.browser, "7")
    clock.advance(minutes=10)

    assert id_token(rp, rp.tokens())["auth_time"] == int(since.timestamp())


def test_authorize_with_a_session_costs_no_more_than_four_statements(host):
    app = connect(host.app, first_party=False)
    shown = sign_in_at_host(app.browser, "7", at=app.authorize())
    agree(app, shown)
    app.code()
    host.answer = lambda: HostUser(session["member"], ADA, datetime.fromisoformat(session["at"]), host.amr)
    with host.app.app_context():
        engine = engine_of(host.app)

    with count_statements(engine) as seen:
        app.code()

    assert seen.count <= 4, str(seen)


def agree(app, page, allow="allow"):
    assert page.status_code == 200, page.text
    fields = dict(re.findall(r'name="(csrf_token|request)"[^>]*value="([^"]+)"', page.text))
    return app.browser.post("/identity/shop/authorize/decision", data={**fields, allow: "1"})


def test_only_our_own_cookies_are_set(host, rp):
    asked = rp.authorize()
    sign_in_at_host(rp.browser, "7")
    theirs = rp.browser.get_cookie("session").value
    finished = rp.browser.get(query(asked)["next"])
    silent = rp.authorize()

    for response in (asked, finished, silent):
        assert all(cookie.startswith("hanko_identity") for cookie in response.headers.getlist("Set-Cookie"))
    assert rp.browser.get_cookie("session").value == theirs
    assert silent.headers.getlist("Set-Cookie") == []


def test_without_a_person_a_silent_request_is_refused(rp):
    assert rp.answer(rp.authorize(prompt="none"))["error"] == "login_required"


def test_the_login_view_is_told_the_hint_and_the_wish_to_sign_up(rp):
    sent = query(rp.authorize(prompt="create", login_hint="ada@example.com"))

    assert set(sent) == {"next", "create", "login_hint"}
    assert sent["login_hint"] == "ada@example.com"
    assert "login_hint" not in query(rp.authorize(login_hint="a" * 2000))


@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "60"}, {"max_age": "0"}])
def test_a_new_sign_in_is_the_hosts_to_give(rp, clock, demand):
    before = id_token(rp, sign_in(rp))
    clock.advance(minutes=5)
    asked = rp.authorize(**demand)
    assert query(asked)["reauthenticate"] == "1"
    clock.advance(minutes=1)

    # Who comes back without one is asked, and not sent to and fro.
    page = rp.browser.get(query(asked)["next"])
    assert page.status_code == 200
    assert "Sign in again" in page.text
    assert link_of(page) == asked.headers["Location"]

    answer = rp.answer(sign_in_at_host(rp.browser, "7", at=asked))
    after = id_token(rp, rp.redeem(answer["code"]).get_json())
    assert after["auth_time"] == int(clock().timestamp())
    assert (after["sub"], after["sid"] == before["sid"]) == (before["sub"], False)


def test_a_host_that_keeps_whole_seconds_is_believed_in_the_second_of_the_request(host, rp, clock):
    clock.set(clock().replace(microsecond=400_000))
    asked = rp.authorize(prompt="login")
    host.clock.set(clock().replace(microsecond=0))  # what the host writes down is rounded
    rp.browser.post(asked.headers["Location"], data={"member": "7"})
    clock.advance(seconds=1)

    assert "code" in rp.answer(rp.browser.get(query(asked)["next"]))


@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "86400"}])
def test_a_host_that_does_not_say_when_cannot_answer_for_a_new_sign_in(host, rp, demand, caplog):
    host.tells_auth_time = False

    asked = rp.authorize(**demand)
    returned = sign_in_at_host(rp.browser, "7", at=asked)
    known = rp.authorize(**demand)

    assert rp.answer(returned)["error"] == rp.answer(known)["error"] == "login_required"
    assert "auth_time of HostUser" in caplog.text


def test_without_auth_time_a_sign_in_counts_from_when_it_was_first_seen(host, rp, clock):
    host.tells_auth_time = False
    first = clock()
    sign_in(rp)
    clock.advance(hours=2)

    assert id_token(rp, rp.tokens())["auth_time"] == int(first.timestamp())
    asked = rp.authorize(prompt="select_account")
    assert query(asked)["reauthenticate"] == "1"
    assert "code" in rp.answer(rp.browser.get(query(asked)["next"]))


@pytest.mark.parametrize("prompt", ["select_account", "create"])
def test_choosing_and_making_an_account_happen_at_the_host(host, rp, clock, prompt):
    ada = id_token(rp, sign_in(rp))["sub"]
    clock.advance(minutes=1)

    asked = rp.authorize(prompt=prompt)
    clock.advance(minutes=1)
    answer = rp.answer(sign_in_at_host(rp.browser, "8", at=asked))

    assert id_token(rp, rp.redeem(answer["code"]).get_json())["sub"] != ada


def test_a_hint_that_names_somebody_else_leads_to_the_login_view(host, rp, clock):
    tokens = sign_in(rp, "8")
    ada = sign_in_at_host(rp.browser, "7")
    assert ada.status_code == 303
    clock.advance(minutes=1)

    asked = rp.authorize(id_token_hint=tokens["id_token"])
    clock.advance(minutes=1)

    assert query(asked)["reauthenticate"] == "1"
    assert "code" in rp.answer(sign_in_at_host(rp.browser, "8", at=asked))
    clock.advance(minutes=1)
    asked = rp.authorize(id_token_hint=tokens["id_token"], prompt="login")
    answer = rp.answer(sign_in_at_host(rp.browser, "7", at=asked))
    assert answer["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize(("amr", "acr"), [(("hwk", "user"), "phrh"), (("pop",), "phr"), (("pwd", "otp"), "1")])
def test_acr_follows_from_how_the_host_signed_in(host, rp, amr, acr):
    host.amr = amr

    claims = id_token(rp, sign_in(rp))

    assert (claims["acr"], claims["amr"]) == (acr, list(amr))


def test_a_class_that_the_host_does_not_reach_is_refused_after_it_tried(host, rp, clock):
    sign_in(rp)
    clock.advance(minutes=1)
    asked = rp.authorize(acr_values="phr")
    clock.advance(minutes=1)
    weak = sign_in_at_host(rp.browser, "7", at=asked)
    assert rp.answer(weak)["error"] == "unmet_authentication_requirements"

    host.amr = ("pop", "user")
    asked = rp.authorize(acr_values="phr")
    assert "code" in rp.answer(asked)  # the host signed the person in more strongly without being asked


def test_a_request_by_post_goes_on_with_the_cookies(rp):
    parked = rp.browser.post("/identity/shop/authorize", data=rp.parameters())
    asked = rp.browser.get(parked.headers["Location"])

    assert parked.headers.getlist("Set-Cookie") == []
    assert "first" not in query(asked)["next"]
    assert "code" in rp.answer(sign_in_at_host(rp.browser, "7", at=asked))


def test_who_comes_back_without_signing_in_sees_where_to(rp):
    asked = rp.authorize()

    page = rp.browser.get(query(asked)["next"])

    assert page.status_code == 200
    assert "You are not signed in yet" in page.text
    assert link_of(page) == asked.headers["Location"]


def test_a_request_can_be_continued_in_its_own_browser_only(host, rp):
    asked = rp.authorize()
    other = host.app.test_client()
    sign_in_at_host(other, "7")

    assert other.get(query(asked)["next"]).status_code == 400


def test_when_the_hosts_person_changes_the_old_session_ends(host, rp):
    ada = sign_in(rp)
    sign_in_at_host(rp.browser, "8")

    bob = rp.tokens()

    assert id_token(rp, bob)["sub"] != id_token(rp, ada)["sub"]
    assert rp.introspect(ada["access_token"]) == {"active": False}
    assert rp.introspect(bob["access_token"])["active"]
    assert count(host, LoginSession.ended_at.is_(None)) == 1


def test_when_the_host_signs_the_person_out_our_session_ends_at_the_next_request(host, rp):
    tokens = sign_in(rp)
    rp.browser.post("/members/sign-out")

    assert rp.answer(rp.authorize(prompt="none"))["error"] == "login_required"
    assert rp.introspect(tokens["access_token"]) == {"active": False}
    assert count(host, LoginSession.ended_at.is_(None)) == 0
    assert rp.browser.get_cookie("hanko_identity-shop") is None


def test_our_cookie_alone_opens_nothing(host, rp):
    sign_in(rp)
    thief = connect(host.app)
    thief.browser.set_cookie("hanko_identity-shop", rp.browser.get_cookie("hanko_identity-shop").value)

    assert thief.answer(thief.authorize(prompt="none"))["error"] == "login_required"


def test_a_strange_app_asks_for_consent_once(host):
    app = connect(host.app, first_party=False)
    page = sign_in_at_host(app.browser, "7", at=app.authorize())

    assert "Ada Lovelace" in page.text
    assert "code" in app.answer(agree(app, page))
    assert "code" in app.answer(app.authorize(prompt="none"))


def test_consent_is_not_taken_from_one_person_for_another(host):
    app = connect_native(host.app, first_party=False)
    page = sign_in_at_host(app.browser, "7", at=app.authorize())
    sign_in_at_host(app.browser, "8")

    decided = agree(app, page)

    assert decided.status_code == 303
    assert "/authorize/resume?request=" in decided.headers["Location"]
    shown = app.browser.get(decided.headers["Location"])
    assert "Ada" not in shown.text
    assert "code" in app.answer(agree(app, shown))


def test_somebody_who_was_shut_out_sees_why(host, rp):
    tokens = sign_in(rp)
    with host.app.app_context():
        host.state.session.execute(update(User).values(state="inactive"))
        host.state.session.commit()

    page = rp.authorize()

    assert page.status_code == 403
    assert "This account is not active" in page.text
    assert rp.answer(rp.authorize(prompt="none"))["error"] == "login_required"
    assert rp.introspect(tokens["access_token"]) == {"active": False}
    assert rp.browser.get(link_of(page)).text == "The host's own form"


def test_what_the_host_says_anew_is_told_anew(host, rp):
    tokens = sign_in(rp, scope="openid profile email")
    host.claims["7"] = {"name": "Ada King", "nickname": None}

    again = rp.tokens(scope="openid profile email")

    assert id_token(rp, again)["sid"] == id_token(rp, tokens)["sid"]
    told = rp.userinfo(again["access_token"]).get_json()
    assert set(told) == {"sub", "name", "updated_at"}
    assert told["name"] == "Ada King"


@pytest.mark.parametrize("path", ["login", "signup", "profile"])
def test_our_own_pages_are_not_there(rp, path):
    sign_in(rp)

    page = rp.browser.get(f"/identity/shop/{path}")

    assert page.status_code == 404
    assert "app" in page.text
