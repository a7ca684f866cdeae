"""Authorization requests: begun, resumed after sign-in, decided by the person, answered with a code."""

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError
from sqlalchemy import Table
from sqlalchemy import insert

from .. import crypto
from .. import signals
from ..protocol.assurance import reached
from ..protocol.authorization_request import ValidRequest
from ..protocol.authorization_request import requested_acr
from ..protocol.authorization_request import validate
from ..protocol.authorization_response import error_uri
from ..protocol.authorization_response import success_uri
from ..protocol.errors import AuthorizationError
from ..protocol.errors import ConsentRequiredError
from ..protocol.errors import LoginRequiredError
from ..protocol.errors import UnmetAuthenticationRequirementsError
from ..protocol.interaction import Interaction
from ..protocol.interaction import Situation
from ..protocol.interaction import next_interaction
from ..storage.authorizations import Authorization
from ..storage.snapshots import ClientSnapshot
from . import consents
from . import pending
from .accounts import find_account
from .context import Context
from .host_accounts import fresh_since
from .host_accounts import refuse_unproven
from .login_sessions import SignedIn
from .login_sessions import find_signed_in
from .unit_of_work import Work
from .unit_of_work import transaction

_authorization: Table = Authorization.__table__  # type: ignore[assignment]

_INSERT_AUTHORIZATION = insert(_authorization)


@dataclass(frozen=True, slots=True)
class Redirect:
    """The answer: the browser goes back to the app."""

    uri: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The person has something to do first."""

    handle: str
    interaction: Interaction


@dataclass(frozen=True, slots=True)
class Parked:
    """The request came without cookies, as a cross-site POST does; the browser continues it with a GET."""

    handle: str


@dataclass(frozen=True, slots=True)
class AskConsent:
    """The person is to decide."""

    handle: str
    request: ValidRequest
    signed_in: SignedIn


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """What a sign-in page may know of the request that it serves."""

    handle: str
    client_name: str
    login_hint: str | None
    prompt: frozenset[str]
    acr_values: tuple[str, ...]


Outcome = Redirect | Wait | Parked | AskConsent


def park(ctx: Context, pairs: Iterable[tuple[str, str]]) -> Redirect | Parked:
    """Check a request that came by POST and keep it for the GET that follows.

    A browser leaves SameSite=Lax cookies out of a cross-site POST, so who is signed in is not known yet.

    :raises RequestRefused: if client or redirect URI is not proven.
    """
    try:
        request = _validate(ctx, pairs)
    except AuthorizationError as error:
        return _refuse(ctx, error)
    with transaction(ctx):
        return Parked(pending.remember(ctx, request, browser=None))


def begin(
    ctx: Context, pairs: Iterable[tuple[str, str]], *, login_token: str | None, others: Sequence[str] = ()
) -> Outcome:
    """Answer a request at once if nothing stands in its way, else remember it and say what comes first.

    :param login_token: value of the project's login cookie.
    :param others: tokens of the other accounts that are signed in there.
    :raises RequestRefused: if client or redirect URI is not proven.
    """
    try:
        request = _validate(ctx, pairs)
        refuse_unproven(ctx, request)
        with transaction(ctx) as work:
            signed_in, situation = _situation(ctx, request, login_token, others)
            interaction = next_interaction(request, situation)
            if interaction is Interaction.NONE and signed_in is not None:
                return _grant(ctx, work, request, signed_in)
            _refuse_silence(request, interaction)
            handle = pending.remember(ctx, request, browser=crypto.digest(ctx.origin.browser))
            return Wait(handle, interaction)
    except AuthorizationError as error:
        return _refuse(ctx, error)


def resume(
    ctx: Context, handle: str, *, login_token: str | None, others: Sequence[str] = (), returned: bool = True
) -> Outcome:
    """Take a remembered request up again: after sign-in, or for the first time with cookies.

    :param returned: whether the person may have been at the host's login view.
    :raises PageExpired: if there is no such open request in this browser.
    :raises RequestRefused: if the app has changed so that it is no longer proven.
    """
    with transaction(ctx) as work:
        row = pending.take(ctx, handle)
        try:
            request = _validate(ctx, row.parameters.items())
            refuse_unproven(ctx, request)
            signed_in, situation = _situation(ctx, request, login_token, others, row=row, returned=returned)
            interaction = next_interaction(request, situation)
            _refuse_silence(request, interaction)
        except AuthorizationError as error:
            pending.answer(ctx, row)
            return _refuse(ctx, error)
        if interaction is Interaction.NONE and signed_in is not None:
            pending.answer(ctx, row)
            return _grant(ctx, work, request, signed_in)
        if interaction is Interaction.CONSENT and signed_in is not None:
            return AskConsent(handle, request, signed_in)
        return Wait(handle, interaction)


def decide(ctx: Context, handle: str, *, allow: bool, login_token: str | None, others: Sequence[str] = ()) -> Outcome:
    """The person's yes or no to the consent page.

    :raises PageExpired: if there is no such open request in this browser.
    """
    with transaction(ctx) as work:
        row = pending.take(ctx, handle)
        try:
            request = _validate(ctx, row.parameters.items())
            signed_in, situation = _situation(ctx, request, login_token, others, row=row)
            interaction = next_interaction(request, situation)
            if interaction is Interaction.SELECT:
                return Wait(handle, interaction)
            if signed_in is None or interaction in (Interaction.LOGIN, Interaction.CREATE):
                return Wait(handle, Interaction.LOGIN)
            _refuse_silence(request, interaction)
            pending.answer(ctx, row)
            if not allow:
                raise _error(request, AccessDeniedError("The user said no."))
        except AuthorizationError as error:
            pending.answer(ctx, row)
            return _refuse(ctx, error)
        consents.remember(ctx, user_id=signed_in.user_id, client_id=request.client.id, scope=request.consent_scope)
        work.record(
            "consent.given",
            f"client:{request.client.client_id}",
            actor=f"user:{signed_in.sub}",
            data={"scope": " ".join(request.consent_scope)},
        )
        return _grant(ctx, work, request, signed_in)


def find_pending(ctx: Context, handle: str) -> PendingRequest | None:
    """The open request with this handle in this browser, for the page that signs the person in."""
    row = pending.find(ctx, handle)
    client = _find_client(ctx, row.parameters["client_id"]) if row is not None else None
    if row is None or client is None:
        return None
    return PendingRequest(
        handle=row.handle,
        client_name=client.name,
        login_hint=row.parameters.get("login_hint"),
        prompt=frozenset(row.parameters.get("prompt", "").split()),
        acr_values=requested_acr(row.parameters),
    )


def _validate(ctx: Context, pairs: Iterable[tuple[str, str]]) -> ValidRequest:
    return validate(pairs, project=ctx.project, find_client=lambda client_id: _find_client(ctx, client_id))


def _find_client(ctx: Context, client_id: str) -> ClientSnapshot | None:
    return ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=client_id)


def _situation(
    ctx: Context,
    request: ValidRequest,
    login_token: str | None,
    others: Sequence[str],
    *,
    row: Any = None,
    returned: bool = True,
) -> tuple[SignedIn | None, Situation]:
    """Whose answer it would be, and what is true of them.

    :param row: of the request, where it has been waiting.
    """
    signed_in = find_signed_in(ctx, login_token) if login_token else None
    hinted_sub = None
    if request.id_token_hint is not None:
        hint = ctx.keys.recognise_id_token(ctx.project, request.id_token_hint)
        if hint is not None and hint["aud"] == request.client.client_id:
            hinted_sub = hint["sub"]
    if hinted_sub is not None and (signed_in is None or signed_in.sub != hinted_sub):
        signed_in = find_account(ctx, others, sub=hinted_sub) or signed_in
    consented: tuple[str, ...] = ()
    if signed_in is not None and not request.client.first_party:
        consented = consents.given(ctx, user_id=signed_in.user_id, client_id=request.client.id)
    if row is None:
        return signed_in, Situation(ctx.now, signed_in, consented, hinted_sub)
    since = fresh_since(ctx, row.created_at, returned=returned)
    chosen = signed_in is not None and pending.chosen_sid(row) == signed_in.sid
    return signed_in, Situation(ctx.now, signed_in, consented, hinted_sub, since, chosen)


def _refuse_silence(request: ValidRequest, interaction: Interaction) -> None:
    if interaction is Interaction.UNMET:
        raise _error(request, UnmetAuthenticationRequirementsError("The user could not sign in as the request asks."))
    # OpenID Connect Core 1.0, section 3.1.2.6.
    if "none" in request.prompt and interaction is Interaction.CONSENT:
        raise _error(request, ConsentRequiredError("The user has to be asked."))
    if "none" in request.prompt and interaction is not Interaction.NONE:
        raise _error(request, LoginRequiredError("The user has to sign in."))


def _error(request: ValidRequest, error: OAuth2Error) -> AuthorizationError:
    return AuthorizationError(error, redirect_uri=request.redirect_uri, state=request.state)


def _refuse(ctx: Context, error: AuthorizationError) -> Redirect:
    return Redirect(error_uri(error.redirect_uri, error=error.error, state=error.state, issuer=ctx.project.issuer))


def _grant(ctx: Context, work: Work, request: ValidRequest, signed_in: SignedIn) -> Redirect:
    code = crypto.random_text()
    ctx.session.execute(
        _INSERT_AUTHORIZATION,
        {
            "project_id": ctx.project.id,
            "client_id": request.client.id,
            "user_id": signed_in.user_id,
            "login_session_id": signed_in.session_id,
            "code_digest": crypto.digest(code),
            "redirect_uri": request.redirect_uri,
            "code_challenge": request.code_challenge,
            "scope": " ".join(request.scope),
            "nonce": request.nonce,
            "sid": signed_in.sid,
            "auth_time": signed_in.auth_time,
            "acr": reached(signed_in.acr, request.acr_values) or signed_in.acr,
            "amr": list(signed_in.amr),
            "claims": request.claims,
            "created_at": ctx.now,
            "code_expires_at": ctx.now + ctx.settings.authorization_code_lifetime,
            "expires_at": ctx.now + timedelta(days=1),
        },
    )
    work.announce(
        signals.authorization_granted,
        project=ctx.project.slug,
        client_id=request.client.client_id,
        sub=signed_in.sub,
        scope=" ".join(request.scope),
    )
    return Redirect(success_uri(request.redirect_uri, code=code, state=request.state, issuer=ctx.project.issuer))
