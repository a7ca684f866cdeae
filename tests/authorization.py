"""Authorization requests: without a database, and as the endpoint answers them."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from flask_hanko_identity.protocol.authorization_request import ValidRequest
from flask_hanko_identity.protocol.authorization_request import validate
from flask_hanko_identity.protocol.errors import AuthorizationError
from flask_hanko_identity.protocol.errors import RequestRefused
from flask_hanko_identity.storage.snapshots import ClientSnapshot
from flask_hanko_identity.storage.snapshots import ProjectSnapshot

PAGE = "a page of ours"
LOGIN = "login"
CONSENT = "consent"
CODE = "code"

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The one of RFC 7636, appendix B."""

PROJECT = ProjectSnapshot(
    id=1,
    slug="shop",
    name="Shop",
    type="identity",
    issuer="http://localhost/identity/shop",
    status="ready",
    signup="open",
    sign_in={},
    brand={},
    organization_id=None,
    organization_name="",
    keys=(),
)
WEB = ClientSnapshot(
    id=1,
    project_id=1,
    client_id="bookshop",
    name="Bookshop",
    application_type="web",
    application_uri="https://rp.example",
    token_endpoint_auth_method="client_secret_basic",
    require_pkce=True,
    refresh_tokens=True,
    rotate_refresh_tokens=True,
    first_party=False,
    id_token_signed_response_alg="RS256",
    enabled=True,
    redirect_uris=frozenset({"https://rp.example/cb"}),
    post_logout_redirect_uris=frozenset(),
    secrets=(),
)
NATIVE = replace(
    WEB,
    client_id="pocket",
    name="Pocket",
    application_type="native",
    application_uri="com.example.app",
    token_endpoint_auth_method="none",
    redirect_uris=frozenset({"http://127.0.0.1/cb"}),
)


def pairs_of(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands in a query: None leaves a parameter out, a list repeats it."""
    spread = ((name, value if isinstance(value, list) else [value]) for name, value in parameters.items())
    return [(name, value) for name, values in spread for value in values if value is not None]


def check(client: ClientSnapshot = WEB, /, **changes: Any) -> ValidRequest:
    """Check a good request of ``client`` with ``changes``."""
    parameters: dict[str, Any] = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": next(iter(client.redirect_uris)),
        "scope": "openid",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    known = {each.client_id: each for each in (WEB, NATIVE)} | {client.client_id: client}
    return validate(pairs_of(parameters), project=PROJECT, find_client=known.get)


def refusal(client: ClientSnapshot = WEB, /, **changes: Any) -> str | None:
    """``PAGE``, the code of the error that goes back to the app, or None for a request that is accepted."""
    try:
        check(client, **changes)
    except RequestRefused:
        return PAGE
    except AuthorizationError as error:
        return str(error)
    return None


def outcome(response: TestResponse) -> str:
    """What the endpoint answered: ``PAGE``, an error code, ``LOGIN``, ``CONSENT`` or ``CODE``."""
    location = response.headers.get("Location")
    if location is None:
        assert response.status_code in (200, 400), response.status_code
        return PAGE if response.status_code == 400 else CONSENT
    assert response.status_code == 303
    parts = urlsplit(location)
    if not parts.scheme:
        page = parts.path.rpartition("/")[2]
        return {"login": LOGIN, "signup": "signup", "accounts": "accounts", "resume": CONSENT}[page]
    query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values()), location
    return query["error"][0] if "error" in query else CODE
