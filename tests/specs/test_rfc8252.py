"""RFC 8252: apps on people's devices. Rows A05 and A06."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.protocol.redirect_uris import check_redirect_uri
from tests.authorization import CONSENT
from tests.authorization import NATIVE
from tests.authorization import PAGE
from tests.authorization import WEB
from tests.authorization import outcome
from tests.authorization import refusal
from tests.tenants import RelyingParty
from tests.tenants import connect_native
from tests.tenants import sign_in_browser
from tests.web.deciding import allow

on_one_kind = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For what does not depend on the kind of database."""


@pytest.fixture
def app_of(app, sub):
    """Connects a native app with one address, in a browser that Ada has signed in with."""

    def make(redirect_uri: str, **values) -> RelyingParty:
        party = connect_native(app, redirect_uris=[redirect_uri], **{"first_party": False, **values})
        sign_in_browser(app, party.browser, sub)
        return party

    return make


def native(*uris: str):
    return replace(NATIVE, redirect_uris=frozenset(uris))


# Section 7.1: private-use schemes


@pytest.mark.parametrize(
    "uri",
    [
        "myapp:/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "intent://x#Intent;end",
        "blob:https://x",
        "com.evil.app:/cb",
        "COM.example.app:/cb",
        "com.example.app.evil:/cb",
        "com.example:/cb",
        "com.example.app:cb",
    ],
)
def test_scheme_is_the_apps_own_package_name(uri):
    with pytest.raises(InvalidInput):
        check_redirect_uri(uri, application_type="native", application_uri="com.example.app", field="redirect_uris")
    assert refusal(native("com.example.app:/cb"), redirect_uri=uri) is PAGE


def test_answer_arrives_at_a_private_use_scheme(app_of):
    party = app_of("com.example.app:/cb")

    answer = party.answer(allow(party, party.authorize()))

    assert party.redeem(answer["code"]).status_code == 200


@on_one_kind
def test_what_follows_the_scheme_is_not_shown_as_a_host(app_of):
    party = app_of("com.example.app://bank.example/cb")

    page = party.browser.get(party.authorize().headers["Location"])

    assert "<strong>com.example.app</strong>" in page.text
    assert "bank.example" not in page.text


# Section 7.2: claimed https addresses


def test_claimed_https_address_is_exact():
    claimed = native("https://app.example/cb")

    assert refusal(claimed) is None
    assert refusal(claimed, redirect_uri="https://app.example:8443/cb") is PAGE


# Sections 7.3 and 8.3: the loopback address


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
@pytest.mark.parametrize("registered_port", ["", ":8080"])
def test_port_is_chosen_at_the_time_of_the_request(host, registered_port):
    client = native(f"http://{host}{registered_port}/cb")

    for port in ("", ":1", ":8080", ":51004", ":65535"):
        assert refusal(client, redirect_uri=f"http://{host}{port}/cb") is None
    for port in (":", ":0", ":65536", ":-1", ":08080", ":1:2"):
        assert refusal(client, redirect_uri=f"http://{host}{port}/cb") is PAGE


def test_one_loopback_address_is_not_another():
    for registered, asked in (("127.0.0.1", "localhost"), ("localhost", "127.0.0.1"), ("127.0.0.1", "[::1]")):
        assert refusal(native(f"http://{registered}/cb"), redirect_uri=f"http://{asked}:5000/cb") is PAGE


def test_app_on_a_server_has_no_free_port():
    client = replace(WEB, redirect_uris=frozenset({"http://127.0.0.1/cb"}))

    assert refusal(client, redirect_uri="http://127.0.0.1/cb") is None
    assert refusal(client, redirect_uri="http://127.0.0.1:5000/cb") is PAGE


def test_code_is_redeemed_with_the_port_that_was_asked_for(app_of):
    party = app_of("http://127.0.0.1/cb")
    asked = "http://127.0.0.1:51004/cb"
    location = allow(party, party.authorize(redirect_uri=asked)).headers["Location"]
    assert urlsplit(location).netloc == "127.0.0.1:51004"
    code = dict(part.split("=") for part in urlsplit(location).query.split("&"))["code"]

    for other in ("http://127.0.0.1/cb", "http://127.0.0.1:51005/cb"):
        assert party.redeem(code, redirect_uri=other).get_json()["error"] == "invalid_grant"
    assert party.redeem(code, redirect_uri=asked).status_code == 200


# Sections 8.1 and 8.5: apps without a secret


def test_pkce_is_required():
    assert refusal(NATIVE, code_challenge=None, code_challenge_method=None) == "invalid_request"


@on_one_kind
def test_secret_is_not_asked_for_and_not_accepted(app_of):
    party = app_of("http://127.0.0.1/cb")
    code = party.answer(allow(party, party.authorize()))["code"]

    assert party.redeem(code, client_secret="invented").status_code == 401
    assert party.redeem(code).status_code == 200


# Section 8.6: nobody can tell which app on the device it is


@pytest.mark.parametrize("uri", ["http://127.0.0.1/cb", "com.example.app:/cb"])
def test_person_is_asked_each_time(app_of, uri):
    party = app_of(uri)
    allow(party, party.authorize())

    assert outcome(party.authorize()) == CONSENT
    assert outcome(party.authorize(prompt="none")) == "consent_required"


@on_one_kind
def test_person_is_asked_once_for_a_claimed_address(app_of):
    party = app_of("https://app.example/cb")
    allow(party, party.authorize())

    assert "code" in party.answer(party.authorize())
