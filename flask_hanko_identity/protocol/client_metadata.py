"""What the type of an app decides, and what its settings may be (RFC 6749, 2.1; RFC 9700, section 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields
from dataclasses import replace
from typing import Any

from ..errors import InvalidInput
from ..storage.clients import ApplicationType
from ..storage.clients import Client
from ..storage.clients import RedirectKind
from ..text import gettext
from .names import clean_name
from .redirect_uris import check_application_uri
from .redirect_uris import check_redirect_uris
from .signing import ALGORITHMS

AUTH_METHODS: dict[str, tuple[str, ...]] = {
    ApplicationType.WEB: ("client_secret_basic", "client_secret_post"),
    ApplicationType.NATIVE: ("none",),
}
"""Token endpoint authentication methods of each type of app, the default first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """What may be set for an app. None means: as it was, or as its type has it by default."""

    name: str | None = None
    application_uri: str | None = None
    redirect_uris: Sequence[str] | None = None
    post_logout_redirect_uris: Sequence[str] | None = None
    token_endpoint_auth_method: str | None = None
    require_pkce: bool | None = None
    refresh_tokens: bool | None = None
    rotate_refresh_tokens: bool | None = None
    first_party: bool | None = None
    id_token_signed_response_alg: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSettings:
    """The settings of an app, whole and consistent."""

    name: str
    application_uri: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    token_endpoint_auth_method: str
    require_pkce: bool
    refresh_tokens: bool
    rotate_refresh_tokens: bool
    first_party: bool
    id_token_signed_response_alg: str


def check_application_type(application_type: Any) -> str:
    """``web`` or ``native``.

    :raises InvalidInput: for anything else.
    """
    if not isinstance(application_type, str) or application_type not in list(ApplicationType):
        raise InvalidInput(gettext("The type of an app is web or native."), field="application_type")
    return application_type


def settings_of(client: Client) -> ClientSettings:
    """What is stored for a client."""
    addresses: dict[str, list[str]] = {RedirectKind.LOGIN: [], RedirectKind.LOGOUT: []}
    for each in client.redirect_uris:
        addresses[each.kind].append(each.uri)
    return ClientSettings(
        name=client.name,
        application_uri=client.application_uri,
        redirect_uris=tuple(addresses[RedirectKind.LOGIN]),
        post_logout_redirect_uris=tuple(addresses[RedirectKind.LOGOUT]),
        token_endpoint_auth_method=client.token_endpoint_auth_method,
        require_pkce=client.require_pkce,
        refresh_tokens=client.refresh_tokens,
        rotate_refresh_tokens=client.rotate_refresh_tokens,
        first_party=client.first_party,
        id_token_signed_response_alg=client.id_token_signed_response_alg,
    )


def merge(stored: ClientSettings, changes: ClientSettings) -> ClientSettings:
    """The stored settings with what the changes give."""
    given = {each.name: getattr(changes, each.name) for each in fields(changes)}
    return replace(stored, **{name: value for name, value in given.items() if value is not None})


def check_settings(settings: ClientSettings, application_type: str) -> CheckedSettings:
    """All settings of an app, checked one by one and against each other.

    :raises InvalidInput: naming the setting.
    """
    native = application_type == ApplicationType.NATIVE
    application_uri = check_application_uri(
        settings.application_uri, application_type=application_type, field="application_uri"
    )
    redirect_uris, post_logout_redirect_uris = (
        check_redirect_uris(
            uris,
            application_type=application_type,
            application_uri=application_uri,
            field=field,
            required=field == "redirect_uris",
        )
        for field, uris in (
            ("redirect_uris", settings.redirect_uris or ()),
            ("post_logout_redirect_uris", settings.post_logout_redirect_uris or ()),
        )
    )
    checked = CheckedSettings(
        name=clean_name(settings.name, "name"),
        application_uri=application_uri,
        redirect_uris=redirect_uris,
        post_logout_redirect_uris=post_logout_redirect_uris,
        token_endpoint_auth_method=_auth_method(settings.token_endpoint_auth_method, application_type),
        require_pkce=_switch(settings.require_pkce, "require_pkce", default=True),
        refresh_tokens=_switch(settings.refresh_tokens, "refresh_tokens", default=False),
        rotate_refresh_tokens=_switch(settings.rotate_refresh_tokens, "rotate_refresh_tokens", default=True),
        first_party=_switch(settings.first_party, "first_party", default=False),
        id_token_signed_response_alg=_algorithm(settings.id_token_signed_response_alg),
    )
    if native:
        _check_native(checked)
    return checked


def _check_native(checked: CheckedSettings) -> None:
    if not checked.require_pkce:  # RFC 8252, section 6
        raise InvalidInput(gettext("A native app always uses PKCE."), field="require_pkce")
    if not checked.rotate_refresh_tokens:  # RFC 9700, section 4.14.2
        raise InvalidInput(gettext("The refresh tokens of a native app always rotate."), field="rotate_refresh_tokens")
    if checked.first_party and not all(uri.startswith("https://") for uri in checked.redirect_uris):
        # RFC 8252, section 8.6: on other addresses any program of the device could pose as the app.
        raise InvalidInput(
            gettext("Consent can be left out for a native app only if all its redirect addresses are https."),
            field="first_party",
        )


def _auth_method(method: Any, application_type: str) -> str:
    allowed = AUTH_METHODS[application_type]
    if method is None:
        return allowed[0]
    if not isinstance(method, str) or method not in allowed:
        raise InvalidInput(
            gettext("For this type of app the method can be: %(methods)s.", methods=", ".join(allowed)),
            field="token_endpoint_auth_method",
        )
    return method


def _algorithm(algorithm: Any) -> str:
    if algorithm is None:
        return ALGORITHMS[0]  # OpenID Connect Core 1.0, section 15.1: RS256 is the one that all know
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise InvalidInput(
            gettext("ID tokens can be signed with: %(algorithms)s.", algorithms=", ".join(ALGORITHMS)),
            field="id_token_signed_response_alg",
        )
    return algorithm


def _switch(value: Any, field: str, *, default: bool) -> bool:
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidInput(gettext("This is on or off."), field=field)
    return value
