"""OpenID Connect Core 1.0: authentication requests and their answers, sections 3.1.2.1 to 3.1.2.6, 5.5 and 11."""

import base64
import json
from dataclasses import replace

import pytest

from flask_hanko_identity.protocol.passkeys import DEVICE_BOUND
from flask_hanko_identity.protocol.passkeys import SYNCED
from flask_hanko_identity.protocol.passkeys import Assurance
from tests.authorization import CODE
from tests.authorization import CONSENT
from tests.authorization import LOGIN
from tests.authorization import PAGE
from tests.authorization import outcome
from tests.evidence import contents
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser

AUTHORIZE = f"{PREFIX}/shop/authorize"
SILENT = {"prompt": "none"}

on_one_kind = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For what does not depend on the kind of database."""


@pytest.fixture
def nobody(app, rp) -> RelyingParty:
    """The same app in a browser that nobody has signed in with."""
    party: RelyingParty = replace(rp, browser=app.test_client())
    return party


def resume(rp: RelyingParty, response):
    """Take up the request that ``response`` sent to a page of ours."""
    handle = response.headers["Location"].partition("request=")[2]
    return rp.browser.get(f"{AUTHORIZE}/resume?request={handle}")


@pytest.fixture
def sign_in(app, rp, sub, clock):
    """Ada, or somebody else, signs in a moment later."""

    def later(who: str = sub, assurance: Assurance = DEVICE_BOUND) -> None:
        clock.advance(seconds=1)
        sign_in_browser(app, rp.browser, who, assurance=assurance)

    return later


def id_token_of(rp: RelyingParty, response) -> dict[str, object]:
    tokens = rp.redeem(rp.answer(response)["code"]).get_json()
    return rp.claims(tokens["id_token"])


# Section 3.1.2.1: GET and POST


def test_post_from_another_site_goes_on_by_get_with_the_cookies(app, rp, nobody):
    """A browser leaves SameSite=Lax cookies out of it, so nothing can be known of the person, nor be overwritten."""
    parked = nobody.browser.post(AUTHORIZE, data=rp.parameters(), headers={"Origin": "https://rp.example"})
    assert parked.headers["Location"].startswith(f"{AUTHORIZE}/resume?request=")
    assert "Set-Cookie" not in parked.headers

    answered = rp.browser.get(parked.headers["Location"])

    assert outcome(answered) == CODE
    assert id_token_of(rp, answered)["nonce"] == rp.nonce


@on_one_kind
def test_post_is_answered_as_a_get_is(rp, nobody):
    for changes in ({}, {"prompt": "login"}, {"prompt": "none"}, {"prompt": "none", "max_age": "0"}, {"max_age": "0"}):
        for party in (rp, nobody):
            parked = party.browser.post(AUTHORIZE, data=party.parameters(**changes))
            posted = party.browser.get(parked.headers["Location"])
            assert outcome(posted) == outcome(party.authorize(**changes)), changes


def test_post_with_a_fault_is_refused_at_once(app, rp):
    before = contents(app)

    assert outcome(rp.browser.post(AUTHORIZE, data=rp.parameters(scope="x"))) == "invalid_scope"
    assert outcome(rp.browser.post(AUTHORIZE, data=rp.parameters(redirect_uri="https://evil.test"))) == PAGE
    assert contents(app) == before


def test_parked_request_belongs_to_the_first_browser_that_goes_on(rp, nobody):
    parked = rp.browser.post(AUTHORIZE, data=rp.parameters(prompt="login")).headers["Location"]

    assert outcome(rp.browser.get(parked)) == LOGIN
    assert outcome(nobody.browser.get(parked)) == PAGE


def test_parked_prompt_login_is_not_answered_by_the_session_that_was_there(rp, clock):
    parked = rp.browser.post(AUTHORIZE, data=rp.parameters(prompt="login")).headers["Location"]
    clock.advance(seconds=1)

    assert outcome(rp.browser.get(parked)) == LOGIN


@on_one_kind
def test_parameters_that_we_may_ignore_are_accepted(rp):
    ignored = {
        "display": "popup",
        "ui_locales": "se de-CH xx-invalid",
        "claims_locales": "se",
        "login_hint": "buffy@example.com",
        "response_mode": "query",
        "extra": "foobar",
    }
    for name, value in ignored.items():
        assert outcome(rp.authorize(**{name: value})) == CODE, name


@on_one_kind
def test_login_hint_only_fills_in_the_page(nobody):
    page = nobody.browser.get(nobody.authorize(login_hint='"><b>nobody@example.com').headers["Location"])

    assert page.status_code == 200
    assert "&gt;&lt;b&gt;nobody@example.com" in page.text
    assert "<b>nobody" not in page.text


@on_one_kind
def test_scopes_may_stand_in_any_order(rp):
    tokens = rp.tokens(scope="phone email openid")

    assert set(tokens["scope"].split()) == {"openid", "email", "phone"}


# prompt


def test_prompt_none_never_shows_a_page(app, rp, nobody):
    asking = connect(app, browser=rp.browser, first_party=False)
    before = contents(app)

    answers = {
        "nobody is signed in": nobody.authorize(**SILENT, state="x" * 128),
        "signed in too long ago": rp.authorize(**SILENT, max_age="0"),
        "not asked yet": asking.authorize(**SILENT),
    }

    assert {name: outcome(each) for name, each in answers.items()} == {
        "nobody is signed in": "login_required",
        "signed in too long ago": "login_required",
        "not asked yet": "consent_required",
    }
    assert contents(app) == before


def test_prompt_none_with_a_session_keeps_sub_and_auth_time(rp, clock):
    first = id_token_of(rp, rp.authorize())
    clock.advance(hours=1)

    second = id_token_of(rp, rp.authorize(**SILENT))

    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


def test_prompt_login_needs_a_new_sign_in(rp, sign_in, clock):
    """Row A24: the demand is kept with the request, so the way back cannot be taken with the old session."""
    before = id_token_of(rp, rp.authorize())
    waiting = rp.authorize(prompt="login")
    assert outcome(waiting) == LOGIN
    clock.advance(seconds=1)
    assert outcome(resume(rp, waiting)) == LOGIN
    sign_in()

    after = id_token_of(rp, resume(rp, waiting))

    assert int(str(after["auth_time"])) > int(str(before["auth_time"]))


def test_request_that_waited_is_answered_once(rp, sign_in):
    waiting = rp.authorize(prompt="login")
    sign_in()

    assert outcome(resume(rp, waiting)) == CODE
    assert outcome(resume(rp, waiting)) == PAGE


@on_one_kind
def test_prompt_create_and_select_account_lead_to_their_pages(rp, nobody):
    assert {outcome(each.authorize(prompt="create")) for each in (nobody, rp)} == {"signup"}
    assert outcome(rp.authorize(prompt="select_account")) == "accounts"
    assert outcome(nobody.authorize(prompt="select_account")) == LOGIN


# max_age


def test_max_age_counts_from_the_sign_in(rp, sign_in, clock):
    clock.advance(seconds=10)
    assert outcome(rp.authorize(max_age="10")) == CODE
    clock.advance(seconds=1)
    waiting = rp.authorize(max_age="10")
    assert outcome(waiting) == LOGIN
    assert outcome(resume(rp, waiting)) == LOGIN
    assert outcome(rp.authorize(max_age="10000")) == CODE
    sign_in()

    assert id_token_of(rp, resume(rp, waiting))["auth_time"] == int(clock().timestamp())


def test_max_age_zero_is_a_new_sign_in(rp, sign_in):
    waiting = rp.authorize(max_age="0")

    assert outcome(waiting) == LOGIN
    assert outcome(resume(rp, waiting)) == LOGIN
    sign_in()
    assert outcome(resume(rp, waiting)) == CODE


# id_token_hint


def test_hint_of_the_person_who_is_signed_in(rp, clock):
    hint = rp.tokens()["id_token"]
    assert outcome(rp.authorize(**SILENT, id_token_hint=hint)) == CODE
    clock.advance(days=2)

    assert outcome(rp.authorize(**SILENT, id_token_hint=hint)) == CODE


def test_hint_of_somebody_else_never_yields_a_code(app, rp, sign_in):
    hint = rp.tokens()["id_token"]
    bob = make_user(app, email="bob@example.com")
    sign_in(bob)

    assert outcome(rp.authorize(**SILENT, id_token_hint=hint)) == "login_required"
    waiting, again = rp.authorize(id_token_hint=hint), rp.authorize(id_token_hint=hint)
    assert outcome(waiting) == LOGIN
    sign_in(bob)
    assert outcome(resume(rp, waiting)) == "unmet_authentication_requirements"
    sign_in()
    assert outcome(resume(rp, again)) == CODE


@on_one_kind
def test_hint_that_is_not_ours_says_nothing(app, rp):
    make_tenant(app, "other", number=1)
    there = connect(app, "other", browser=rp.browser)
    sign_in_browser(app, rp.browser, make_user(app, "other"), "other")
    of_another_app = connect(app, browser=rp.browser).tokens()["id_token"]
    header, payload, signature = rp.tokens()["id_token"].split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    bob = make_user(app, email="bob@example.com")
    sign_in_browser(app, rp.browser, bob)
    hints = {
        "garbage": "x.y.z",
        "unsigned": f"{none}.{payload}.",
        "changed": f"{header}.{payload[:-2]}AA.{signature}",
        "another project's": there.tokens()["id_token"],
        "another app's": of_another_app,
        "long": "a" * 7000,
        "an access token": rp.tokens()["access_token"],
    }

    assert {name: outcome(rp.authorize(id_token_hint=hint)) for name, hint in hints.items()} == dict.fromkeys(
        hints, CODE
    )


# acr_values, and section 5.5.1.1


@on_one_kind
def test_class_in_the_token_is_one_of_those_asked_for(app, rp, sub):
    sign_in_browser(app, rp.browser, sub, assurance=DEVICE_BOUND)

    for asked, told in ((None, "phrh"), ("1 phr phrh", "phrh"), ("phr", "phr"), ("1", "1"), ("gold", "phrh")):
        assert id_token_of(rp, rp.authorize(acr_values=asked))["acr"] == told


@on_one_kind
def test_stronger_class_needs_a_stronger_sign_in(rp, sub, sign_in):
    sign_in(sub, SYNCED)
    waiting, again = rp.authorize(acr_values="phrh"), rp.authorize(acr_values="phrh")
    assert outcome(waiting) == LOGIN
    assert outcome(rp.authorize(acr_values="phrh", **SILENT)) == "login_required"

    sign_in(sub, SYNCED)
    assert outcome(resume(rp, waiting)) == "unmet_authentication_requirements"
    sign_in(sub, DEVICE_BOUND)
    assert id_token_of(rp, resume(rp, again))["acr"] == "phrh"


@on_one_kind
def test_essential_class_is_met_or_the_request_fails(rp, sign_in):
    unknown = json.dumps({"id_token": {"acr": {"essential": True, "values": ["gold"]}}})
    waiting = rp.authorize(claims=unknown)
    assert outcome(waiting) == LOGIN

    sign_in()
    assert outcome(resume(rp, waiting)) == "unmet_authentication_requirements"
    met = json.dumps({"id_token": {"acr": {"essential": True, "values": ["gold", "phr"]}}})
    assert id_token_of(rp, rp.authorize(claims=met))["acr"] == "phr"


# Section 5.5: claims


def test_claims_come_where_they_were_asked_for(rp):
    asked = {"userinfo": {"name": {"essential": True}}, "id_token": {"email": None}}
    tokens = rp.tokens(scope="openid", claims=json.dumps(asked))

    assert rp.userinfo(tokens["access_token"]).get_json()["name"] == "Ada Lovelace"
    id_token = rp.claims(tokens["id_token"])
    assert id_token["email"] == "ada@example.com"
    assert "name" not in id_token


@on_one_kind
def test_claims_cannot_replace_what_we_say(rp, sub):
    asked = {"id_token": {"sub": {"value": "bob"}, "aud": {"value": "x"}, "acr": None, "amr": {"values": ["pwd"]}}}
    id_token = rp.claims(rp.tokens(claims=json.dumps(asked))["id_token"])

    assert (id_token["sub"], id_token["aud"]) == (sub, rp.client_id)
    assert "pwd" not in id_token["amr"]


# Section 3.1.2.6, and section 11


@on_one_kind
def test_request_objects_and_registrations_are_refused_by_their_names(rp):
    for name in ("request", "request_uri", "registration"):
        assert outcome(rp.authorize(**{name: "x"})) == f"{name}_not_supported"
        assert outcome(rp.authorize(**{name: "x"}, redirect_uri="https://evil.test")) == PAGE
    metadata = rp.machine.get(f"{PREFIX}/shop/.well-known/openid-configuration").get_json()
    assert metadata["request_parameter_supported"] is metadata["request_uri_parameter_supported"] is False


@on_one_kind
def test_offline_access_is_ignored_where_the_app_may_not_refresh(app, rp):
    without = connect(app, browser=rp.browser, refresh_tokens=False)

    tokens = without.tokens(scope="openid offline_access")

    assert tokens["scope"] == "openid"
    assert "refresh_token" not in tokens
    asking = connect(app, browser=rp.browser, first_party=False)
    assert outcome(asking.authorize(scope="openid offline_access")) == CONSENT
