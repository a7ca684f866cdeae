"""Projects whose host signs people in, by HTTP: the host's login view, our authorization endpoint, an app."""

import re
from datetime import datetime

import pytest
from flask import session
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity import HostUser
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import User
from tests.hosts import id_token
from tests.hosts import link_of
from tests.hosts import make_host
from tests.hosts import query
from tests.hosts import sign_in_at_host
from tests.hosts import sign_in_to
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


def count(host, *where):
    with host.app.app_context():
        return host.state.session.scalar(select(func.count()).select_from(LoginSession).where(*where))


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
    first = id_token(rp, sign_in_to(rp))
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
    ada = sign_in_to(rp)
    sign_in_at_host(rp.browser, "8")

    bob = rp.tokens()

    assert id_token(rp, bob)["sub"] != id_token(rp, ada)["sub"]
    assert rp.introspect(ada["access_token"]) == {"active": False}
    assert rp.introspect(bob["access_token"])["active"]
    assert count(host, LoginSession.ended_at.is_(None)) == 1


def test_when_the_host_signs_the_person_out_our_session_ends_at_the_next_request(host, rp):
    tokens = sign_in_to(rp)
    rp.browser.post("/members/sign-out")

    assert rp.answer(rp.authorize(prompt="none"))["error"] == "login_required"
    assert rp.introspect(tokens["access_token"]) == {"active": False}
    assert count(host, LoginSession.ended_at.is_(None)) == 0
    assert rp.browser.get_cookie("hanko_identity-shop") is None


def test_our_cookie_alone_opens_nothing(host, rp):
    sign_in_to(rp)
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
    tokens = sign_in_to(rp)
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
    tokens = sign_in_to(rp, scope="openid profile email")
    host.claims["7"] = {"name": "Ada King", "nickname": None}

    again = rp.tokens(scope="openid profile email")

    assert id_token(rp, again)["sid"] == id_token(rp, tokens)["sid"]
    told = rp.userinfo(again["access_token"]).get_json()
    assert set(told) == {"sub", "name", "updated_at"}
    assert told["name"] == "Ada King"


@pytest.mark.parametrize("path", ["login", "signup", "profile"])
def test_our_own_pages_are_not_there(rp, path):
    sign_in_to(rp)

    page = rp.browser.get(f"/identity/shop/{path}")

    assert page.status_code == 404
    assert "app" in page.text


def test_whatever_else_people_do_on_our_pages_is_not_there_either(host, rp):
    sign_in_to(rp)
    cookies = [rp.browser.get_cookie(name).value for name in ("hanko_identity", "hanko_identity-shop")]
    token = host.state.ring.mac("csrf", *cookies)
    as_script = {"json": {}, "headers": {"X-CSRFToken": token, "Origin": "http://localhost"}}
    as_form = {"data": {"csrf_token": token}}
    answers = {}
    for rule in host.app.url_map.iter_rules():
        served = rule.endpoint.startswith(("hanko_oidc.", "hanko_brand.", "hanko_well_known.", "hanko_console."))
        if "slug" in rule.arguments and not served and rule.endpoint != "hanko_login.sign_out":
            path = rule.build({name: 1 for name in rule.arguments} | {"slug": "shop"})[1]
            if "POST" in rule.methods:
                answers[path, "script"] = rp.browser.post(path, **as_script).status_code
                answers[path, "form"] = rp.browser.post(path, **as_form).status_code
            if "GET" in rule.methods:
                answers[path, "GET"] = rp.browser.get(path).status_code

    assert len(answers) > 10
    refusals = {"GET": (404,), "form": (403, 404), "script": (400, 403, 404)}
    assert [(which, status) for which, status in answers.items() if status not in refusals[which[1]]] == []
