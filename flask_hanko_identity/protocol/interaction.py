"""What stands between a valid request and its answer: one pure function."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from enum import Enum
from typing import Protocol
from urllib.parse import urlsplit

from ..storage.clients import ApplicationType
from ..storage.snapshots import ClientSnapshot
from .assurance import satisfies
from .authorization_request import ValidRequest


class Interaction(Enum):
    """What the person has to do first."""

    NONE = "none"
    LOGIN = "login"
    CREATE = "create"
    SELECT = "select"
    """They say as whom they go on."""
    CONSENT = "consent"
    UNMET = "unmet"
    """They signed in just now and still not as strongly as asked."""


class Session(Protocol):
    """What is asked of a login session here."""

    @property
    def sub(self) -> str: ...
    @property
    def auth_time(self) -> datetime: ...
    @property
    def acr(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Situation:
    """What is true besides the request itself."""

    now: datetime
    session: Session | None
    consented: Collection[str]
    """Scopes that the person has said yes to before."""
    hinted_sub: str | None = None
    """Subject of a valid ``id_token_hint``."""
    since: datetime | None = None
    """When the request was first seen, if it had to wait for a person: what is newer than this answers it."""
    chosen: bool = False
    """Whether the person chose this session for this very request."""


def next_interaction(request: ValidRequest, situation: Situation) -> Interaction:
    """What has to happen before the request can be answered (OpenID Connect Core 1.0, section 3.1.2.3)."""
    session = situation.session
    if session is None:
        return Interaction.CREATE if "create" in request.prompt else Interaction.LOGIN
    fresh = situation.since is not None and session.auth_time > situation.since
    if request.prompt & {"login", "create"} and not fresh:
        return Interaction.CREATE if "create" in request.prompt else Interaction.LOGIN
    if "select_account" in request.prompt and not fresh and not situation.chosen:
        return Interaction.SELECT
    if request.max_age is not None and not fresh:
        age = situation.now - session.auth_time
        if request.max_age == 0 or age > timedelta(seconds=request.max_age):
            return Interaction.LOGIN
    if situation.hinted_sub is not None and session.sub != situation.hinted_sub:
        return Interaction.UNMET if fresh else Interaction.LOGIN
    if not satisfies(session.acr, request.acr_values, essential=request.acr_is_essential):
        return Interaction.UNMET if fresh else Interaction.LOGIN
    if needs_consent(request, situation.consented):
        return Interaction.CONSENT
    return Interaction.NONE


def needs_consent(request: ValidRequest, consented: Collection[str]) -> bool:
    """Whether the person has to be asked whether the app may have what it wants."""
    if "consent" in request.prompt:
        return True
    if not proves_identity(request.client, request.redirect_uri):
        return True
    return not request.client.first_party and not set(request.consent_scope) <= set(consented)


def proves_identity(client: ClientSnapshot, redirect_uri: str) -> bool:
    """Whether only the app itself can receive the answer.

    A native app on a loopback address or a private-use scheme cannot be told from another on the same device, so
    people are always asked (RFC 8252, section 8.6).
    """
    return client.application_type == ApplicationType.WEB or urlsplit(redirect_uri).scheme == "https"
