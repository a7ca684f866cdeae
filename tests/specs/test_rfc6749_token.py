"""RFC 6749: the token endpoint, how apps prove themselves there, and what they are told."""

from base64 import b64encode
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from flask_hanko_identity.flows.client_secrets import create_secret
from flask_hanko_identity.flows.client_secrets import revoke_secret
from flask_hanko_identity.flows.clients import disable_client
from tests.evidence import contents
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import change_client
from tests.tenants import connect
from tests.tenants import connect_native
from tests.tenants import make_tenant

TOKEN = f"{PREFIX}/shop/token"
FORM = "application/x-www-form-urlencoded;charset=UTF-8"

CONFIDENTIAL = ("client_secret_basic", "client_secret_post")

MALFORMED = (
    "",
    "Basic",
    "Basic ",
    "Basic !!!!",
    "Basic YWJj",
    "Basic Og==",
    "Basic YTpiOmM",
    "Basic /////w==",
    "Basic " + b64encode(b"a\0b:c").decode(),
    "Basic " + b64encode(b"%00:%00").decode(),
    "Basic " + b64encode(b"%ff%ed%a0%80:x").decode(),
    "Basic " + "A" * 20_000,
    "Basic \xe9\xff",
    "Digest username=a",
    "Negotiate",
    "Basic YTpi, Basic YTpi",
)
"""Values of the Authorization header that prove nothing."""

ERRORS: tuple[tuple[dict[str, str | None], str], ...] = (
    ({"grant_type": None}, "invalid_request"),
    ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ({"grant_type": "implicit"}, "unsupported_grant_type"),
    ({"grant_type": "Authorization_Code"}, "unsupported_grant_type"),
    ({"grant_type": '<b>"\\é'}, "unsupported_grant_type"),
    ({"code": None}, "invalid_request"),
    ({"code": ""}, "invalid_request"),
    ({"code": '<b>"\\é'}, "invalid_grant"),
    ({"redirect_uri": None}, "invalid_request"),
    ({"redirect_uri": '<b>"\\é'}, "invalid_grant"),
    ({"code_verifier": "short"}, "invalid_request"),
    ({"grant_type": "refresh_token"}, "invalid_request"),
    ({"grant_type": "refresh_token", "refresh_token": "x", "scope": "é"}, "invalid_scope"),
    ({"grant_type": "refresh_token", "refresh_token": "x", "scope": " openid"}, "invalid_scope"),
    ({"grant_type": "refresh_token", "refresh_token": '<b>"\\é'}, "invalid_grant"),
)
"""Changes to a good redemption, and the error that they are."""


def basic(client_id: str | None, secret: str | None) -> dict[str, str]:
    """An ``Authorization`` header."""
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


def ask(rp: RelyingParty, form: dict[str, Any], headers: dict[str, str] | None = None) -> TestResponse:
    """Send a form as it is, without the app's own client authentication."""
    return rp.machine.post(TOKEN, data=form, headers=headers)


def redemption(rp: RelyingParty, code: str, **more: Any) -> dict[str, Any]:
    """The form that redeems a code, without client authentication."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": rp.redirect_uri,
        "code_verifier": rp.verifier,
        **more,
    }


def assert_error(response: TestResponse, error: str, status: int = 400) -> dict[str, Any]:
    """Section 5.2: JSON, never stored, in characters that the section allows."""
    assert (response.status_code, response.get_json(silent=True)) == (status, response.json), response.text
    body: dict[str, Any] = response.get_json()
    assert body["error"] == error, body
    assert set(body) <= {"error", "error_description"}
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert all(letter in " !" or "#" <= letter <= "[" or "]" <= letter <= "~" for letter in body["error_description"])
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    return body


@pytest.fixture
def apps(app, rp):
    """One app for each method of client authentication, all in Ada's browser."""
    post = connect(app, browser=rp.browser, token_endpoint_auth_method="client_secret_post")
    none = connect_native(app, browser=rp.browser, redirect_uris=["https://app.example/cb"])
    post.scope = none.scope = rp.scope
    return {party.auth_method: party for party in (rp, post, none)}


# Section 5.1: successful response


def test_successful_response_is_json_with_the_members_of_the_section(rp):
    response = rp.redeem(rp.code())

    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    body = response.get_json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "openid offline_access")


def test_unknown_parameters_are_ignored(rp):
    assert rp.redeem(rp.code(), foo="bar", resource="").status_code == 200


# Sections 2.3 and 3.2.1: client authentication (row C01 of the threats)


def test_each_app_proves_itself_by_its_own_method_only(apps):
    for method, party in apps.items():
        code = party.code()
        secret = party.secret or "no secret at all"
        attempts = {
            "client_secret_basic": ({}, basic(party.client_id, secret)),
            "client_secret_post": ({"client_id": party.client_id, "client_secret": secret}, {}),
            "none": ({"client_id": party.client_id}, {}),
        }
        for other in attempts.keys() - {method}:
            form, headers = attempts[other]
            assert_error(ask(party, redemption(party, code, **form), headers), "invalid_client", 401)
        form, headers = attempts[method]

        assert ask(party, redemption(party, code, **form), headers).status_code == 200, method


def test_two_methods_at_once_are_refused(rp):
    code = rp.code()
    twice = redemption(rp, code, client_id=rp.client_id, client_secret=rp.secret)

    assert_error(ask(rp, twice, basic(rp.client_id, rp.secret)), "invalid_request")
    assert_error(ask(rp, twice, {"Authorization": "Bearer abc"}), "invalid_request")
    assert rp.redeem(code).status_code == 200


def test_client_id_beside_the_header_must_be_the_same(apps):
    rp, other = apps["client_secret_basic"], apps["client_secret_post"]
    code = rp.code()

    differing = ask(rp, redemption(rp, code, client_id=other.client_id), basic(rp.client_id, rp.secret))
    assert_error(differing, "invalid_request")
    assert ask(rp, redemption(rp, code, client_id=rp.client_id), basic(rp.client_id, rp.secret)).status_code == 200


@pytest.mark.parametrize(("method", "another"), [CONFIDENTIAL, CONFIDENTIAL[::-1]])
def test_wrong_credentials_are_all_refused_alike(apps, method, another):
    party, other = apps[method], apps[another]
    code = party.code()
    answers = set()
    for client_id, secret in (
        (party.client_id, "wrong"),
        (party.client_id, other.secret),
        (party.client_id, party.secret.swapcase()),
        (party.client_id, party.secret[:-1]),
        (party.client_id, party.secret + "A"),
        (party.client_id, f" {party.secret}"),
        (party.client_id, ""),
        (other.client_id, party.secret),
        (party.client_id.swapcase(), party.secret),
        ("nobody", party.secret),
        ("x" * 5000, party.secret),
    ):
        if method == "client_secret_basic":
            response = ask(party, redemption(party, code), basic(client_id, secret))
        else:
            response = ask(party, redemption(party, code, client_id=client_id, client_secret=secret))
        assert_error(response, "invalid_client", 401)
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
        answers.add(response.data)

    assert len(answers) == 1
    assert party.redeem(code).status_code == 200


def test_malformed_authorization_header_is_invalid_client(rp):
    for header in MALFORMED:
        assert_error(ask(rp, redemption(rp, "x"), {"Authorization": header}), "invalid_client", 401)


def test_header_is_read_as_the_specification_writes_it(rp):
    """Section 2.3.1: both parts are form-encoded; RFC 9110, section 11.1: the scheme's case is free."""
    encoded = "".join(f"%{ord(letter):02x}" for letter in rp.secret)
    pair = b64encode(f"{quote(rp.client_id)}:{encoded}".encode()).decode()

    response = ask(rp, redemption(rp, rp.code()), {"Authorization": f"bAsIc {pair}"})

    assert response.status_code == 200


def test_disabled_app_is_nobody(rp):
    code = rp.code()
    change_client(rp, disable_client)

    assert_error(rp.redeem(code), "invalid_client", 401)


def test_app_of_another_project_is_nobody(app, rp):
    make_tenant(app, "bank", number=1)
    stranger = connect(app, "bank")

    response = ask(rp, redemption(rp, rp.code()), basic(stranger.client_id, stranger.secret))

    assert_error(response, "invalid_client", 401)


def test_secrets_can_be_replaced_with_and_without_an_overlap(rp, clock):
    """Row C05: the new one works at once, the old one as long as was said."""
    old = rp.secret
    second = change_client(rp, partial(create_secret, keep_old_for=timedelta(minutes=5)))

    def works(secret: str) -> bool:
        response = ask(rp, {"grant_type": "refresh_token", "refresh_token": "x"}, basic(rp.client_id, secret))
        assert response.get_json()["error"] in ("invalid_client", "invalid_grant")
        return bool(response.get_json()["error"] == "invalid_grant")

    assert works(old) and works(second.secret)
    clock.advance(minutes=5)
    assert not works(old) and works(second.secret)
    change_client(rp, partial(revoke_secret, secret_id=second.secret_id))
    assert not works(second.secret)


# Section 5.2: error response


def test_errors_are_those_of_the_section(app, rp):
    code = rp.code()
    before = contents(app)
    for changes, error in ERRORS:
        form = {name: value for name, value in {**redemption(rp, code), **changes}.items() if value is not None}

        body = assert_error(ask(rp, form, basic(rp.client_id, rp.secret)), error)

        assert "<b>" not in str(body)
    assert contents(app) == before
    assert rp.redeem(code).status_code == 200


# Section 3.2: what counts as a parameter


def test_no_parameter_may_come_twice(rp):
    form = redemption(rp, rp.code())
    for name, right in [*form.items(), ("foo", "bar")]:
        for values in ([right, right], [right, "other"], ["other", right], [right, ""]):
            assert_error(ask(rp, {**form, name: values}, basic(rp.client_id, rp.secret)), "invalid_request")
    assert ask(rp, form, basic(rp.client_id, rp.secret)).status_code == 200


def test_parameter_without_a_value_counts_as_left_out(rp):
    token = rp.tokens()["refresh_token"]

    assert rp.refresh(token, scope="").get_json()["scope"] == "openid offline_access"


def test_control_characters_are_refused(rp):
    form, header = redemption(rp, rp.code()), basic(rp.client_id, rp.secret)
    for letter in ("\0", "\n", "\r", "\x1f", "\x7f"):
        for name, value in form.items():
            assert_error(ask(rp, {**form, name: value + letter}, header), "invalid_request")
            assert_error(ask(rp, {**form, name + letter: value}, header), "invalid_request")
    assert ask(rp, form, header).status_code == 200


def test_parameters_in_the_address_never_count(rp):
    code = rp.code()
    form, header = redemption(rp, code), basic(rp.client_id, rp.secret)

    assert_error(rp.machine.post(TOKEN, query_string=form, headers=header), "invalid_request")
    for name in form:
        partly = {key: value for key, value in form.items() if key != name}
        response = rp.machine.post(TOKEN, query_string={name: form[name]}, data=partly, headers=header)
        assert response.status_code == 400, name
    ignored = rp.machine.post(TOKEN, query_string={"code": "other", "scope": "x"}, data=form, headers=header)
    assert ignored.status_code == 200


def test_secret_in_the_address_proves_nothing(rp):
    """Section 2.3.1: credentials MUST NOT be included in the request URI."""
    query = {"client_id": rp.client_id, "client_secret": rp.secret}

    response = rp.machine.post(TOKEN, query_string=query, data=redemption(rp, rp.code()))

    assert_error(response, "invalid_client", 401)


def test_other_media_types_are_refused(rp):
    form, header = redemption(rp, rp.code()), basic(rp.client_id, rp.secret)
    raw = "&".join(f"{name}={quote(value)}" for name, value in form.items())
    answers = [
        rp.machine.post(TOKEN, headers=header, json=form),
        rp.machine.post(TOKEN, headers=header, data=form, content_type="multipart/form-data"),
        *(rp.machine.post(TOKEN, headers=header, data=raw, content_type=each) for each in ("text/plain", "a/b", "")),
    ]

    for response in answers:
        assert_error(response, "invalid_request")
    assert rp.machine.post(TOKEN, headers=header, data=raw, content_type=FORM).status_code == 200


def test_only_post_is_understood(rp):
    """Row B20 of the threats."""
    for endpoint in ("token", "revoke", "introspect"):
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            response = rp.machine.open(f"{PREFIX}/shop/{endpoint}", method=method)

            assert response.status_code == 405, (endpoint, method)
            assert response.headers["Allow"] == "POST", (endpoint, method)


def test_body_is_limited(rp):
    assert_error(rp.redeem(rp.code(), foo="x" * 70_000), "invalid_request", 413)
