"""Access, refresh and ID tokens: what they hold and how they are stored."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hashlib import sha512
from typing import Any

from sqlalchemy import insert

from .. import crypto
from ..storage.snapshots import ClientSnapshot
from ..storage.tokens import Token
from ..storage.tokens import TokenKind
from . import claims
from . import scopes
from .realm import Realm
from .signing import active_key

_INSERT = insert(Token.__table__)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A living authorization together with its user: all that tokens are made of."""

    authorization_id: int
    scope: tuple[str, ...]
    """What the user allowed."""
    nonce: str | None
    sid: str
    auth_time: datetime
    acr: str
    amr: list[str]
    requested_claims: Mapping[str, Any] | None
    family_expires_at: datetime
    """When its last refresh token ends, however often it is used."""
    user: claims.UserRecord


def issue(
    realm: Realm,
    client: ClientSnapshot,
    grant: Grant,
    *,
    scope: tuple[str, ...],
    refresh_token: str | None,
    with_nonce: bool,
) -> dict[str, Any]:
    """Store tokens and return the token response (RFC 6749, section 5.1; OpenID Connect Core 1.0, 3.1.3.3).

    :param scope: of the access token; at most the grant's.
    :param refresh_token: a new refresh token to store and return, or None.
    :param with_nonce: whether the ID token repeats the nonce; one made by refreshing does not have to
        (OpenID Connect Core 1.0, section 12.2).
    """
    settings = realm.settings
    access_token = crypto.random_text()
    rows = [_row(realm, grant, TokenKind.ACCESS, access_token, " ".join(scope), settings.access_token_lifetime)]
    body: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(settings.access_token_lifetime.total_seconds()),
        "scope": " ".join(scope),
    }
    if scopes.OPENID in scope:
        body["id_token"] = _id_token(realm, client, grant, access_token=access_token, with_nonce=with_nonce)
    if refresh_token is not None:
        allowed = " ".join(grant.scope)
        lifetime = settings.refresh_token_idle_lifetime
        rows.append(_row(realm, grant, TokenKind.REFRESH, refresh_token, allowed, lifetime))
        body["refresh_token"] = refresh_token
    realm.session.execute(_INSERT, rows)
    return body


def _row(realm: Realm, grant: Grant, kind: TokenKind, token: str, scope: str, lifetime: Any) -> dict[str, Any]:
    return {
        "authorization_id": grant.authorization_id,
        "digest": crypto.digest(token),
        "kind": kind.value,
        "scope": scope,
        "issued_at": realm.now,
        "expires_at": min(realm.now + lifetime, grant.family_expires_at),
    }


def _id_token(realm: Realm, client: ClientSnapshot, grant: Grant, *, access_token: str, with_nonce: bool) -> str:
    algorithm = client.id_token_signed_response_alg
    issued_at = int(realm.now.timestamp())
    content: dict[str, Any] = {}
    names = claims.names_requested(grant.requested_claims, "id_token") & set(claims.USER_CLAIMS)
    if names:
        content = claims.select(grant.user, names, scopes=frozenset(grant.scope), hook=None)
    content |= {
        "iss": realm.project.issuer,
        "sub": grant.user.sub,
        "aud": client.client_id,
        "exp": issued_at + int(realm.settings.id_token_lifetime.total_seconds()),
        "iat": issued_at,
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "amr": grant.amr,
        "sid": grant.sid,
        "at_hash": _at_hash(access_token, algorithm),
    }
    if with_nonce and grant.nonce is not None:
        content["nonce"] = grant.nonce
    return realm.keys.sign(active_key(realm.project.keys, algorithm, realm.now), content)


def _at_hash(access_token: str, algorithm: str) -> str:
    """OpenID Connect Core 1.0, section 3.1.3.6: half of the hash that the algorithm itself uses."""
    from_token = access_token.encode("ascii")
    if algorithm == "Ed25519":
        # EdDSA with Curve25519 hashes with SHA-512 (RFC 8032, section 5.1).
        half = sha512(from_token).digest()[:32]
    else:
        half = sha256(from_token).digest()[:16]
    return urlsafe_b64encode(half).rstrip(b"=").decode()


def may_refresh(client: ClientSnapshot, scope: tuple[str, ...]) -> bool:
    """Whether the grant yields a refresh token: the app's switch is on and ``offline_access`` was granted."""
    return client.refresh_tokens and scopes.OFFLINE_ACCESS in scope
