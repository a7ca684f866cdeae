"""Tables and queries. SQLAlchemy only; nothing here knows Flask or the protocol."""

from .authorizations import Authorization
from .authorizations import AuthorizationRequest
from .authorizations import Consent
from .base import Base
from .base import mirror_tables
from .clients import Client
from .clients import ClientSecret
from .clients import RedirectURI
from .journal import AuditEvent
from .keys import SigningKey
from .login_sessions import LoginSession
from .logouts import LogoutRequest
from .organizations import Membership
from .organizations import Organization
from .passkeys import Ceremony
from .passkeys import Passkey
from .passlinks import Passlink
from .projects import Project
from .rate_limits import RateLimit
from .recovery_codes import RecoveryCode
from .tokens import Token
from .users import EmailAddress
from .users import User

__all__ = [
    "AuditEvent",
    "Authorization",
    "AuthorizationRequest",
    "Base",
    "Ceremony",
    "Client",
    "ClientSecret",
    "Consent",
    "EmailAddress",
    "LoginSession",
    "LogoutRequest",
    "Membership",
    "Organization",
    "Passkey",
    "Passlink",
    "Project",
    "RateLimit",
    "RecoveryCode",
    "RedirectURI",
    "SigningKey",
    "Token",
    "User",
    "mirror_tables",
]
