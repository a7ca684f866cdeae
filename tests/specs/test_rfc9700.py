"""RFC 9700: the security practices that concern the authorization endpoint, by their sections."""

from dataclasses import replace

import pytest

from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.protocol.redirect_uris import check_redirect_uri
from tests.authorization import CODE
from tests.authorization import PAGE
from tests.authorization import WEB
from tests.authorization import outcome
from tests.authorization import refusal
from tests.evidence import contents
from tests.tenants import PREFIX
from tests.tenants import connect
from tests.tenants import make_user
from tests.tenants import sign_in_browser
from tests.web.deciding import allow

on_one_kind = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For what does not depend on the kind of database."""


# Section 2.1: redirect-based flows


@pytest.mark.parametrize(
    "uri", ["https://*.rp.example/cb", "https://rp.example/*", "https://rp.example/", "https://rp.example/cb?"]
)
def test_addresses_have_no_patterns(uri):
    wide = replace(WEB, redirect_uris=frozenset({uri}))

    for asked in ("https://a.rp.example/cb", "https://rp.example/x", "https://rp.example/cb"):
        assert refusal(wide, redirect_uri=asked) is PAGE


@on_one_kind
def test_state_is_a_value_of_its_own_for_each_request(rp):
    answers = [rp.answer(rp.authorize(state=state))["state"] for state in ("one", "two", "one")]

    assert answers == ["one", "two", "one"]


# Section 2.1.1: what ties a code to its request


@on_one_kind
def test_nonce_of_the_request_is_the_nonce_of_the_token(rp):
    tokens = rp.redeem(rp.code(nonce="n" * 43)).get_json()

    assert rp.claims(tokens["id_token"])["nonce"] == "n" * 43
    assert outcome(rp.authorize(nonce=None)) == CODE


# Section 2.1.2: no tokens from the authorization endpoint


@pytest.mark.parametrize(
    "response_type", ["token", "id_token", "id_token token", "code token", "code id_token", "code id_token token"]
)
def test_no_token_comes_with_the_redirect(response_type):
    assert refusal(response_type=response_type, nonce="n") == "unsupported_response_type"


@on_one_kind
def test_metadata_offers_no_other_way(rp):
    metadata = rp.machine.get(f"{PREFIX}/shop/.well-known/openid-configuration").get_json()

    assert metadata["response_types_supported"] == ["code"]
    assert metadata["response_modes_supported"] == ["query"]
    assert metadata["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]


# Section 2.6: other recommendations


def test_plain_http_is_for_the_own_machine_alone():
    with pytest.raises(InvalidInput):
        check_redirect_uri(
            "http://rp.example/cb",
            application_type="web",
            application_uri="https://rp.example",
            field="redirect_uris",
        )
    assert refusal(replace(WEB, redirect_uris=frozenset({"http://rp.example/cb"}))) is PAGE


# Section 4.2: leaks through the referrer


@on_one_kind
def test_pages_of_the_flow_tell_nobody_where_they_were_and_load_from_nobody(app, rp):
    asking = connect(app, browser=rp.browser, first_party=False)
    waiting = asking.authorize().headers["Location"]
    pages = [
        asking.browser.get(waiting),
        asking.browser.get(asking.authorize(prompt="login").headers["Location"]),
        asking.authorize(client_id="x"),
    ]

    for page in pages:
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert 'src="http' not in page.text
        assert 'src="//' not in page.text
        assert '<link href="http' not in page.text


# Section 4.5: code injection


def test_code_of_a_victim_is_of_no_use_in_another_session(app, rp):
    attacker = connect(app, browser=app.test_client(), name="Attacker")
    sign_in_browser(app, attacker.browser, make_user(app, email="mallory@example.com"))
    injected = rp.code()
    before = contents(app)

    with_own_challenge = rp.redeem(injected, code_verifier=attacker.verifier)
    through_own_app = attacker.redeem(injected, code_verifier=rp.verifier, redirect_uri=rp.redirect_uri)

    assert with_own_challenge.get_json()["error"] == "invalid_grant"
    assert through_own_app.get_json()["error"] == "invalid_grant"
    assert contents(app) == before
    tokens = rp.redeem(injected).get_json()
    assert rp.claims(tokens["id_token"])["nonce"] == rp.nonce


# Section 4.11.2: the provider as an open redirector


@on_one_kind
def test_only_an_error_of_a_proven_request_redirects(rp):
    assert outcome(rp.authorize(client_id="x", redirect_uri="https://evil.test", scope="x")) == PAGE
    assert outcome(rp.authorize(redirect_uri="https://evil.test", scope="x", prompt="none")) == PAGE
    assert outcome(rp.authorize(scope="x")) == "invalid_scope"


@on_one_kind
def test_no_address_in_a_parameter_of_ours_is_gone_to(rp):
    """Row B13 of the threats: pages that come back know where to by themselves."""
    for name in ("next", "request", "return_to", "redirect", "url", "target_link_uri"):
        for value in (
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "https:evil.test",
            "https://evil.test",
            "\0",
            "a\n",
        ):
            for path in ("authorize/resume", "login", "signup", "logout", "logout/resume", "authorize"):
                response = rp.browser.get(f"{PREFIX}/shop/{path}", query_string={name: value})
                location = response.headers.get("Location", "/identity/shop/")
                assert response.status_code < 500
                assert location.startswith("/identity/shop/"), (name, value, path)
                assert "evil" not in location


# Section 4.12: 307 redirects


@on_one_kind
def test_what_was_posted_to_us_is_not_posted_to_the_app(app, rp):
    asking = connect(app, browser=rp.browser, first_party=False)

    answered = allow(asking, asking.authorize())

    assert answered.status_code == 303
    assert answered.get_data() == b""


# Section 4.15: clients that pose as people


@on_one_kind
def test_client_id_is_never_a_subject(app, rp, sub):
    assert sub != rp.client_id
    assert rp.claims(rp.tokens()["id_token"])["sub"] == sub


# Section 4.16: clickjacking


@on_one_kind
def test_consent_cannot_be_framed(app, rp):
    asking = connect(app, browser=rp.browser, first_party=False)

    page = asking.browser.get(asking.authorize().headers["Location"])

    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    # Row B10: Chromium would apply it to the redirect that ends at the app.
    assert "form-action" not in page.headers["Content-Security-Policy"]
