"""Signing out where the host signs people in (RP-Initiated Logout 1.0)."""

import re

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import User
from tests.hosts import find
from tests.hosts import make_host
from tests.hosts import query
from tests.hosts import sign_in_at_host
from tests.tenants import connect

END = "/identity/shop/logout"


@pytest.fixture
def host(app_factory, clock):
    return make_host(app_factory, clock)


@pytest.fixture
def with_hook(host):
    host.state.hooks.host_logout = host.forget
    return host


@pytest.fixture
def rp(host):
    return connect(host.app)


@pytest.fixture
def tokens(rp):
    """What the app got when the host's member 7 signed in."""
    return rp.redeem(rp.answer(sign_in_at_host(rp.browser, "7", at=rp.authorize()))["code"]).get_json()


def end(rp, tokens=None, **more):
    hint = {} if tokens is None else {"id_token_hint": tokens["id_token"]}
    return rp.browser.get(END, query_string={**hint, **more})


def bye(rp, tokens):
    return end(rp, tokens, post_logout_redirect_uri="https://rp.example/bye", state="s1")


def confirm(rp, page):
    fields = dict(re.findall(r'name="(csrf_token|request)"[^>]*value="([^"]+)"', page.text))
    return rp.browser.post(f"{END}/confirm", data={**fields, "confirm": "1"})


def open_sessions(host):
    with host.app.app_context():
        return host.state.session.scalar(
            select(func.count()).select_from(LoginSession).where(LoginSession.ended_at.is_(None))
        )


def test_an_app_signs_the_person_out_of_the_host_too(with_hook, rp, tokens):
    assert bye(rp, tokens).headers["Location"] == "https://rp.example/bye?state=s1"

    assert open_sessions(with_hook) == 0
    assert rp.introspect(tokens["access_token"]) == {"active": False}
    assert set(query(rp.authorize())) == {"next"}


def test_without_a_function_for_it_the_host_keeps_its_own_session(host, rp, tokens):
    done = end(rp, tokens)

    assert open_sessions(host) == 0
    assert "still signed in to the site" in rp.browser.get(done.headers["Location"]).text
    again = rp.claims(rp.tokens()["id_token"])
    before = rp.claims(tokens["id_token"])
    assert (again["sub"], again["sid"] == before["sid"]) == (before["sub"], False)


def test_with_a_function_for_it_the_page_says_no_such_thing(with_hook, rp, tokens):
    assert "still signed in" not in rp.browser.get(end(rp, tokens).headers["Location"]).text


def test_without_a_hint_the_person_is_asked(with_hook, rp, tokens):
    page = end(rp)
    assert page.status_code == 200
    assert "code" in rp.answer(rp.authorize())

    assert confirm(rp, page).status_code == 303

    assert open_sessions(with_hook) == 0
    assert set(query(rp.authorize())) == {"next"}


def test_somebody_elses_hint_signs_nobody_out(with_hook, rp, tokens):
    sign_in_at_host(rp.browser, "8")
    rp.tokens()

    page = bye(rp, tokens)

    assert page.status_code == 200
    assert "code" in rp.answer(rp.authorize(prompt="none"))


def test_a_confirmation_is_not_taken_from_one_person_for_another(with_hook, rp, tokens):
    page = end(rp)
    rp.browser.post("/members/sign-in", data={"member": "8"})
    rp.tokens()  # the host's other person has a session of ours by now
    page_of_the_other = end(rp)

    stale = confirm(rp, page)
    sign_in_at_host(rp.browser, "7")
    foreign = confirm(rp, page_of_the_other)

    assert stale.status_code == 403
    assert foreign.status_code == 303
    assert "/logout/resume" in foreign.headers["Location"]
    assert rp.browser.get(foreign.headers["Location"]).status_code == 200


def test_our_session_may_be_over_while_the_hosts_is_not(with_hook, rp, tokens, clock):
    clock.advance(days=4)

    asked = bye(rp, tokens)  # what the hint speaks of is over, so the person is asked

    assert asked.status_code == 200
    assert confirm(rp, asked).status_code == 303
    assert set(query(rp.authorize())) == {"next"}


def test_whoever_is_new_to_the_project_is_not_made_known_to_it(with_hook, rp):
    sign_in_at_host(rp.browser, "9")

    assert end(rp).status_code == 303

    with with_hook.app.app_context():
        assert with_hook.state.session.scalar(select(func.count()).select_from(User)) == 0
    assert "code" in rp.answer(rp.authorize())


def test_a_request_by_post_signs_out_as_well(with_hook, rp, tokens):
    parked = rp.browser.post(END, data={"id_token_hint": tokens["id_token"]})
    rp.browser.get(parked.headers["Location"])

    assert open_sessions(with_hook) == 0
    assert set(query(rp.authorize())) == {"next"}


def test_a_function_that_raises_leaves_us_signed_out_and_says_so(host, rp, tokens, caplog):
    def fail():
        raise RuntimeError("the host's store is down")

    host.state.hooks.host_logout = fail

    page = bye(rp, tokens)

    assert page.status_code == 503
    assert find(r"<code>([0-9a-f]{12})</code>", page.text) in caplog.text
    assert "host_logout raised RuntimeError" in caplog.text
    assert open_sessions(host) == 0
