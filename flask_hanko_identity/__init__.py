"""Flask-Hanko-Identity: an OpenID Connect provider, passwordless sign-in and a console for a Flask app."""

from .errors import ConfigurationError
from .errors import IdentityError
from .extension import HankoIdentity
from .protocol.host_accounts import HostUser

__all__ = ["ConfigurationError", "HankoIdentity", "HostUser", "IdentityError"]
