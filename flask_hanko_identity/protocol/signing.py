"""Signing keys: made, loaded once per process, used to sign, published, and used to recognise our own tokens."""

import json
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from threading import Lock
from typing import Any
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization import load_der_private_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jwk import Key
from joserfc.jwk import OKPKey
from joserfc.jwk import RSAKey

from ..crypto import KeyRing
from ..crypto import random_text
from ..storage.snapshots import KeySnapshot
from ..storage.snapshots import ProjectSnapshot

ALGORITHMS = ("RS256", "ES256", "Ed25519")
"""What a project can sign with, the default first (OpenID Connect Core 1.0, section 15.1)."""

JWKS_MAX_AGE = timedelta(minutes=15)
"""How long relying parties may keep the key set without asking again."""

MAX_TOKEN = 16 * 1024
"""Characters of a token that we are willing to look at."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key pair that was just made."""

    kid: str
    algorithm: str
    public_jwk: dict[str, Any]
    private_der: bytes = field(repr=False)
    """PKCS #8, not encrypted."""


class NoSigningKey(Exception):
    """The project has no active key for the algorithm."""


def generate(algorithm: str) -> NewKey:
    """Make a key pair: RSA with 2048 bits, P-256 or Ed25519."""
    private: RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
    if algorithm == "RS256":
        private = generate_rsa_key(65537, 2048)
    elif algorithm == "ES256":
        private = generate_ec_key(SECP256R1())
    elif algorithm == "Ed25519":
        private = Ed25519PrivateKey.generate()
    else:
        raise ValueError(f"There is no algorithm {algorithm!r} here.")
    kid = random_text(96)
    public = cast("dict[str, Any]", _wrap(private).as_dict(private=False))
    return NewKey(
        kid=kid,
        algorithm=algorithm,
        public_jwk={**public, "kid": kid, "use": "sig", "alg": algorithm},
        private_der=private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )


def active_key(keys: Iterable[KeySnapshot], algorithm: str, now: datetime) -> KeySnapshot:
    """The key that signs: of those whose time has come, the one whose time came last, or was made last.

    :param keys: in the order in which they were made.
    :raises NoSigningKey: if there is none.
    """
    ready = [key for key in keys if key.algorithm == algorithm and key.activates_at <= now]
    if not ready:
        raise NoSigningKey(algorithm)
    return max(reversed(ready), key=lambda key: key.activates_at)


def key_state(key: KeySnapshot, now: datetime) -> str:
    """``next``, ``active`` or ``retired``."""
    if now < key.activates_at:
        return "next"
    return "retired" if key.retires_at is not None and key.retires_at <= now else "active"


def published_keys(keys: Iterable[KeySnapshot], now: datetime, *, token_lifetime: timedelta) -> list[Mapping[str, Any]]:
    """The public keys of the key set: next, active, and those retired ones whose tokens may still live.

    :param token_lifetime: of the longest-lived token that keys sign.
    """
    margin = token_lifetime + JWKS_MAX_AGE
    return [key.public_jwk for key in keys if key.retires_at is None or now < key.retires_at + margin]


class KeyStore:
    """The loaded keys of one process. Loading one costs as much as many signatures, so each is loaded once."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._private: dict[str, Key] = {}
        self._public: dict[str, Key] = {}
        self._lock = Lock()

    def sign(self, key: KeySnapshot, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """A signed JWT in compact form (RFC 7519).

        :raises crypto.DecryptionFailed: if the key ring does not open the stored key.
        """
        header = {"alg": key.algorithm, "kid": key.kid, "typ": typ}
        return jwt.encode(header, dict(claims), self._load_private(key), algorithms=[key.algorithm])

    def recognise_id_token(self, project: ProjectSnapshot, token: str) -> dict[str, Any] | None:
        """The claims of an ID token that this project issued, however old it is, or None.

        The algorithm is the key's own and the key is one of ours: nothing in the token's header chooses either
        (RFC 8725, sections 3.1 and 3.10).
        """
        header = _read_header(token)
        if header is None or header.get("typ", "JWT") != "JWT" or "crit" in header or "b64" in header:
            return None
        kid = header.get("kid")
        key = next((each for each in project.keys if each.kid == kid), None)
        if key is None or header.get("alg") != key.algorithm:
            return None
        try:
            claims = jwt.decode(token, self._load_public(key), algorithms=[key.algorithm]).claims
        except (JoseError, ValueError, RecursionError):
            return None
        ours = claims.get("iss") == project.issuer and isinstance(claims.get("sub"), str)
        return dict(claims) if ours and isinstance(claims.get("aud"), str) else None

    def _load_private(self, key: KeySnapshot) -> Key:
        loaded = self._private.get(key.kid)
        if loaded is None:
            with self._lock:
                loaded = self._private.get(key.kid)
                if loaded is None:
                    der = self._ring.decrypt(key.sealed_private_key)
                    # Made by us and authenticated by the ring: checking the primes again would cost 38 ms.
                    loaded = _wrap(load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True))
                    self._private[key.kid] = loaded
        return loaded

    def _load_public(self, key: KeySnapshot) -> Key:
        loaded = self._public.get(key.kid)
        if loaded is None:
            kinds: dict[str, Any] = {"RS256": RSAKey, "ES256": ECKey, "Ed25519": OKPKey}
            loaded = cast(Key, kinds[key.algorithm].import_key(dict(key.public_jwk)))
            self._public[key.kid] = loaded
        return loaded


def _wrap(private: Any) -> Key:
    if isinstance(private, RSAPrivateKey):
        return RSAKey(private, private)
    if isinstance(private, EllipticCurvePrivateKey):
        return ECKey(private, private)
    return OKPKey(private, private)


def _read_header(token: str) -> dict[str, Any] | None:
    if len(token) > MAX_TOKEN or not token.isascii() or token.count(".") != 2:
        return None
    part = token.partition(".")[0]
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
        header = json.loads(raw, object_pairs_hook=_unique)
    except (Base64Error, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A member is there twice.")
    return found
