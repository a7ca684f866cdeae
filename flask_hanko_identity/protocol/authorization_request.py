"""The authorization request: an ordered list of checks (RFC 6749, section 4.1.1; OpenID Connect Core 1.0, 3.1.2).

Client and redirect URI come first; until both are proven nothing is sent anywhere. Every later error goes back to
the app with ``state`` and ``iss``.
"""

import json
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749 import InvalidScopeError
from authlib.oauth2.rfc6749 import UnsupportedResponseTypeError

from ..storage.snapshots import ClientSnapshot
from ..storage.snapshots import ProjectSnapshot
from ..text import gettext
from . import redirect_uris
from . import scopes
from .claims import names_requested
from .claims import scopes_for_names
from .errors import AuthorizationError
from .errors import RegistrationNotSupportedError
from .errors import RequestNotSupportedError
from .errors import RequestRefused
from .errors import RequestURINotSupportedError
from .parameters import is_storable

KNOWN = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "display",
    "prompt",
    "max_age",
    "ui_locales",
    "claims_locales",
    "id_token_hint",
    "login_hint",
    "acr_values",
    "claims",
    "request",
    "request_uri",
    "registration",
    "code_challenge",
    "code_challenge_method",
)
"""Parameters that mean something to us; all others are ignored, however often they come."""

PROMPTS = ("none", "login", "consent", "select_account", "create")

# The base64url form of a SHA-256 digest has 43 characters (RFC 7636, section 4.2).
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")

Lookup = Callable[[str], ClientSnapshot | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidRequest:
    """An authorization request that passed every check."""

    client: ClientSnapshot
    redirect_uri: str
    scope: tuple[str, ...]
    consent_scope: tuple[str, ...]
    """What the person is asked for: the scopes, and those that stand for claims asked for by name."""
    state: str | None
    nonce: str | None
    prompt: frozenset[str]
    max_age: int | None
    """Seconds."""
    id_token_hint: str | None
    login_hint: str | None
    acr_values: tuple[str, ...]
    acr_is_essential: bool
    claims: Mapping[str, Any] | None
    code_challenge: str | None
    parameters: Mapping[str, str]
    """As they came, for the row that remembers the request."""


@dataclass(slots=True)
class _Draft:
    """What is known of a request while it is checked."""

    parameters: dict[str, str]
    client: ClientSnapshot
    scope: tuple[str, ...] = ()
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    claims: dict[str, Any] | None = None


def validate(pairs: Iterable[tuple[str, str]], *, project: ProjectSnapshot, find_client: Lookup) -> ValidRequest:
    """Check a request.

    :param pairs: every parameter as it came, repeated ones too.
    :raises RequestRefused: if client or redirect URI is not proven.
    :raises AuthorizationError: for every other fault.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in KNOWN:
            given.setdefault(name, []).append(value)
    client = _prove_client(given, project=project, find_client=find_client)
    redirect_uri = _prove_redirect_uri(given, client)
    states = given.get("state", [])
    state = states[0] if len(states) == 1 and states[0] and is_storable(states[0]) else None
    draft = _Draft({}, client)
    try:
        draft.parameters = _read_once(given)
        for check in _CHECKS:
            check(draft)
    except OAuth2Error as error:
        raise AuthorizationError(error, redirect_uri=redirect_uri, state=state) from error
    parameters = draft.parameters
    acr_values, essential = _acr(draft.claims, draft.parameters)
    return ValidRequest(
        client=client,
        redirect_uri=redirect_uri,
        scope=draft.scope,
        consent_scope=_consent_scope(draft),
        state=state,
        nonce=parameters.get("nonce"),
        prompt=draft.prompt,
        max_age=draft.max_age,
        id_token_hint=parameters.get("id_token_hint"),
        login_hint=parameters.get("login_hint"),
        acr_values=acr_values,
        acr_is_essential=essential,
        claims=draft.claims,
        code_challenge=parameters.get("code_challenge"),
        parameters=parameters,
    )


def _prove_client(given: dict[str, list[str]], *, project: ProjectSnapshot, find_client: Lookup) -> ClientSnapshot:
    values = given.get("client_id", [])
    if len(values) != 1 or not values[0]:
        raise RequestRefused(
            gettext("The app must name itself with exactly one client_id. Tell its makers."), details=[]
        )
    client = find_client(values[0]) if is_storable(values[0]) and len(values[0]) <= 64 else None
    if client is None:
        raise RequestRefused(
            gettext("No app with this client ID is connected to %(project)s.", project=project.name),
            details=[("client_id", values[0])],
        )
    if not client.enabled:
        raise RequestRefused(
            gettext("%(app)s is switched off at the moment. Ask its makers.", app=client.name),
            details=[("client_id", client.client_id)],
        )
    return client


def _prove_redirect_uri(given: dict[str, list[str]], client: ClientSnapshot) -> str:
    values = given.get("redirect_uri", [])
    registered = ", ".join(sorted(client.redirect_uris))
    # Required even where one is registered (OpenID Connect Core 1.0, section 3.1.2.1).
    if len(values) != 1 or not values[0]:
        raise RequestRefused(
            gettext("%(app)s must say with exactly one redirect_uri where to go on.", app=client.name),
            details=[("client_id", client.client_id), (gettext("Registered"), registered)],
        )
    if not redirect_uris.is_registered(client.redirect_uris, values[0], client.application_type):
        raise RequestRefused(
            gettext(
                "%(app)s asked to go on at an address that is not among its allowed login redirect URLs. "
                "They must match exactly.",
                app=client.name,
            ),
            details=[
                ("client_id", client.client_id),
                (gettext("Received redirect_uri"), values[0]),
                (gettext("Registered"), registered),
            ],
        )
    return values[0]


def _read_once(given: dict[str, list[str]]) -> dict[str, str]:
    for name, values in given.items():
        # RFC 6749, section 3.1: parameters MUST NOT be included more than once.
        if len(values) > 1:
            raise InvalidRequestError(f"The parameter {name} is there more than once.")
        if not is_storable(values[0]):
            raise InvalidRequestError(f"The parameter {name} holds a control character or is too long.")
    return {name: values[0] for name, values in given.items() if values[0]}


def _check_request_objects(draft: _Draft) -> None:
    # OpenID Connect Core 1.0, section 3.1.2.6.
    if "request" in draft.parameters:
        raise RequestNotSupportedError("Request objects are not supported.")
    if "request_uri" in draft.parameters:
        raise RequestURINotSupportedError("Request objects by reference are not supported.")
    if "registration" in draft.parameters:
        raise RegistrationNotSupportedError("The registration parameter is not supported.")


def _check_response_type(draft: _Draft) -> None:
    response_type = draft.parameters.get("response_type")
    if response_type is None:
        raise InvalidRequestError("The parameter response_type is missing.")
    if response_type != "code":
        raise UnsupportedResponseTypeError(response_type, "The only response type here is code.")


def _check_response_mode(draft: _Draft) -> None:
    if draft.parameters.get("response_mode", "query") != "query":
        raise InvalidRequestError("The only response mode here is query.")


def _check_scope(draft: _Draft) -> None:
    asked = scopes.parse(draft.parameters.get("scope", ""))
    if asked is None:
        raise InvalidScopeError("The parameter scope is missing or malformed.")
    if scopes.OPENID not in asked:
        raise InvalidScopeError("The scope must include openid.")
    unknown = [scope for scope in asked if scope not in scopes.SCOPES]
    if unknown:
        raise InvalidScopeError(f"There is no scope {unknown[0][:64]} here.")
    # OpenID Connect Core 1.0, section 11: without the right to refresh, offline_access is ignored.
    draft.scope = tuple(scope for scope in asked if scope != scopes.OFFLINE_ACCESS or draft.client.refresh_tokens)


def _check_pkce(draft: _Draft) -> None:
    challenge = draft.parameters.get("code_challenge")
    method = draft.parameters.get("code_challenge_method")
    if challenge is None and method is None:
        if draft.client.require_pkce:
            raise InvalidRequestError("PKCE is required: send code_challenge with code_challenge_method=S256.")
        return
    # RFC 7636, section 4.3: without a method the challenge would be plain, which RFC 9700, 2.1.1, advises against.
    if method != "S256":
        raise InvalidRequestError("code_challenge_method must be S256.")
    if challenge is None or not _S256_CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("code_challenge must be the base64url form of a SHA-256 digest.")


def _check_prompt(draft: _Draft) -> None:
    values = draft.parameters.get("prompt", "").split()
    if any(value not in PROMPTS for value in values):
        raise InvalidRequestError("prompt holds a value that is not known here.")
    if "none" in values and len(set(values)) > 1:
        raise InvalidRequestError("prompt=none cannot be combined with other values.")
    draft.prompt = frozenset(values)


def _check_max_age(draft: _Draft) -> None:
    value = draft.parameters.get("max_age")
    if value is not None:
        if not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            raise InvalidRequestError("max_age must be a whole number of seconds.")
        draft.max_age = int(value)


def _check_claims(draft: _Draft) -> None:
    value = draft.parameters.get("claims")
    if value is None:
        return
    wrong = InvalidRequestError("claims must be a JSON object as OpenID Connect Core describes it.")
    try:
        claims = json.loads(value)
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(claims, dict) or not _is_plain(claims):
        raise wrong
    for member in ("userinfo", "id_token"):
        asked = claims.get(member)
        # Section 5.5.1: each claim is asked for with null or with an object.
        if asked is not None and not (
            isinstance(asked, dict) and all(each is None or isinstance(each, dict) for each in asked.values())
        ):
            raise wrong
    draft.claims = claims


def _is_plain(value: Any, depth: int = 0) -> bool:
    if depth > 8:
        return False
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(is_storable(key) and _is_plain(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return all(_is_plain(item, depth + 1) for item in value)
    # NaN and the infinities are not JSON, and PostgreSQL would not store them.
    return not isinstance(value, float) or (value == value and abs(value) != float("inf"))


def _consent_scope(draft: _Draft) -> tuple[str, ...]:
    names = names_requested(draft.claims, "userinfo") | names_requested(draft.claims, "id_token")
    together = {*draft.scope, *scopes_for_names(names)}
    return tuple(scope for scope in scopes.SCOPES if scope in together)


def requested_acr(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The ``acr`` values that a request asks for which was found valid before."""
    claims = json.loads(parameters["claims"]) if "claims" in parameters else None
    return _acr(claims, parameters)[0]


def _acr(claims: Mapping[str, Any] | None, parameters: Mapping[str, str]) -> tuple[tuple[str, ...], bool]:
    asked = ((claims or {}).get("id_token") or {}).get("acr") or {}
    values = asked.get("values", [asked["value"]] if "value" in asked else [])
    if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
        return tuple(values), asked.get("essential") is True
    return tuple(parameters.get("acr_values", "").split()), False


_CHECKS = (
    _check_request_objects,
    _check_response_type,
    _check_response_mode,
    _check_scope,
    _check_pkce,
    _check_prompt,
    _check_max_age,
    _check_claims,
)
