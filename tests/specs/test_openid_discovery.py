"""OpenID Connect Discovery 1.0, sections 3 and 4: the document, and that all of it is true."""

from typing import Any

import pytest
from flask import Flask

from tests.tenants import PREFIX
from tests.tenants import connect
from tests.tenants import make_tenant

# Nothing here depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

DOCUMENT = f"{PREFIX}/shop/.well-known/openid-configuration"
ISSUER = "http://localhost/identity/shop"

REGISTERED = {
    # OpenID Connect Discovery 1.0, section 3
    *("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "scopes_supported"),
    *("response_types_supported", "response_modes_supported", "grant_types_supported", "acr_values_supported"),
    *("subject_types_supported", "id_token_signing_alg_values_supported", "token_endpoint_auth_methods_supported"),
    *("claim_types_supported", "claims_supported", "claims_parameter_supported", "request_parameter_supported"),
    *("request_uri_parameter_supported", "ui_locales_supported", "display_values_supported", "service_documentation"),
    # RFC 8414, section 2
    *("revocation_endpoint", "revocation_endpoint_auth_methods_supported", "introspection_endpoint"),
    *("introspection_endpoint_auth_methods_supported", "code_challenge_methods_supported"),
    # RFC 9207; Initiating User Registration 1.0; RP-Initiated Logout 1.0
    *("authorization_response_iss_parameter_supported", "prompt_values_supported", "end_session_endpoint"),
}
"""Names that others know (IANA registry of authorization server metadata)."""


def read(app: Flask) -> dict[str, Any]:
    document: dict[str, Any] = app.test_client().get(DOCUMENT).get_json()
    return document


def test_document(app):
    """Section 3: what is supported, no more."""
    make_tenant(app)

    assert read(app) == {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "jwks_uri": f"{ISSUER}/jwks",
        "end_session_endpoint": f"{ISSUER}/logout",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "introspection_endpoint": f"{ISSUER}/introspect",
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "acr_values_supported": ["1", "phr", "phrh"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "Ed25519"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            *("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"),
            *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile"),
            *("picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
            *("email", "email_verified", "address", "phone_number", "phone_number_verified"),
        ],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["en"],
    }


def test_no_member_is_unknown_to_others(app):
    """The OpenID conformance suite warns of any other."""
    make_tenant(app)

    assert read(app).keys() <= REGISTERED


def test_document_may_be_kept_and_read_by_anybody(app):
    """Rows B12 and B19."""
    make_tenant(app)
    client = app.test_client()

    response = client.get(DOCUMENT, headers={"Origin": "https://spa.example"})

    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=900"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in response.headers
    assert client.head(DOCUMENT).status_code == 200


def test_issuer_never_comes_from_the_request(app):
    """Section 4.3 and row B17: exactly the address below which the document is, whatever the request says."""
    make_tenant(app)

    for headers in (
        {"X-Forwarded-Host": "evil.test"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "host=evil.test;proto=https"},
        {"Host": "evil.test"},
    ):
        response = app.test_client().get(DOCUMENT, headers=headers)

        assert response.status_code == 400 or response.get_json()["issuer"] == ISSUER


def test_every_endpoint_answers(app):
    """What a client library finds here is there."""
    make_tenant(app)
    document = read(app)
    for name, url in document.items():
        if name.endswith(("_endpoint", "_uri")):
            assert url.startswith(ISSUER + "/"), name
            path = url.removeprefix("http://localhost")
            statuses = {app.test_client().open(path, method=method).status_code for method in ("GET", "POST")}

            assert not statuses & {404, 500}, name


def test_what_is_listed_works(app, rp):
    """Each method of client authentication can be registered, each scope asked for, each acr value requested."""
    document = read(app)
    for method in document["token_endpoint_auth_methods_supported"]:
        if method != "none":
            party = connect(app, browser=rp.browser, token_endpoint_auth_method=method)
            assert party.tokens()["access_token"]
    assert rp.tokens(scope=" ".join(document["scopes_supported"]))["scope"].split() == document["scopes_supported"]
    assert rp.claims(rp.tokens(acr_values=" ".join(document["acr_values_supported"]))["id_token"])["acr"] == "phrh"


def test_projects_have_documents_of_their_own(app):
    make_tenant(app)
    make_tenant(app, "bank", number=1)

    bank = app.test_client().get(f"{PREFIX}/bank/.well-known/openid-configuration").get_json()

    assert bank["issuer"] == "http://localhost/identity/bank"
    assert all("shop" not in str(value) for value in bank.values())


def test_unknown_project_has_none(app):
    for slug in ("nobody", "Shop", "..", "%00", "x" * 300):
        response = app.test_client().get(f"{PREFIX}/{slug}/.well-known/openid-configuration")

        assert response.status_code == 404
