"""Claims about a user (OpenID Connect Core 1.0, section 5)."""

import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import HostFunctionFailed

SCOPE_CLAIMS: Mapping[str, tuple[str, ...]] = {
    "profile": (
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
"""Which scope asks for which claims (section 5.4)."""

USER_CLAIMS = tuple(name for names in SCOPE_CLAIMS.values() for name in names)

PROTOCOL_CLAIMS = frozenset(
    ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "sid")
)
"""What only we may say; a host's function cannot replace these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """A user as claims see it. The host's ``@identity.claims`` function is given one."""

    sub: str
    email: str | None
    email_verified: bool
    claims: Mapping[str, Any]
    """Stored standard claims."""
    updated_at: datetime
    host_id: str | None
    """The host's own name for the person, in projects of type host."""


ClaimsHook = Callable[[UserRecord, frozenset[str]], Mapping[str, Any]]


def names_for_scopes(scopes: Iterable[str]) -> set[str]:
    """The claims that these scopes ask for."""
    return {name for scope in scopes for name in SCOPE_CLAIMS.get(scope, ())}


def scopes_for_names(names: Iterable[str]) -> set[str]:
    """The scopes that would ask for these claims."""
    wanted = set(names)
    return {scope for scope, claims in SCOPE_CLAIMS.items() if wanted & set(claims)}


def names_requested(claims: Mapping[str, Any] | None, member: str) -> set[str]:
    """The claims that the ``claims`` parameter asks for by name (section 5.5).

    :param member: ``userinfo`` or ``id_token``.
    """
    return set(((claims or {}).get(member)) or ())


def select(user: UserRecord, names: set[str], *, scopes: frozenset[str], hook: ClaimsHook | None) -> dict[str, Any]:
    """The values of the claims in ``names`` that the user has; what is not there is left out (section 5.3.2)."""
    known: dict[str, Any] = {name: user.claims[name] for name in names if name in user.claims}
    if user.email is not None:
        if "email" in names:
            known["email"] = user.email
        if "email_verified" in names:
            known["email_verified"] = user.email_verified
    if "updated_at" in names:
        known["updated_at"] = int(user.updated_at.timestamp())
    if hook is not None:
        known |= _ask(hook, user, scopes)
    return known


def _ask(hook: ClaimsHook, user: UserRecord, scopes: frozenset[str]) -> dict[str, Any]:
    """What the host adds, as plain JSON.

    :raises HostFunctionFailed: if it raises, or returns something else.
    """
    try:
        added: object = hook(user, scopes)
    except Exception as error:
        raise HostFunctionFailed(f"claims raised {type(error).__name__}") from error
    if not isinstance(added, Mapping) or not all(isinstance(name, str) for name in added):
        raise HostFunctionFailed("claims must return a mapping of names to values")
    kept = {name: value for name, value in added.items() if name not in PROTOCOL_CLAIMS and value is not None}
    try:
        text = json.dumps(kept, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise HostFunctionFailed("claims must return what JSON can hold") from error
    answer: dict[str, Any] = json.loads(text)
    return answer
