"""The discovery document and the key set, as bytes."""

import json
from typing import Any

from ..settings import Settings
from ..storage.snapshots import ProjectSnapshot
from .assurance import ACR_VALUES
from .authorization_request import PROMPTS
from .claims import USER_CLAIMS
from .client_authentication import METHODS
from .client_authentication import NONE
from .realm import Realm
from .scopes import SCOPES
from .signing import ALGORITHMS
from .signing import published_keys

ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "userinfo_endpoint": "userinfo",
    "jwks_uri": "jwks",
    "end_session_endpoint": "logout",
    "revocation_endpoint": "revoke",
    "introspection_endpoint": "introspect",
}
"""Names in the discovery document, and the paths below the issuer."""


def endpoint_urls(issuer: str) -> dict[str, str]:
    """The full URL of each endpoint of a project."""
    return {name: f"{issuer}/{path}" for name, path in ENDPOINTS.items()}


def discovery(project: ProjectSnapshot) -> dict[str, Any]:
    """OpenID Provider Metadata (OpenID Connect Discovery 1.0, section 3; RFC 8414): what is supported, no more."""
    confidential = [method for method in METHODS if method != NONE]
    return {
        "issuer": project.issuer,
        **endpoint_urls(project.issuer),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "acr_values_supported": list(ACR_VALUES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(METHODS),
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "introspection_endpoint_auth_methods_supported": confidential,
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "acr",
            "amr",
            "sid",
            *USER_CLAIMS,
        ],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": list(PROMPTS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["en"],
    }


def discovery_bytes(project: ProjectSnapshot) -> bytes:
    """The discovery document in JSON."""
    return json.dumps(discovery(project)).encode()


def jwks_bytes(realm: Realm) -> bytes:
    """The JSON Web Key Set (RFC 7517, section 5): public members only."""
    keys = published_keys(realm.project.keys, realm.now, token_lifetime=_longest(realm.settings))
    return json.dumps({"keys": [dict(key) for key in keys]}).encode()


def _longest(settings: Settings) -> Any:
    return max(settings.id_token_lifetime, settings.access_token_lifetime)
