"""What a flow may refuse, for people and for scripts. Protocol errors are Authlib's own classes."""

from datetime import timedelta
from typing import ClassVar


class IdentityError(Exception):
    """A refusal with a sentence for the person who asked.

    ``message`` says what to do next and never holds a secret; it is shown as it is.
    """

    status_code: ClassVar[int] = 400
    keeps_changes: ClassVar[bool] = False
    """True where the refusal itself is written (a used-up ceremony), so that the transaction commits."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        """The form field or command line option that is to be mended, if it is one."""


class ConfigurationError(IdentityError):
    """A setting is missing or wrong. Raised at start, never during a request."""


class InvalidInput(IdentityError):
    """A value cannot be accepted; nothing was written."""

    status_code = 422


class NotFound(IdentityError):
    """There is no such thing, or the person may not know of it: the two look alike."""

    status_code = 404


class Forbidden(IdentityError):
    """The person may see the thing but not do this to it."""

    status_code = 403


class RequestForged(IdentityError):
    """A form or a ceremony did not come from our own page (missing or foreign token, foreign origin)."""

    status_code = 403


class PageExpired(IdentityError):
    """The page, link or request is used up, too old, or belongs to another browser."""


class PasskeyRejected(IdentityError):
    """A WebAuthn ceremony failed. Its challenge stays used up (Web Authentication Level 3, section 13.4.3)."""

    keeps_changes = True

    def __init__(self, message: str, *, reason: str = "", is_gone: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        """Which check failed, for the log and the event list."""
        self.is_gone = is_gone
        """Whether it was removed for good, so that the device may forget it."""


class Conflict(IdentityError):
    """The thing exists already or has changed in the meantime."""

    status_code = 409


class TooManyRequests(IdentityError):
    """This was done too often; the message says when to try again."""

    status_code = 429

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(IdentityError):
    """Something that we depend on does not answer; trying again later may help."""

    status_code = 503


class HostFunctionFailed(Exception):
    """A function that the host gave us raised, or returned what cannot be used. The log says which and why."""
