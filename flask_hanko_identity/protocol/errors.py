"""Authorization errors that Authlib has no class for, and how one travels to the app."""

from authlib.oauth2 import OAuth2Error
from authlib.oidc.core.errors import AccountSelectionRequiredError
from authlib.oidc.core.errors import ConsentRequiredError
from authlib.oidc.core.errors import LoginRequiredError
from authlib.oidc.core.errors import RegistrationNotSupportedError
from authlib.oidc.core.errors import RequestNotSupportedError
from authlib.oidc.core.errors import RequestURINotSupportedError


class UnmetAuthenticationRequirementsError(OAuth2Error):
    """The person cannot be signed in as strongly as asked (Unmet Authentication Requirements 1.0, section 2)."""

    error = "unmet_authentication_requirements"


class AuthorizationError(Exception):
    """An error that goes back to the app, since client and redirect URI are proven (RFC 6749, section 4.1.2.1)."""

    def __init__(self, error: OAuth2Error, *, redirect_uri: str, state: str | None) -> None:
        super().__init__(error.error)
        self.error = error
        self.redirect_uri = redirect_uri
        self.state = state


class RequestRefused(Exception):
    """An authorization request whose client or redirect URI is not proven: a page, never a redirect.

    :param message: what to do about it.
    :param details: what was received and what is registered, for the log and the admin.
    """

    def __init__(self, message: str, *, details: list[tuple[str, str]]) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


__all__ = [
    "AccountSelectionRequiredError",
    "AuthorizationError",
    "ConsentRequiredError",
    "LoginRequiredError",
    "RegistrationNotSupportedError",
    "RequestNotSupportedError",
    "RequestRefused",
    "RequestURINotSupportedError",
    "UnmetAuthenticationRequirementsError",
]
