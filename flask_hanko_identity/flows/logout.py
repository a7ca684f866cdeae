"""Logout that an app asks for (RP-Initiated Logout 1.0)."""

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Table
from sqlalchemy import bindparam
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update

from .. import crypto
from ..errors import PageExpired
from ..protocol.authorization_response import with_state
from ..protocol.errors import RequestRefused
from ..protocol.parameters import is_storable
from ..storage.logouts import LogoutRequest
from ..storage.snapshots import ClientSnapshot
from ..text import gettext
from .context import Context
from .login_sessions import SignedIn
from .login_sessions import end_session
from .login_sessions import find_signed_in
from .unit_of_work import Work
from .unit_of_work import transaction

PENDING_LIFETIME = timedelta(minutes=10)
"""How long a person may take to confirm."""

KNOWN = ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")

_request: Table = LogoutRequest.__table__  # type: ignore[assignment]

_open = (
    _request.c.handle == bindparam("b_handle"),
    _request.c.project_id == bindparam("b_project"),
    _request.c.answered_at.is_(None),
    _request.c.expires_at > bindparam("b_now"),
)
_FIND = select(_request.c.id, _request.c.parameters).where(*_open)
_ANSWER = update(_request).where(*_open).values(answered_at=bindparam("b_now")).returning(_request.c.parameters)


@dataclass(frozen=True, slots=True)
class Parked:
    """A checked request that waits for a GET with cookies."""

    handle: str


@dataclass(frozen=True, slots=True)
class AskFirst:
    """Nothing proves that the person wants this: they are asked (section 6)."""

    handle: str
    client_name: str | None
    signed_in: SignedIn


@dataclass(frozen=True, slots=True)
class Done:
    """The browser is signed out; it goes on to ``uri``, or sees our page that says so."""

    uri: str | None
    ended: bool = False
    """Whether there was a session."""


@dataclass(frozen=True, slots=True)
class _Checked:
    client_id: str | None
    redirect_uri: str | None
    state: str | None
    sid: str | None
    """The login session that the hint names, or None without a hint that is ours."""


def park(ctx: Context, parameters: Mapping[str, str]) -> Parked:
    """Check a request that came by POST, and keep it for the GET that brings the cookies.

    :raises RequestRefused: if it asks to go on at an address that is not registered, or contradicts itself.
    """
    checked = _check(ctx, parameters)
    with transaction(ctx):
        return Parked(_remember(ctx, checked))


def begin(ctx: Context, parameters: Mapping[str, str], *, login_token: str | None) -> AskFirst | Done:
    """Sign the browser out at once if the app proves who asks, else ask the person.

    :raises RequestRefused: if it asks to go on at an address that is not registered, or contradicts itself.
    """
    checked = _check(ctx, parameters)
    with transaction(ctx) as work:
        return _proceed(ctx, work, checked, login_token=login_token, handle=None)


def resume(ctx: Context, handle: str, *, login_token: str | None) -> AskFirst | Done:
    """Take up a request that was parked.

    :raises PageExpired: if it is over.
    """
    with transaction(ctx) as work:
        row = ctx.session.execute(_FIND, _key(ctx, handle)).one_or_none() if is_storable(handle) else None
        if row is None:
            raise _over()
        return _proceed(ctx, work, _Checked(**row.parameters), login_token=login_token, handle=handle)


def confirm(ctx: Context, handle: str, *, login_token: str | None) -> Done:
    """The person said yes on our page.

    :raises PageExpired: if the page is over.
    """
    with transaction(ctx) as work:
        row = ctx.session.execute(_ANSWER, _key(ctx, handle)).one_or_none() if is_storable(handle) else None
        if row is None:
            raise _over()
        checked = _Checked(**row.parameters)
        signed_in = find_signed_in(ctx, login_token) if login_token else None
        if signed_in is not None:
            _end(ctx, work, signed_in, checked.client_id)
        return _done(ctx, checked, ended=signed_in is not None)


def _proceed(
    ctx: Context, work: Work, checked: _Checked, *, login_token: str | None, handle: str | None
) -> AskFirst | Done:
    signed_in = find_signed_in(ctx, login_token) if login_token else None
    if signed_in is None:
        return _done(ctx, checked, ended=False)
    if checked.sid != signed_in.sid:
        # Sections 2 and 6: a request without a hint of this session may come from anybody.
        client = _find_client(ctx, checked.client_id)
        name = client.name if client is not None else None
        return AskFirst(handle or _remember(ctx, checked), name, signed_in)
    _end(ctx, work, signed_in, checked.client_id)
    if handle is not None:
        ctx.session.execute(_ANSWER, _key(ctx, handle))
    return _done(ctx, checked, ended=True)


def _done(ctx: Context, checked: _Checked, *, ended: bool) -> Done:
    client = _find_client(ctx, checked.client_id)
    # The address may have been struck off the list while the person thought about it.
    if client is None or checked.redirect_uri not in client.post_logout_redirect_uris:
        return Done(None, ended=ended)
    return Done(with_state(checked.redirect_uri, checked.state), ended=ended)


def _check(ctx: Context, parameters: Mapping[str, str]) -> _Checked:
    if not all(is_storable(parameters.get(name, "")) for name in KNOWN if name != "id_token_hint"):
        raise RequestRefused(gettext("The sign-out request holds text that cannot be read."), details=[])
    hint = None
    if "id_token_hint" in parameters:
        hint = ctx.keys.recognise_id_token(ctx.project, parameters["id_token_hint"])
    client_id = parameters.get("client_id")
    if hint is not None and client_id is not None and client_id != hint["aud"]:
        raise RequestRefused(
            gettext("The sign-out request names one app and its ID token belongs to another."),
            details=[("client_id", client_id), ("aud", hint["aud"])],
        )
    client = _find_client(ctx, hint["aud"] if hint is not None else client_id)
    return _Checked(
        client_id=client.client_id if client is not None else None,
        redirect_uri=_prove_redirect_uri(parameters, client, hinted=hint is not None),
        state=parameters.get("state"),
        sid=hint.get("sid") if hint is not None else None,
    )


def _prove_redirect_uri(parameters: Mapping[str, str], client: ClientSnapshot | None, *, hinted: bool) -> str | None:
    uri = parameters.get("post_logout_redirect_uri")
    if uri is None or not hinted or client is None:
        # Section 3: without a hint there is no redirect; the person sees our own page.
        return None
    if uri not in client.post_logout_redirect_uris:
        raise RequestRefused(
            gettext(
                "%(app)s asked to go on, after signing out, at an address that is not among its allowed logout "
                "redirect URLs. They must match exactly.",
                app=client.name,
            ),
            details=[
                ("client_id", client.client_id),
                (gettext("Received post_logout_redirect_uri"), uri),
                (gettext("Registered"), ", ".join(sorted(client.post_logout_redirect_uris))),
            ],
        )
    return uri


def _find_client(ctx: Context, client_id: str | None) -> ClientSnapshot | None:
    if client_id is None or len(client_id) > 64:
        return None
    return ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=client_id)


def _end(ctx: Context, work: Work, signed_in: SignedIn, client_id: str | None) -> None:
    asking = _find_client(ctx, client_id)
    end_session(ctx, work, session_id=signed_in.session_id, asking=asking.id if asking is not None else None)


def _remember(ctx: Context, checked: _Checked) -> str:
    handle = crypto.random_text()
    ctx.session.execute(
        insert(_request),
        {
            "project_id": ctx.project.id,
            "handle": handle,
            "parameters": asdict(checked),
            "created_at": ctx.now,
            "expires_at": ctx.now + PENDING_LIFETIME,
        },
    )
    return handle


def _key(ctx: Context, handle: str) -> dict[str, Any]:
    return {"b_handle": handle[:64], "b_project": ctx.project.id, "b_now": ctx.now}


def _over() -> PageExpired:
    return PageExpired(gettext("This page is over. Go back to the app and sign out there again."))
