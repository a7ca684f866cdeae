"""RFC 6749: the authorization endpoint and its answers."""

import re
from urllib.parse import parse_qsl
from urllib.parse import urlsplit

import pytest

from flask_hanko_identity.flows.clients import disable_client
from flask_hanko_identity.storage.clients import find_client
from tests.authorization import CODE
from tests.authorization import LOGIN
from tests.authorization import PAGE
from tests.authorization import outcome
from tests.evidence import contents
from tests.management import make_context
from tests.tenants import PREFIX
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser

AUTHORIZE = f"{PREFIX}/shop/authorize"

on_one_kind = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For what does not depend on the kind of database."""


# Section 3.1: the endpoint


@on_one_kind
def test_endpoint_speaks_get_and_post_and_nothing_else(rp):
    for method in ("PUT", "PATCH", "DELETE", "TRACE"):
        response = rp.browser.open(AUTHORIZE, method=method, query_string=rp.parameters())
        assert response.status_code == 405
        assert {"GET", "POST"} <= set(re.split(", *", response.headers["Allow"]))


@on_one_kind
def test_parameter_without_a_value_counts_as_left_out(rp):
    for name in ("response_type", "client_id", "redirect_uri", "scope"):
        assert outcome(rp.authorize(**{name: ""})) == outcome(rp.authorize(**{name: None})), name
    empty = {"state": "", "nonce": "", "prompt": "", "max_age": "", "claims": "", "request": "", "request_uri": ""}

    assert set(rp.answer(rp.authorize(**empty))) == {"code", "iss"}


@on_one_kind
def test_unrecognized_parameters_are_ignored(rp):
    assert outcome(rp.authorize(foo="bar", code="x", access_token="y", iss="https://evil.test", error="z")) == CODE


def test_body_counts_only_as_a_form(app, rp):
    before = contents(app)

    as_json = rp.browser.post(AUTHORIZE, json=rp.parameters())
    as_multipart = rp.browser.post(AUTHORIZE, data=rp.parameters(), content_type="multipart/form-data")
    not_utf8 = rp.browser.post(AUTHORIZE, data=b"client_id=\xff", content_type="application/x-www-form-urlencoded")

    assert [outcome(each) for each in (as_json, as_multipart, not_utf8)] == [PAGE] * 3
    assert contents(app) == before


@on_one_kind
def test_body_of_a_get_does_not_count(rp):
    form = "application/x-www-form-urlencoded"

    assert outcome(rp.browser.get(AUTHORIZE, data=rp.parameters(), content_type=form)) == PAGE


# Section 3.1.2.4: an invalid client or redirect URI


@on_one_kind
def test_browser_is_not_sent_to_an_address_that_is_not_proven(rp):
    for changes in ({"redirect_uri": "https://evil.test/cb"}, {"redirect_uri": None}, {"client_id": "nobody"}):
        response = rp.authorize(**changes)

        assert response.status_code == 400
        assert response.mimetype == "text/html"
        assert "Location" not in response.headers
        assert "evil.test" not in response.text + str(response.headers)
        assert re.search(r"<code>[0-9a-f]{12}</code>", response.text)


def test_app_of_another_project_is_unknown_here(app, rp, sub):
    make_tenant(app, "other", number=1)
    stranger = connect(app, "other", browser=rp.browser)
    sign_in_browser(app, rp.browser, make_user(app, "other"), "other")
    before = contents(app)

    here = rp.browser.get(AUTHORIZE, query_string=stranger.parameters())

    assert outcome(here) == PAGE
    assert contents(app) == before
    assert outcome(stranger.authorize()) == CODE


def test_session_of_another_project_is_nobody_here(app, rp):
    make_tenant(app, "other", number=1)
    there = connect(app, "other", browser=rp.browser)

    assert outcome(there.authorize()) == LOGIN
    assert outcome(rp.authorize()) == CODE


def test_what_was_registered_is_checked_again_when_the_person_comes_back(app, rp):
    waiting = rp.authorize(prompt="consent").headers["Location"]
    with app.app_context():
        ctx = make_context(app, "shop")
        client = find_client(ctx.session, project_id=ctx.project.id, client_id=rp.client_id)
        assert client is not None
        disable_client(ctx, client)

    response = rp.browser.get(waiting)

    assert outcome(response) == PAGE


# Section 4.1.2: the response


@on_one_kind
def test_answer_holds_the_code_and_the_state_exactly(rp):
    for state in ("a", "é😀", "a b+c%20d&e=f#g?h/i", "'\"<>\\", "x" * 128, "%", "null"):
        answer = parse_qsl(urlsplit(rp.authorize(state=state).headers["Location"]).query)
        assert answer[1] == ("state", state)
        assert [name for name, _ in answer] == ["code", "state", "iss"]


@on_one_kind
def test_answer_without_a_state_has_none(rp):
    assert set(rp.answer(rp.authorize(state=None))) == {"code", "iss"}


def test_code_cannot_be_guessed_and_is_not_kept(app, rp, canaries):
    codes = {rp.code() for _ in range(20)}

    for code in codes:
        canaries.add(code)
    assert len(codes) == 20
    assert all(re.fullmatch("[0-9A-Za-z]{43}", code) for code in codes)
    assert not any(code in repr(contents(app)) for code in codes)


def test_code_belongs_to_the_app_and_the_address_that_it_was_made_for(app, rp):
    other = connect(app, browser=rp.browser, name="Library", redirect_uris=["https://rp.example/cb"])
    code = rp.code()

    stolen = other.redeem(code, code_verifier=rp.verifier)
    elsewhere = rp.redeem(code, redirect_uri="https://rp.example/other")
    nowhere = rp.redeem(code, redirect_uri=None)

    assert [each.get_json()["error"] for each in (stolen, elsewhere, nowhere)] == [
        "invalid_grant",
        "invalid_grant",
        "invalid_request",
    ]
    assert rp.redeem(code).status_code == 200


# Section 4.1.2.1: the error response


@on_one_kind
def test_error_goes_back_with_the_state(rp):
    answer = rp.answer(rp.authorize(response_type="token", state="x" * 128))

    assert answer["error"] == "unsupported_response_type"
    assert answer["state"] == "x" * 128
    assert set(answer) == {"error", "error_description", "state", "iss"}


@on_one_kind
def test_repeated_state_is_not_guessed_at(rp):
    assert "state" not in rp.answer(rp.authorize(state=["a", "b"]))


@on_one_kind
def test_line_break_never_reaches_the_location(rp):
    for state in ("a\r\nSet-Cookie: x=y", "\n", "a\0b"):
        location = rp.authorize(state=state).headers["Location"]
        assert "invalid_request" in location
        assert not re.search("[\r\n\0]|%0[dDaA0]", location)


# Sections 5.1 and 10.13: what the browser may do with it


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="code"),
        pytest.param({"scope": "x"}, id="error"),
        pytest.param({"client_id": "x"}, id="page"),
        pytest.param({"prompt": "login"}, id="login"),
    ],
)
@on_one_kind
def test_answer_is_not_stored_nor_framed_nor_told_onward(rp, changes):
    headers = rp.authorize(**changes).headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


@on_one_kind
def test_issuer_and_addresses_never_come_from_the_host_header(rp):
    """Row B17 of the threats."""
    for host in ("evil.test", "a.test, b.test", "id@evil", "[::1", "a b", "evil.test:99999", "localhost:70000", ""):
        headers = {"Host": host, "X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test"}
        refused = rp.browser.get(AUTHORIZE, query_string=rp.parameters(scope="x"), headers=headers)
        waiting = rp.browser.get(AUTHORIZE, query_string=rp.parameters(prompt="login"), headers=headers)

        assert rp.answer(refused)["iss"] == "http://localhost/identity/shop", host
        assert waiting.headers["Location"].startswith(f"{PREFIX}/shop/login?request="), host


@on_one_kind
def test_endpoint_answers_no_other_site(rp):
    """Row B19 of the threats: no CORS here."""
    response = rp.browser.options(
        AUTHORIZE, headers={"Origin": "https://rp.example", "Access-Control-Request-Method": "GET"}
    )

    assert not [name for name in response.headers.keys() if name.lower().startswith("access-control")]
