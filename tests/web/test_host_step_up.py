"""Sign-ins that have to be new or strong, where the host is the one to give them (OpenID Connect Core 1.0, 3.1.2.1)."""

import pytest

from tests.hosts import id_token
from tests.hosts import link_of
from tests.hosts import make_host
from tests.hosts import query
from tests.hosts import sign_in_at_host
from tests.hosts import sign_in_to
from tests.tenants import connect


@pytest.fixture
def host(app_factory, clock):
    return make_host(app_factory, clock)


@pytest.fixture
def rp(host):
    """A first-party app in front of a person of the host."""
    return connect(host.app)


@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "60"}, {"max_age": "0"}])
def test_a_new_sign_in_is_the_hosts_to_give(rp, clock, demand):
    before = id_token(rp, sign_in_to(rp))
    clock.advance(minutes=5)
    asked = rp.authorize(**demand)
    assert query(asked)["reauthenticate"] == "1"
    clock.advance(minutes=1)

    # Who comes back without one is asked, and does not go round in circles.
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
    sign_in_to(rp)
    clock.advance(hours=2)

    assert id_token(rp, rp.tokens())["auth_time"] == int(first.timestamp())
    asked = rp.authorize(prompt="select_account")
    assert query(asked)["reauthenticate"] == "1"
    assert "code" in rp.answer(rp.browser.get(query(asked)["next"]))


@pytest.mark.parametrize("prompt", ["select_account", "create"])
def test_choosing_and_making_an_account_happen_at_the_host(host, rp, clock, prompt):
    ada = id_token(rp, sign_in_to(rp))["sub"]
    clock.advance(minutes=1)

    asked = rp.authorize(prompt=prompt)
    clock.advance(minutes=1)
    answer = rp.answer(sign_in_at_host(rp.browser, "8", at=asked))

    assert id_token(rp, rp.redeem(answer["code"]).get_json())["sub"] != ada


def test_a_hint_that_names_somebody_else_leads_to_the_login_view(host, rp, clock):
    tokens = sign_in_to(rp, "8")
    ada = sign_in_at_host(rp.browser, "7")
    assert ada.status_code == 303
    clock.advance(minutes=1)

    asked = rp.authorize(id_token_hint=tokens["id_token"])
    clock.advance(minutes=1)

    assert query(asked)["reauthenticate"] == "1"
    assert "code" in rp.answer(sign_in_at_host(rp.browser, "8", at=asked))
    clock.advance(minutes=1)
    asked = rp.authorize(id_token_hint=tokens["id_token"], prompt="login")
    clock.advance(minutes=1)
    answer = rp.answer(sign_in_at_host(rp.browser, "7", at=asked))
    assert answer["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize(("amr", "acr"), [(("hwk", "user"), "phrh"), (("pop",), "phr"), (("pwd", "otp"), "1")])
def test_acr_follows_from_how_the_host_signed_in(host, rp, amr, acr):
    host.amr = amr

    claims = id_token(rp, sign_in_to(rp))

    assert (claims["acr"], claims["amr"]) == (acr, list(amr))


def test_a_class_that_the_host_does_not_reach_is_refused_after_it_tried(host, rp, clock):
    sign_in_to(rp)
    clock.advance(minutes=1)
    asked = rp.authorize(acr_values="phr")
    clock.advance(minutes=1)
    weak = sign_in_at_host(rp.browser, "7", at=asked)
    assert rp.answer(weak)["error"] == "unmet_authentication_requirements"

    host.amr = ("pop", "user")
    asked = rp.authorize(acr_values="phr")
    assert "code" in rp.answer(asked)  # the host signed the person in more strongly without being asked
