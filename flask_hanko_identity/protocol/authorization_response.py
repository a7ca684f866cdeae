"""The redirect that answers an authorization request (RFC 6749, section 4.1.2; RFC 9207)."""

from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error


def success_uri(redirect_uri: str, *, code: str, state: str | None, issuer: str) -> str:
    """Where the browser takes the code."""
    return _add(redirect_uri, [("code", code), ("state", state), ("iss", issuer)])


def error_uri(redirect_uri: str, *, error: OAuth2Error, state: str | None, issuer: str) -> str:
    """Where the browser takes the error."""
    body = dict(error.get_body())
    return _add(
        redirect_uri,
        [
            ("error", body["error"]),
            ("error_description", body.get("error_description")),
            ("state", state),
            ("iss", issuer),
        ],
    )


def _add(redirect_uri: str, parameters: list[tuple[str, str | None]]) -> str:
    # A query that is part of the registered URI stays as it is (RFC 6749, section 3.1.2).
    separator = "&" if "?" in redirect_uri else "?"
    if redirect_uri.endswith(("?", "&")):
        separator = ""
    return redirect_uri + separator + urlencode([(name, value) for name, value in parameters if value is not None])


def with_state(redirect_uri: str, state: str | None) -> str:
    """A logout redirect URI with the state that the app sent (RP-Initiated Logout 1.0, section 3)."""
    return _add(redirect_uri, [("state", state)]) if state else redirect_uri
