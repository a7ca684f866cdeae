"""Authorizations at work: codes that are claimed once, and families of refresh tokens with one live leaf."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749 import InvalidScopeError
from sqlalchemy import Table
from sqlalchemy import bindparam
from sqlalchemy import select
from sqlalchemy import update

from .. import crypto
from ..storage.authorizations import Authorization
from ..storage.snapshots import ClientSnapshot
from ..storage.tokens import Token
from ..storage.tokens import TokenKind
from ..storage.users import User
from ..storage.users import UserState
from .claims import UserRecord
from .realm import Realm
from .tokens import Grant

_authorization: Table = Authorization.__table__  # type: ignore[assignment]
_token: Table = Token.__table__  # type: ignore[assignment]
_user: Table = User.__table__  # type: ignore[assignment]

_GRANT_COLUMNS = (
    _authorization.c.id,
    _authorization.c.user_id,
    _authorization.c.scope,
    _authorization.c.nonce,
    _authorization.c.sid,
    _authorization.c.auth_time,
    _authorization.c.acr,
    _authorization.c.amr,
    _authorization.c.claims,
    _authorization.c.expires_at,
)
USER_COLUMNS = (
    _user.c.sub,
    _user.c.email,
    _user.c.email_verified,
    _user.c.claims.label("user_claims"),
    _user.c.updated_at,
    _user.c.host_id,
)

_CLAIM_CODE = (
    update(_authorization)
    .where(
        _authorization.c.code_digest == bindparam("b_digest"),
        _authorization.c.client_id == bindparam("b_client"),
        _authorization.c.redirect_uri == bindparam("b_redirect_uri"),
        _authorization.c.code_challenge.is_not_distinct_from(bindparam("b_challenge")),
        _authorization.c.redeemed_at.is_(None),
        _authorization.c.revoked_at.is_(None),
        _authorization.c.code_expires_at > bindparam("b_now"),
    )
    .values(redeemed_at=bindparam("b_now"), expires_at=bindparam("b_end"))
    .returning(*_GRANT_COLUMNS)
)
_FIND_CODE = select(
    _authorization.c.id,
    _authorization.c.client_id,
    _authorization.c.redirect_uri,
    _authorization.c.code_challenge,
    _authorization.c.redeemed_at,
    _authorization.c.code_expires_at,
).where(_authorization.c.code_digest == bindparam("b_digest"))
_REVOKE = (
    update(_authorization)
    .where(_authorization.c.id == bindparam("b_id"), _authorization.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("b_now"))
)
_USER = select(*USER_COLUMNS).where(
    _user.c.id == bindparam("b_id"),
    _user.c.project_id == bindparam("b_project"),
    _user.c.state == UserState.ACTIVE.value,
)
_REFRESH = (
    select(
        _token.c.id.label("token_id"),
        _token.c.expires_at.label("token_expires_at"),
        _token.c.rotated_at,
        _token.c.successor_digest,
        _token.c.revoked_at,
        _authorization.c.revoked_at.label("family_revoked_at"),
        _authorization.c.client_id.label("client_id"),
        _user.c.state,
        *_GRANT_COLUMNS,
        *USER_COLUMNS,
    )
    .select_from(_token)
    .join(_authorization, _authorization.c.id == _token.c.authorization_id)
    .join(_user, _user.c.id == _authorization.c.user_id)
    .where(_token.c.digest == bindparam("b_digest"), _token.c.kind == TokenKind.REFRESH.value)
)
_ROTATE = (
    update(_token)
    .where(
        _token.c.id == bindparam("b_id"),
        _token.c.rotated_at.is_(None),
        _token.c.revoked_at.is_(None),
    )
    .values(rotated_at=bindparam("b_now"), successor_digest=bindparam("b_successor"))
)
_EXTEND = update(_token).where(_token.c.id == bindparam("b_id")).values(expires_at=bindparam("b_end"))
_LEAF = select(_token.c.rotated_at, _token.c.revoked_at).where(_token.c.digest == bindparam("b_digest"))


class TokenReplayed(InvalidGrantError):
    """A code or refresh token came a second time: its family was revoked, and that is to be committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A code as it comes to the token endpoint, with everything that must fit it."""

    code_digest: bytes
    client_id: int
    redirect_uri: str
    code_challenge: str | None


@dataclass(frozen=True, slots=True)
class Successor:
    """The refresh token that a client goes on with."""

    token: str = field(repr=False)
    to_store: str | None = field(repr=False)
    """The same, where it has no row yet."""


def claim_code(realm: Realm, presented: Presented) -> Any:
    """Take the code if everything fits. One statement: two requests can never both have it."""
    return realm.session.execute(
        _CLAIM_CODE,
        {
            "b_digest": presented.code_digest,
            "b_client": presented.client_id,
            "b_redirect_uri": presented.redirect_uri,
            "b_challenge": presented.code_challenge,
            "b_now": realm.now,
            "b_end": realm.now + realm.settings.refresh_token_lifetime,
        },
    ).one_or_none()


def explain_code(realm: Realm, presented: Presented) -> OAuth2Error:
    """Why a code could not be claimed. A genuine replay revokes its family (RFC 6749, section 4.1.2)."""
    row = realm.session.execute(_FIND_CODE, {"b_digest": presented.code_digest}).one_or_none()
    if row is None or row.client_id != presented.client_id:
        return InvalidGrantError("The code is unknown.")
    if row.redirect_uri != presented.redirect_uri:
        return InvalidGrantError("redirect_uri is not the one of the authorization request.")
    if row.code_challenge != presented.code_challenge:
        return InvalidGrantError("code_verifier does not fit the code_challenge of the authorization request.")
    if row.redeemed_at is not None:
        revoke_family(realm, row.id)
        return TokenReplayed("The code was used before. All that it gave is revoked.")
    return InvalidGrantError("The code has expired.")


def load_user(realm: Realm, row: Any) -> Grant:
    """The grant of a claimed code with its user.

    :raises InvalidGrantError: if the user is gone or inactive.
    """
    user = realm.session.execute(_USER, {"b_id": row.user_id, "b_project": realm.project.id}).one_or_none()
    if user is None:
        raise InvalidGrantError("The user is no longer active.")
    return _grant(row, user)


def revoke_family(realm: Realm, authorization_id: int) -> None:
    """End everything that came of an authorization, at once."""
    realm.session.execute(_REVOKE, {"b_id": authorization_id, "b_now": realm.now})


def use_refresh_token(
    realm: Realm,
    client: ClientSnapshot,
    token: str,
    *,
    rotates: bool,
    wanted: Sequence[str] | None,
) -> tuple[Grant, Successor]:
    """Use a refresh token and say which one comes next.

    Rotation derives the successor from the token and our key ring, so that a retry inside the grace window gets the
    same one again: the family keeps a single live leaf, however many requests race.

    :raises InvalidGrantError: if it does not work (any more), or is not this client's.
    :raises TokenReplayed: if it was used after its grace window; the family is revoked.
    :raises InvalidScopeError: if more is wanted than was granted (RFC 6749, section 6).
    """
    row = realm.session.execute(_REFRESH, {"b_digest": crypto.digest(token)}).one_or_none()
    if row is None or row.client_id != client.id:
        raise InvalidGrantError("The refresh token is unknown.")
    if row.state != UserState.ACTIVE.value:
        raise InvalidGrantError("The user is no longer active.")
    if row.revoked_at is not None or row.family_revoked_at is not None:
        raise InvalidGrantError("The refresh token was revoked.")
    if min(row.token_expires_at, row.expires_at) <= realm.now:
        raise InvalidGrantError("The refresh token has expired.")
    grant = _grant(row, row)
    if wanted is not None and not set(wanted) <= set(grant.scope):
        raise InvalidScopeError("The scope is wider than what was granted.")
    if not rotates and row.rotated_at is None:
        end = min(realm.now + realm.settings.refresh_token_idle_lifetime, grant.family_expires_at)
        realm.session.execute(_EXTEND, {"b_id": row.token_id, "b_end": end})
        return grant, Successor(token, None)
    return grant, _rotate(realm, row, token)


def _rotate(realm: Realm, row: Any, token: str) -> Successor:
    candidates = realm.ring.derive_text("refresh", str(row.id), token)
    if row.rotated_at is None:
        rotated = realm.session.execute(
            _ROTATE,
            {"b_id": row.token_id, "b_now": realm.now, "b_successor": crypto.digest(candidates[0])},
        )
        if rotated.rowcount == 1:  # type: ignore[attr-defined]
            return Successor(candidates[0], candidates[0])
        # Another request was faster by a moment; what it left is read anew.
        row = realm.session.execute(_REFRESH, {"b_digest": crypto.digest(token)}).one_or_none()
        if row is None or row.rotated_at is None:
            raise InvalidGrantError("The refresh token was revoked.")
    within_grace = realm.now - row.rotated_at <= realm.settings.refresh_token_grace
    leaf = realm.session.execute(_LEAF, {"b_digest": row.successor_digest}).one_or_none()
    leaf_unused = leaf is not None and leaf.rotated_at is None and leaf.revoked_at is None
    if within_grace and leaf_unused:
        for candidate in candidates:
            if crypto.same(crypto.digest(candidate), row.successor_digest):
                return Successor(candidate, None)
    revoke_family(realm, row.id)
    raise TokenReplayed("The refresh token was used before. Everything that came of it is revoked.")


def _grant(row: Any, user: Any) -> Grant:
    return Grant(
        authorization_id=row.id,
        scope=tuple(row.scope.split(" ")),
        nonce=row.nonce,
        sid=row.sid,
        auth_time=row.auth_time,
        acr=row.acr,
        amr=list(row.amr),
        requested_claims=row.claims,
        family_expires_at=row.expires_at,
        user=user_record(user),
    )


def user_record(row: Any) -> UserRecord:
    """The user of a row that was selected with ``USER_COLUMNS``."""
    return UserRecord(
        sub=row.sub,
        email=row.email,
        email_verified=row.email_verified,
        claims=row.user_claims,
        updated_at=row.updated_at,
        host_id=row.host_id,
    )
