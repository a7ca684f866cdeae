"""The ordered checks of an authorization request, without a database."""

from dataclasses import replace

import pytest

from flask_hanko_identity.protocol.authorization_request import KNOWN
from flask_hanko_identity.protocol.authorization_request import validate
from flask_hanko_identity.protocol.authorization_response import error_uri
from flask_hanko_identity.protocol.authorization_response import success_uri
from flask_hanko_identity.protocol.authorization_response import with_state
from flask_hanko_identity.protocol.errors import AuthorizationError
from flask_hanko_identity.protocol.errors import RequestRefused
from tests.authorization import CHALLENGE
from tests.authorization import NATIVE
from tests.authorization import PAGE
from tests.authorization import PROJECT
from tests.authorization import WEB
from tests.authorization import check
from tests.authorization import refusal

ISSUER = PROJECT.issuer


def error_of(**changes) -> AuthorizationError:
    with pytest.raises(AuthorizationError) as caught:
        check(**changes)
    return caught.value


def test_good_request():
    request = check(scope="openid email", state="x y", nonce="n", prompt="login consent", max_age="007")

    assert request.client is WEB
    assert request.redirect_uri == "https://rp.example/cb"
    assert request.scope == request.consent_scope == ("openid", "email")
    assert (request.state, request.nonce, request.max_age) == ("x y", "n", 7)
    assert request.prompt == {"login", "consent"}
    assert request.code_challenge == CHALLENGE


def test_what_is_kept_is_enough_to_check_it_again():
    request = check(state="s", foo="bar", login_hint="", claims='{"userinfo": {"email": null}}')

    assert set(request.parameters) <= set(KNOWN)
    assert "login_hint" not in request.parameters
    again = validate(request.parameters.items(), project=PROJECT, find_client={WEB.client_id: WEB}.get)
    assert again == request


CLIENTS = [
    pytest.param({"client_id": None}, id="missing"),
    pytest.param({"client_id": ""}, id="empty"),
    pytest.param({"client_id": ["bookshop", "bookshop"]}, id="twice the same"),
    pytest.param({"client_id": ["bookshop", "pocket"]}, id="two apps"),
    pytest.param({"client_id": "other"}, id="unknown"),
    pytest.param({"client_id": "Bookshop"}, id="capital letter"),
    pytest.param({"client_id": "bookshop "}, id="space"),
    pytest.param({"client_id": "bookshop\0"}, id="NUL"),
    pytest.param({"client_id": "\ud800"}, id="lone surrogate"),
    pytest.param({"client_id": "a" * 9000}, id="long"),
]


@pytest.mark.parametrize("changes", CLIENTS)
def test_unproven_client_sees_a_page(changes):
    assert refusal(**changes) is PAGE


def test_client_is_never_looked_up_by_what_cannot_be_stored():
    asked: list[str] = []
    for client_id in ("a\0", "\ud800", "a" * 65, "\x1b"):
        with pytest.raises(RequestRefused):
            validate([("client_id", client_id)], project=PROJECT, find_client=lambda each: asked.append(each))

    assert asked == []


def test_client_that_is_switched_off_sees_a_page():
    assert refusal(replace(WEB, enabled=False)) is PAGE


REDIRECT_URIS = [
    pytest.param({"redirect_uri": None}, id="missing although one is registered"),
    pytest.param({"redirect_uri": ""}, id="empty"),
    pytest.param({"redirect_uri": ["https://rp.example/cb"] * 2}, id="twice the same"),
    pytest.param({"redirect_uri": ["https://rp.example/cb", "https://evil.test"]}, id="the good one first"),
    pytest.param({"redirect_uri": ["https://evil.test", "https://rp.example/cb"]}, id="the good one last"),
    pytest.param({"redirect_uri": "https://evil.test"}, id="unregistered"),
    pytest.param({"redirect_uri": "http://127.0.0.1:5000/cb"}, id="that of another app"),
    pytest.param({"redirect_uri": "\ud800"}, id="lone surrogate"),
]


@pytest.mark.parametrize("changes", REDIRECT_URIS)
def test_unproven_redirect_uri_sees_a_page_whatever_else_is_wrong(changes):
    assert refusal(**changes) is PAGE
    assert refusal(**changes, scope="nonsense", response_type="token", state=["a", "b"], request="x") is PAGE


SINGLE = [name for name in KNOWN if name not in ("client_id", "redirect_uri")]


@pytest.mark.parametrize("name", SINGLE)
def test_known_parameter_twice_goes_back_as_an_error(name):
    for values in (["openid", "openid"], ["", ""], ["openid", ""]):
        assert refusal(**{name: values}) == "invalid_request"


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("text", ["a\0", "a\n", "\r", "a\x7f", "\ud800", "x" * 8193], ids=ascii)
def test_parameter_that_cannot_be_stored_goes_back_as_an_error(name, text):
    assert refusal(**{name: text[:9000]}) == "invalid_request"


def test_unknown_parameters_do_not_matter():
    assert refusal(**{"foo": ["1", "2"], "iss": "x", "code": "y", "error": "\0", "": "", "State": ["a", "b"]}) is None


STATES = [
    pytest.param("a" * 8192, "a" * 8192, id="long"),
    pytest.param("", None, id="empty"),
    pytest.param(None, None, id="missing"),
    pytest.param(["a", "a"], None, id="repeated"),
    pytest.param("a\r\nb", None, id="line break"),
    pytest.param("é=&+%20#", "é=&+%20#", id="reserved characters"),
]


@pytest.mark.parametrize(("given", "returned"), STATES)
def test_error_takes_the_state_along_if_there_is_one(given, returned):
    assert error_of(state=given, scope="email").state == returned


ERRORS = [
    pytest.param({"response_type": None}, "invalid_request", id="no response_type"),
    pytest.param({"response_type": "code code"}, "unsupported_response_type", id="response_type=code code"),
    pytest.param({"response_type": "CODE"}, "unsupported_response_type", id="response_type=CODE"),
    pytest.param({"response_type": '<b>"\\é'}, "unsupported_response_type", id="response_type=markup"),
    pytest.param({"response_mode": "form_post"}, "invalid_request", id="response_mode=form_post"),
    pytest.param({"response_mode": "query.jwt"}, "invalid_request", id="response_mode=query.jwt"),
    pytest.param({"scope": None}, "invalid_scope", id="no scope"),
    pytest.param({"scope": "email"}, "invalid_scope", id="scope without openid"),
    pytest.param({"scope": "OpenID"}, "invalid_scope", id="scope in capitals"),
    pytest.param({"scope": " openid"}, "invalid_scope", id="scope with a space before"),
    pytest.param({"scope": "openid  email"}, "invalid_scope", id="scope with two spaces"),
    pytest.param({"scope": 'openid "'}, "invalid_scope", id="scope with a quote"),
    pytest.param({"scope": "openid é"}, "invalid_scope", id="scope that is not ASCII"),
    pytest.param({"scope": "openid wishes"}, "invalid_scope", id="scope that is unknown"),
    pytest.param({"prompt": "none login"}, "invalid_request", id="prompt=none login"),
    pytest.param({"prompt": "LOGIN"}, "invalid_request", id="prompt=LOGIN"),
    pytest.param({"max_age": "-1"}, "invalid_request", id="max_age=-1"),
    pytest.param({"max_age": "٣"}, "invalid_request", id="max_age in Arabic digits"),
    pytest.param({"max_age": "9" * 5000}, "invalid_request", id="max_age of 5000 digits"),
    pytest.param({"claims": "{"}, "invalid_request", id="claims: no JSON"),
    pytest.param({"claims": "[]"}, "invalid_request", id="claims: a list"),
    pytest.param({"claims": "null"}, "invalid_request", id="claims: null"),
    pytest.param({"claims": '{"userinfo": []}'}, "invalid_request", id="claims: userinfo is a list"),
    pytest.param({"claims": '{"userinfo": {"email": true}}'}, "invalid_request", id="claims: a claim is true"),
    pytest.param({"claims": '{"id_token": {"acr": "phr"}}'}, "invalid_request", id="claims: a claim is text"),
    pytest.param({"claims": '{"id_token": {"a": {"value": NaN}}}'}, "invalid_request", id="claims: NaN"),
    pytest.param({"claims": '{"id_token": {"a": {"value": 1e999}}}'}, "invalid_request", id="claims: 1e999"),
    pytest.param({"claims": '{"id_token": {"\\u0000": null}}'}, "invalid_request", id="claims: NUL"),
    pytest.param({"claims": '{"x": "\\ud800"}'}, "invalid_request", id="claims: lone surrogate"),
    pytest.param({"claims": "[" * 8000}, "invalid_request", id="claims: 8000 brackets"),
    pytest.param({"claims": '{"x":' * 10 + "1" + "}" * 10}, "invalid_request", id="claims: ten levels"),
    pytest.param({"claims": '{"x":' * 1000 + "1" + "}" * 1000}, "invalid_request", id="claims: deep"),
    pytest.param({"claims": '{"x": ' + "9" * 8000 + "}"}, "invalid_request", id="claims: 8000 digits"),
    pytest.param({"request": "x"}, "request_not_supported", id="request"),
    pytest.param({"request_uri": "https://a.test"}, "request_uri_not_supported", id="request_uri"),
    pytest.param({"registration": "{}"}, "registration_not_supported", id="registration"),
]


@pytest.mark.parametrize(("changes", "error"), ERRORS)
def test_error_goes_back_in_characters_that_it_may_have(changes, error):
    caught = error_of(state="s", **changes)

    assert caught.error.error == error
    assert (caught.redirect_uri, caught.state) == ("https://rp.example/cb", "s")
    # RFC 6749, section 4.1.2.1, on error_description.
    description = dict(caught.error.get_body())["error_description"]
    assert all(letter in " !" or "#" <= letter <= "[" or "]" <= letter <= "~" for letter in description), description
    assert "<" not in description


def test_claims_may_be_as_deep_as_they_need_to_be():
    assert refusal(claims='{"userinfo":{"a":{"values":[{"b":{"c":[1]}}]}}}') is None


def test_request_object_is_refused_before_what_it_might_replace():
    assert refusal(request="x", response_type=None, scope=None, code_challenge=None) == "request_not_supported"


def test_offline_access_is_dropped_where_there_are_no_refresh_tokens():
    asked = {"scope": "openid offline_access"}

    assert check(**asked).scope == ("openid", "offline_access")
    assert check(replace(WEB, refresh_tokens=False), **asked).scope == ("openid",)
    assert check(replace(WEB, refresh_tokens=False), **asked).consent_scope == ("openid",)


def test_scope_named_twice_counts_once():
    assert check(scope="openid email openid").scope == ("openid", "email")


ACRS = [
    pytest.param({}, (), False, id="none"),
    pytest.param({"acr_values": "phr 1"}, ("phr", "1"), False, id="acr_values"),
    pytest.param({"claims": '{"id_token": {"acr": {"value": "phr"}}}'}, ("phr",), False, id="voluntary value"),
    pytest.param({"claims": '{"id_token": {"acr": {"essential": true}}}'}, (), False, id="essential, any value"),
    pytest.param(
        {"claims": '{"id_token": {"acr": {"essential": true, "values": ["phr", "x"]}}}', "acr_values": "1"},
        ("phr", "x"),
        True,
        id="essential values before acr_values",
    ),
    pytest.param(
        {"claims": '{"id_token": {"acr": {"essential": 1, "values": ["phr"]}}}'}, ("phr",), False, id="essential: 1"
    ),
    pytest.param({"claims": '{"id_token": {"acr": {"values": [1]}}}', "acr_values": "1"}, ("1",), False, id="numbers"),
    pytest.param({"claims": '{"id_token": {"acr": null}}', "acr_values": "1"}, ("1",), False, id="acr: null"),
    pytest.param({"claims": '{"userinfo": {"acr": {"value": "phr"}}}'}, (), False, id="for userinfo"),
]


@pytest.mark.parametrize(("changes", "values", "essential"), ACRS)
def test_which_class_is_asked_for(changes, values, essential):
    request = check(**changes)

    assert (request.acr_values, request.acr_is_essential) == (values, essential)


def test_claims_by_name_are_asked_for_as_the_scopes_that_have_them():
    claims = '{"userinfo": {"phone_number": null, "x": null}, "id_token": {"birthdate": {"essential": true}}}'

    request = check(claims=claims)

    assert request.scope == ("openid",)
    assert request.consent_scope == ("openid", "profile", "phone")


def test_pkce_may_be_switched_off_for_an_app():
    relaxed = replace(WEB, require_pkce=False)

    assert refusal(relaxed, code_challenge=None, code_challenge_method=None) is None
    assert refusal(relaxed, code_challenge=None) == "invalid_request"
    assert refusal(relaxed, code_challenge_method=None) == "invalid_request"
    assert refusal(NATIVE, code_challenge=None, code_challenge_method=None) == "invalid_request"


ANSWERS = [
    pytest.param("https://rp.example/cb", "https://rp.example/cb?", id="no query"),
    pytest.param("https://rp.example/cb?t=1", "https://rp.example/cb?t=1&", id="query"),
    pytest.param("https://rp.example/cb?", "https://rp.example/cb?", id="empty query"),
    pytest.param("https://rp.example/cb?t=1&", "https://rp.example/cb?t=1&", id="query that ends with &"),
    pytest.param("com.example.app:/cb", "com.example.app:/cb?", id="private-use scheme"),
    pytest.param("https://rp.example/a%20b?n=%2F", "https://rp.example/a%20b?n=%2F&", id="escapes"),
]


@pytest.mark.parametrize(("redirect_uri", "start"), ANSWERS)
def test_answer_is_added_to_the_address_as_it_was_registered(redirect_uri, start):
    success = success_uri(redirect_uri, code="c", state="a b&c", issuer=ISSUER)
    failure = error_uri(redirect_uri, error=error_of(scope="email").error, state=None, issuer=ISSUER)

    assert success == start + "code=c&state=a+b%26c&iss=http%3A%2F%2Flocalhost%2Fidentity%2Fshop"
    assert failure.startswith(start + "error=invalid_scope&error_description=")
    assert failure.endswith("&iss=http%3A%2F%2Flocalhost%2Fidentity%2Fshop")
    assert with_state(redirect_uri, "s") == start + "state=s"
    assert with_state(redirect_uri, None) == redirect_uri
