"""Consent: who is asked, what they see, and that only they can answer. Rows A27 and B05."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from flask_hanko_identity.storage import Consent
from tests.authorization import CONSENT
from tests.authorization import LOGIN
from tests.authorization import PAGE
from tests.authorization import outcome
from tests.evidence import contents
from tests.evidence import events
from tests.evidence import in_parallel
from tests.tenants import ADA
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import connect
from tests.tenants import connect_native
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser
from tests.web.deciding import allow
from tests.web.deciding import consent_page
from tests.web.deciding import deny
from tests.web.deciding import fields_of
from tests.web.deciding import submit

DECISION = f"{PREFIX}/shop/authorize/decision"

on_one_kind = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For what does not depend on the kind of database."""


@pytest.fixture
def ada(app) -> str:
    make_tenant(app)
    return make_user(app, **ADA)


@pytest.fixture
def rp(app, ada) -> RelyingParty:
    """A third party's app in the browser that Ada has signed in with."""
    party = connect(app, first_party=False)
    party.scope = "openid email"
    sign_in_browser(app, party.browser, ada)
    return party


def copy_of(app, rp: RelyingParty) -> RelyingParty:
    """The same browser once more, for requests at the same time."""
    browser = app.test_client()
    for cookie in (rp.browser._cookies or {}).values():
        browser.set_cookie(cookie.key, cookie.value, path="/")
    copy: RelyingParty = replace(rp, browser=browser)
    return copy


def consents(app) -> list[str]:
    with app.app_context():
        return list(app.extensions["hanko_identity"].session.scalars(select(Consent.scope)))


@on_one_kind
def test_page_says_who_asks_for_what_and_where_it_goes(rp):
    page = consent_page(rp, rp.authorize(scope="openid email phone offline_access"))

    text = page.text
    assert "Bookshop" in text
    assert "<strong>rp.example</strong>" in text
    assert "Ada Lovelace" in text
    for sentence in ("Know that it is you", "your e-mail address", "your phone number", "while you are away"):
        assert sentence in text
    assert "postal address" not in text


def test_yes_is_remembered_for_what_it_was_said_to(app, rp):
    tokens = rp.redeem(rp.answer(allow(rp, rp.authorize()))["code"]).get_json()

    assert tokens["scope"] == "openid email"
    assert "code" in rp.answer(rp.authorize())
    assert "code" in rp.answer(rp.authorize(scope="openid", prompt="none"))
    assert consents(app) == ["openid email"]
    assert events(app).count("consent.given") == 1


def test_wider_request_asks_again_and_widens_what_is_remembered(app, rp):
    allow(rp, rp.authorize())

    assert outcome(rp.authorize(scope="openid phone", prompt="none")) == "consent_required"
    allow(rp, rp.authorize(scope="openid phone"))

    assert consents(app) == ["openid email phone"]
    assert "code" in rp.answer(rp.authorize(scope="openid phone email"))


def test_claims_asked_for_by_name_need_the_same_yes(app, rp):
    """OpenID Connect Core 1.0, sections 3.1.2.4 and 5.5."""
    allow(rp, rp.authorize(scope="openid"))
    claims = '{"userinfo": {"phone_number": null}, "id_token": {"birthdate": null}}'

    assert outcome(rp.authorize(scope="openid", claims=claims, prompt="none")) == "consent_required"
    page = consent_page(rp, rp.authorize(scope="openid", claims=claims))
    assert "your phone number" in page.text
    assert "profile details" in page.text
    answer = rp.answer(allow(rp, rp.authorize(scope="openid", claims=claims)))
    tokens = rp.redeem(answer["code"]).get_json()

    assert tokens["scope"] == "openid"
    assert rp.userinfo(tokens["access_token"]).get_json()["phone_number"] == ADA["phone_number"]
    assert rp.claims(tokens["id_token"])["birthdate"] == ADA["birthdate"]
    assert consents(app) == ["openid profile phone"]


def test_no_is_told_to_the_app_and_not_remembered(app, rp):
    answer = rp.answer(deny(rp, rp.authorize()))

    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", rp.state, rp.issuer)
    assert consents(app) == []
    assert outcome(rp.authorize()) == CONSENT


@on_one_kind
def test_no_does_not_take_back_an_earlier_yes(app, rp):
    allow(rp, rp.authorize())

    assert rp.answer(deny(rp, rp.authorize(prompt="consent")))["error"] == "access_denied"
    assert consents(app) == ["openid email"]


@on_one_kind
def test_prompt_consent_asks_although_remembered(rp):
    allow(rp, rp.authorize())

    assert outcome(rp.authorize(prompt="consent")) == CONSENT
    assert "code" in rp.answer(allow(rp, rp.authorize(prompt="consent")))


@on_one_kind
def test_first_party_is_not_asked_unless_it_wants_to(app, rp):
    ours = connect(app, browser=rp.browser)

    assert "code" in ours.answer(ours.authorize(scope="openid email phone"))
    assert outcome(ours.authorize(prompt="consent")) == CONSENT


@on_one_kind
def test_app_that_cannot_prove_itself_asks_each_time(app, rp):
    for uri in ("http://127.0.0.1/cb", "com.example.app:/cb"):
        party = connect_native(app, browser=rp.browser, redirect_uris=[uri], first_party=False)
        allow(party, party.authorize())
        page = consent_page(party, party.authorize())

        assert "cannot tell whether it is the real one" in page.text
        assert outcome(party.authorize(prompt="none")) == "consent_required"


def test_consent_is_each_persons_own_and_each_apps_own(app, rp):
    allow(rp, rp.authorize())
    other = connect(app, browser=rp.browser, first_party=False)
    bob = replace(rp, browser=app.test_client())
    sign_in_browser(app, bob.browser, make_user(app, email="bob@example.com"))

    assert outcome(other.authorize()) == CONSENT
    assert outcome(bob.authorize()) == CONSENT


# Row B05: only the browser and the session that saw the page may answer


def test_answer_from_elsewhere_gets_no_code(app, rp):
    fields = {**fields_of(consent_page(rp, rp.authorize())), "allow": "1"}
    mallory = replace(rp, browser=app.test_client())
    sign_in_browser(app, mallory.browser, make_user(app, email="mallory@example.com"))
    own = fields_of(consent_page(mallory, mallory.authorize()))
    before = contents(app)

    refused = {
        "no token": submit(rp, {**fields, "csrf_token": ""}),
        "another's token": submit(rp, {**fields, "csrf_token": own["csrf_token"]}),
        "another's browser": submit(mallory, fields),
        "another site": submit(rp, fields, Origin="https://evil.test"),
        "nowhere": submit(rp, fields, Origin="null"),
        "another site, by fetch metadata": submit(rp, fields, **{"Sec-Fetch-Site": "cross-site"}),
    }
    assert {name: each.status_code for name, each in refused.items()} == dict.fromkeys(refused, 403)

    stolen_handle = submit(mallory, {**own, "request": fields["request"], "allow": "1"})
    assert stolen_handle.status_code == 400
    assert all("Location" not in each.headers for each in (*refused.values(), stolen_handle))
    assert contents(app) == before
    assert "code" in rp.answer(submit(rp, fields))


def test_page_of_one_person_is_not_answered_by_the_next(app, rp):
    fields = {**fields_of(consent_page(rp, rp.authorize())), "allow": "1"}
    sign_in_browser(app, rp.browser, make_user(app, email="bob@example.com"))

    assert submit(rp, fields).status_code == 403
    assert "bob@example.com" in rp.browser.get(f"{PREFIX}/shop/authorize/resume?request={fields['request']}").text


@on_one_kind
def test_answer_after_signing_out_leads_to_sign_in(app, rp):
    allow(rp, rp.authorize(scope="openid"))
    waiting = rp.authorize().headers["Location"]
    rp.browser.delete_cookie("hanko_identity-shop", path="/")
    page = rp.browser.get(waiting)

    assert outcome(page) == LOGIN


@on_one_kind
def test_answer_is_one_of_two(rp):
    fields = fields_of(consent_page(rp, rp.authorize()))

    for answer in ({}, {"allow": "1", "deny": "1"}, {"allow": ""}, {"allow": "1", "request": ""}):
        assert outcome(submit(rp, {**fields, **answer})) == PAGE
    for handle in ("x", "\0", "é", "a" * 64, "a" * 65):
        assert outcome(submit(rp, {**fields, "allow": "1", "request": handle})) == PAGE
    assert rp.browser.get(DECISION).status_code == 405
    assert "code" in rp.answer(submit(rp, {**fields, "allow": "1"}))


def test_handle_is_answered_once(rp):
    for answer, expected in (("allow", "code"), ("deny", "error")):
        fields = fields_of(consent_page(rp, rp.authorize(prompt="consent")))
        assert expected in rp.answer(submit(rp, {**fields, answer: "1"}))

        assert outcome(submit(rp, {**fields, "allow": "1"})) == PAGE
        assert outcome(rp.browser.get(f"{PREFIX}/shop/authorize/resume?request={fields['request']}")) == PAGE


def test_handle_is_answered_once_by_requests_at_once(app, rp):
    fields = {**fields_of(consent_page(rp, rp.authorize())), "allow": "1"}
    browsers = [copy_of(app, rp) for _ in range(4)]

    answers = in_parallel(lambda number: submit(browsers[number], fields), times=4)

    assert sorted(each.status_code for each in answers) == [303, 400, 400, 400]
    assert len(contents(app)["hanko_authorization"]) == 1


def test_handle_is_over_in_time(rp, clock):
    fields = fields_of(consent_page(rp, rp.authorize()))
    clock.advance(minutes=30)

    assert outcome(submit(rp, {**fields, "allow": "1"})) == PAGE


def test_two_tabs_are_two_requests(app, rp):
    other = replace(connect(app, browser=rp.browser, first_party=False, name="Library"), scope="openid phone")
    one, two = (fields_of(consent_page(party, party.authorize())) for party in (rp, other))
    assert one["request"] != two["request"]

    second = other.answer(submit(other, {**two, "allow": "1"}))
    first = rp.answer(submit(rp, {**one, "deny": "1"}))

    assert (second["state"], "code" in second) == (other.state, True)
    assert (first["state"], first["error"]) == (rp.state, "access_denied")
    assert consents(app) == ["openid phone"]


def test_two_tabs_of_one_app_may_both_say_yes(app, rp):
    tabs = [fields_of(consent_page(rp, rp.authorize(state=state))) for state in ("one", "two")]

    answers = [rp.answer(submit(rp, {**tab, "allow": "1"})) for tab in tabs]

    assert [answer["state"] for answer in answers] == ["one", "two"]
    assert len({answer["code"] for answer in answers}) == 2
    assert consents(app) == ["openid email"]


def test_two_tabs_at_once_forget_nothing(app, rp):
    wanted = ("openid", "openid email", "openid phone", "openid address")
    tabs = [fields_of(consent_page(rp, rp.authorize(scope=scope))) for scope in wanted]
    browsers = [copy_of(app, rp) for _ in tabs]

    answers = in_parallel(lambda number: submit(browsers[number], {**tabs[number], "allow": "1"}), times=4)

    assert all("code" in rp.answer(answer) for answer in answers)
    assert consents(app) == ["openid email address phone"]


def test_waiting_request_is_of_no_use_in_another_browser(app, rp, ada):
    waiting = rp.authorize().headers["Location"]
    stranger = replace(rp, browser=app.test_client())
    sign_in_browser(app, stranger.browser, ada)

    for address in (
        waiting,
        waiting.replace("authorize/resume", "login"),
        waiting.replace("authorize/resume", "signup"),
    ):
        assert outcome(stranger.browser.get(address)) == PAGE
    assert outcome(rp.browser.get(waiting)) == CONSENT


@on_one_kind
def test_what_an_app_calls_itself_stays_text(app, rp):
    party = connect(app, browser=rp.browser, first_party=False, name="<b>Bank</b> & “Söhne”")

    page = consent_page(party, party.authorize())

    assert "&lt;b&gt;Bank&lt;/b&gt; &amp; “Söhne”" in page.text
    assert "<b>Bank" not in page.text
