"""Projects whose host signs people in: what it tells us of the person in front of it, and what we believe of that."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from uuid import UUID

from ..errors import HostFunctionFailed
from ..errors import InvalidInput
from . import assurance
from .claims_schema import check_claims
from .names import clean_email

LONGEST_ID = 255
LONGEST_METHOD = 50
MOST_METHODS = 20
LARGEST_CLAIMS = 16_000
"""Characters of all of a person's claims together, as JSON."""
CLOCK_SKEW = timedelta(minutes=1)
"""How far ahead of ours the clock may be by which the host tells when somebody signed in."""


@dataclass(frozen=True, slots=True)
class HostUser:
    """A person whom the host has signed in, as its ``@identity.host_user`` function tells us."""

    id: str | int | UUID
    """The host's own name for the person, of up to 255 characters: theirs for ever, and never anybody else's."""
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Standard claims (OpenID Connect Core 1.0, section 5.1), ``email`` and ``email_verified`` among them."""
    auth_time: datetime | None = None
    """When they proved who they are, as an aware datetime. Without it no app can ask for a sign-in that is new."""
    amr: Sequence[str] = ()
    """How they did, in the words of RFC 8176: ``("pwd", "otp", "mfa")``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPerson:
    """A :class:`HostUser` after we have looked at it."""

    host_id: str
    email: str | None
    email_verified: bool
    claims: dict[str, Any] = field(repr=False)
    auth_time: datetime | None
    acr: str
    amr: tuple[str, ...]
    faults: tuple[str, ...] = ()
    """What was left out and why, for the host's log."""


HostUserFunction = Callable[[], HostUser | None]
"""Returns the person of the current request."""
HostLogoutFunction = Callable[[], Any]
"""Ends the host's own session of the current request."""


def examine(user: object, *, now: datetime) -> HostPerson:
    """Take what can be used of what the host says, and note the rest.

    :raises HostFunctionFailed: if it does not say who it is.
    """
    if not isinstance(user, HostUser):
        raise HostFunctionFailed(f"host_user must return a HostUser or None, not {type(user).__name__}")
    faults: list[str] = []
    email, claims = _claims(user.claims, faults)
    amr = _methods(user.amr, faults)
    return HostPerson(
        host_id=_id(user.id),
        email=email,
        email_verified=email is not None and user.claims.get("email_verified") is True,
        claims=claims,
        auth_time=_auth_time(user.auth_time, now, faults),
        acr=_acr(amr),
        amr=amr,
        faults=tuple(faults),
    )


def _id(value: object) -> str:
    if isinstance(value, UUID) or (isinstance(value, int) and not isinstance(value, bool)):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        raise HostFunctionFailed(f"the id of a HostUser must be text of 1 to {LONGEST_ID} printable characters")
    return str(value)


def _claims(given: object, faults: list[str]) -> tuple[str | None, dict[str, Any]]:
    if not isinstance(given, Mapping):
        faults.append("claims is not a mapping")
        return None, {}
    email = None
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if value is None or value == "" or name == "email_verified":
            continue
        try:
            if name == "email":
                email = clean_email(value, "email")
                continue
            # Through JSON, so that what is compared with the stored row is what would be stored.
            checked = json.loads(json.dumps(check_claims({name: value})))
        except (InvalidInput, TypeError, ValueError) as error:
            faults.append(f"the claim {str(name)[:40]!r} was left out: {error}")
            continue
        if len(json.dumps({**kept, **checked})) > LARGEST_CLAIMS:
            faults.append(f"the claim {name!r} was left out: all together they would be too large")
            continue
        kept |= checked
    return email, kept


def _auth_time(value: object, now: datetime, faults: list[str]) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        faults.append("auth_time was left out: it must be a datetime with a time zone")
        return None
    if value > now + CLOCK_SKEW:
        faults.append("auth_time was left out: it lies in the future")
        return None
    return min(value.astimezone(UTC), now)


def _methods(value: object, faults: list[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Sequence | set | frozenset):
        faults.append("amr was left out: it must be a tuple of texts")
        return ()
    given = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
    kept = [each for each in given if _is_method(each)][:MOST_METHODS]
    if len(kept) != len(given):
        faults.append("a part of amr was left out: it must be short texts")
    return tuple(kept)


def _is_method(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_METHOD and value.isascii() and value.isprintable()


def _acr(amr: tuple[str, ...]) -> str:
    """What the methods are worth (RFC 8176, section 2): only a key that was proven withstands phishing."""
    if "hwk" in amr:
        return assurance.PHISHING_RESISTANT_HARDWARE
    if "pop" in amr or "swk" in amr:
        return assurance.PHISHING_RESISTANT
    return assurance.PASSLINK
