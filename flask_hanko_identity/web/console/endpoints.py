"""The addresses of a project that apps need."""

from ...protocol.metadata import endpoint_urls
from ...text import lazy_gettext

_LABELS = {
    "authorization_endpoint": lazy_gettext("Authorization endpoint"),
    "token_endpoint": lazy_gettext("Token endpoint"),
    "userinfo_endpoint": lazy_gettext("UserInfo endpoint"),
    "jwks_uri": lazy_gettext("Signing keys (JWKS)"),
    "end_session_endpoint": lazy_gettext("End session (logout) endpoint"),
    "revocation_endpoint": lazy_gettext("Revocation endpoint"),
    "introspection_endpoint": lazy_gettext("Introspection endpoint"),
}


def list_endpoints(issuer: str) -> list[tuple[str, str, str]]:
    """Key, label and URL of each: issuer and discovery document first, then all that the latter names."""
    return [
        ("issuer", str(lazy_gettext("Issuer")), issuer),
        (
            "discovery",
            str(lazy_gettext("OpenID configuration (discovery)")),
            f"{issuer}/.well-known/openid-configuration",
        ),
        *((name, str(_LABELS.get(name, name)), url) for name, url in endpoint_urls(issuer).items()),
    ]
