"""Access tokens where they are shown: userinfo, introspection, revocation."""

from datetime import datetime
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlalchemy import Table
from sqlalchemy import bindparam
from sqlalchemy import select
from sqlalchemy import update

from .. import crypto
from ..storage.authorizations import Authorization
from ..storage.clients import Client
from ..storage.snapshots import ClientSnapshot
from ..storage.tokens import Token
from ..storage.tokens import TokenKind
from ..storage.users import User
from ..storage.users import UserState
from . import claims
from . import scopes
from .families import USER_COLUMNS
from .families import revoke_family
from .families import user_record
from .parameters import is_storable
from .realm import MachineRequest
from .realm import Realm

_authorization: Table = Authorization.__table__  # type: ignore[assignment]
_client: Table = Client.__table__  # type: ignore[assignment]
_token: Table = Token.__table__  # type: ignore[assignment]
_user: Table = User.__table__  # type: ignore[assignment]

_FIND = (
    select(
        _token.c.id.label("token_id"),
        _token.c.kind,
        _token.c.scope,
        _token.c.issued_at,
        _token.c.expires_at,
        _token.c.revoked_at,
        _token.c.rotated_at,
        _authorization.c.id.label("authorization_id"),
        _authorization.c.revoked_at.label("family_revoked_at"),
        _authorization.c.client_id.label("owner"),
        _authorization.c.claims.label("requested_claims"),
        _authorization.c.sid,
        _authorization.c.auth_time,
        _authorization.c.acr,
        _client.c.client_id,
        _client.c.disabled_at,
        _user.c.state,
        *USER_COLUMNS,
    )
    .select_from(_token)
    .join(_authorization, _authorization.c.id == _token.c.authorization_id)
    .join(_client, _client.c.id == _authorization.c.client_id)
    .join(_user, _user.c.id == _authorization.c.user_id)
    .where(
        _token.c.digest == bindparam("b_digest"),
        _authorization.c.project_id == bindparam("b_project"),
    )
)
_REVOKE_ONE = (
    update(_token)
    .where(_token.c.id == bindparam("b_id"), _token.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("b_now"))
)


class BearerError(OAuth2Error):
    """A refusal of a protected resource, with its challenge (RFC 6750, section 3).

    :param error: the code, or None where the request held no token at all (section 3.1).
    """

    def __init__(self, error: str | None, description: str | None, *, status_code: int) -> None:
        super().__init__(description, error=error or "invalid_token", status_code=status_code)
        self._code = error

    def get_body(self) -> list[tuple[str, str]]:
        body: list[tuple[str, str]] = super().get_body()
        return body if self._code is not None else []

    def get_headers(self) -> list[tuple[str, str]]:
        challenge = "Bearer"
        if self._code is not None:
            challenge += f' error="{self._code}", error_description="{self.description}"'
        return [*super().get_headers(), ("WWW-Authenticate", challenge)]


def userinfo(realm: Realm, request: MachineRequest) -> dict[str, Any]:
    """The claims that an access token opens (OpenID Connect Core 1.0, section 5.3).

    :raises BearerError: if it opens nothing.
    """
    row = _find(realm, _read_bearer(request))
    if row is None or row.kind != TokenKind.ACCESS.value or not _is_live(row, realm.now):
        raise BearerError("invalid_token", "The access token is unknown, expired or revoked.", status_code=401)
    granted = frozenset(row.scope.split(" "))
    if scopes.OPENID not in granted:
        raise BearerError("insufficient_scope", "The access token lacks the scope openid.", status_code=403)
    names = claims.names_for_scopes(granted) | claims.names_requested(row.requested_claims, "userinfo")
    answer = claims.select(user_record(row), names, scopes=granted, hook=realm.claims_hook)
    return {**answer, "sub": row.sub}


def introspect(realm: Realm, client: ClientSnapshot, request: MachineRequest) -> dict[str, Any]:
    """What a token of this client is worth (RFC 7662, section 2.2). Of any other it learns nothing."""
    row = _find(realm, _read_token(request))
    if row is None or row.owner != client.id or not _is_live(row, realm.now) or row.rotated_at is not None:
        return {"active": False}
    answer: dict[str, Any] = {
        "active": True,
        "scope": row.scope,
        "client_id": row.client_id,
        "sub": row.sub,
        "iss": realm.project.issuer,
        "aud": row.client_id,
        "iat": int(row.issued_at.timestamp()),
        "exp": int(row.expires_at.timestamp()),
        "auth_time": int(row.auth_time.timestamp()),
        "acr": row.acr,
    }
    if row.kind == TokenKind.ACCESS.value:
        answer["token_type"] = "Bearer"  # noqa: S105 - a name, not a secret
    return answer


def revoke(realm: Realm, client: ClientSnapshot, request: MachineRequest) -> Any:
    """Revoke a token of this client (RFC 7009, section 2.1); a refresh token takes its whole family along.

    :return: the token's row, or None if there is no such token, which is as good (section 2.2).
    :raises InvalidGrantError: if it is another client's.
    """
    row = _find(realm, _read_token(request))
    if row is None:
        return None
    if row.owner != client.id:
        raise InvalidGrantError("The token was not issued to this client.")
    if row.kind == TokenKind.REFRESH.value:
        revoke_family(realm, row.authorization_id)
    else:
        realm.session.execute(_REVOKE_ONE, {"b_id": row.token_id, "b_now": realm.now})
    return row


def _find(realm: Realm, token: str) -> Any:
    return realm.session.execute(_FIND, {"b_digest": crypto.digest(token), "b_project": realm.project.id}).one_or_none()


def _is_live(row: Any, now: datetime) -> bool:
    return (
        row.revoked_at is None
        and row.family_revoked_at is None
        and row.disabled_at is None
        and row.state == UserState.ACTIVE.value
        and now < row.expires_at
    )


def _read_token(request: MachineRequest) -> str:
    token = request.form.get("token")
    if token is None:
        raise InvalidRequestError("The parameter token is required.")
    return token


def _read_bearer(request: MachineRequest) -> str:
    """The access token from the header or from the form, never from both (RFC 6750, section 2)."""
    in_form = request.form.get("access_token")
    if request.authorization is None:
        if in_form is None:
            raise BearerError(None, None, status_code=401)
        return in_form
    scheme, _, token = request.authorization.partition(" ")
    if in_form is not None:
        raise BearerError("invalid_request", "The access token is there twice.", status_code=400)
    if scheme.lower() != "bearer" or not token.strip():
        raise BearerError(None, None, status_code=401)
    if not is_storable(token) or len(token) > 1024:
        raise BearerError("invalid_token", "The access token is malformed.", status_code=401)
    return token.strip()
