"""A passkey provider in software: real attestation and assertion bytes (WebAuthn Level 3 §6)."""

import json
import secrets
from base64 import urlsafe_b64decode
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from enum import Enum
from enum import IntEnum
from enum import IntFlag
from hashlib import sha256
from typing import Any
from typing import Self
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import PublicFormat

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
Options = Mapping[str, Any] | str | bytes


class Algorithm(IntEnum):
    """COSE algorithm identifiers."""

    ES256 = -7
    ED25519 = -8
    RS256 = -257


class Flag(IntFlag):
    """The flags of authenticator data, §6.1."""

    USER_PRESENT = 0x01
    USER_VERIFIED = 0x04
    BACKUP_ELIGIBLE = 0x08
    BACKED_UP = 0x10
    ATTESTED_CREDENTIAL_DATA = 0x40


class AuthenticatorRefused(Exception):
    """The ceremony ends in the browser, with the DOMException called ``name``."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class Keep(Enum):
    """Stands for "as it would have been", where None means "left out"."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """What to falsify in one ceremony; the rest stays as it should be.

    Everything here is applied before signing, except ``signature``.
    """

    type: str | None = None
    challenge: bytes | None = None
    origin: str | None = None
    cross_origin: bool | None = None
    top_origin: str | None = None
    client_data: bytes | None = None
    """The whole of clientDataJSON."""
    rp_id_hash: bytes | None = None
    flags: int | None = None
    """The whole flags byte."""
    sign_count: int | None = None
    extra_bytes: bytes = b""
    """Added after the authenticator data."""
    fmt: str | None = None
    attestation_statement: Mapping[str, Any] | None = None
    user_handle: bytes | None | Keep = KEEP
    signature: bytes | None = None


UNTOUCHED = Tampering()


@dataclass(slots=True)
class Credential:
    """One discoverable passkey, private key included."""

    credential_id: bytes
    rp_id: str
    user_handle: bytes
    user_name: str
    algorithm: Algorithm
    private_key: PrivateKey
    sign_count: int

    @property
    def cose_key(self) -> bytes:
        return cbor2.dumps(_cose_key(self.private_key))

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.private_key, ec.EllipticCurvePrivateKey):
            return self.private_key.sign(message, ec.ECDSA(SHA256()))
        if isinstance(self.private_key, rsa.RSAPrivateKey):
            return self.private_key.sign(message, padding.PKCS1v15(), SHA256())
        return self.private_key.sign(message)


@dataclass(kw_only=True)
class SoftwareAuthenticator:
    """Browser and authenticator in one; every attribute may be changed between ceremonies.

    User verification is never refused here, so that a server's own check can be seen to work.
    """

    origin: str = "http://localhost"
    algorithm: Algorithm | None = None
    """Used even where it was not offered; None takes the first offered one that we can do."""
    user_present: bool = True
    user_verified: bool = True
    backup_eligible: bool = False
    backed_up: bool = False
    first_count: int = 0
    count_step: int = 1
    """Zero, with a first count of zero, behaves as synced passkeys do."""
    aaguid: bytes = bytes(16)
    transports: tuple[str, ...] = ("internal", "hybrid")
    attachment: str = "platform"
    credentials: list[Credential] = field(default_factory=list)

    @classmethod
    def synced(cls, **attributes: Any) -> Self:
        """A passkey manager that backs up its keys and does not count."""
        return cls(backup_eligible=True, backed_up=True, count_step=0, **attributes)

    def create(self, options: Options, *, tampering: Tampering = UNTOUCHED) -> dict[str, Any]:
        """Make a passkey; answers as ``PublicKeyCredential.toJSON()`` does."""
        wanted = _parse(options)
        rp_id = self._rp_id(wanted["rp"].get("id"))
        if any(self._named(rp_id, wanted.get("excludeCredentials"))):
            raise AuthenticatorRefused("InvalidStateError", "A passkey for this account is already here.")

        algorithm = self.algorithm or _first_supported(wanted["pubKeyCredParams"])
        credential = Credential(
            credential_id=secrets.token_bytes(32),
            rp_id=rp_id,
            user_handle=from_base64url(wanted["user"]["id"]),
            user_name=wanted["user"]["name"],
            algorithm=algorithm,
            private_key=_generate(algorithm),
            sign_count=self.first_count,
        )
        self.credentials.append(credential)

        client_data = self._client_data("webauthn.create", wanted["challenge"], tampering)
        authenticator_data = self._authenticator_data(credential, tampering, attested=True)
        attestation = {
            "fmt": tampering.fmt or "none",
            "attStmt": dict(tampering.attestation_statement or {}),
            "authData": authenticator_data,
        }
        extensions = {"credProps": {"rk": True}} if wanted.get("extensions", {}).get("credProps") else {}
        return self._to_json(
            credential,
            {
                "clientDataJSON": to_base64url(client_data),
                "attestationObject": to_base64url(cbor2.dumps(attestation)),
                "authenticatorData": to_base64url(authenticator_data),
                "transports": list(self.transports),
                "publicKeyAlgorithm": int(algorithm),
                "publicKey": to_base64url(
                    credential.private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                ),
            },
            extensions,
        )

    def get(
        self, options: Options, *, credential: Credential | None = None, tampering: Tampering = UNTOUCHED
    ) -> dict[str, Any]:
        """Sign in with ``credential``, or with the newest that fits; answers as ``toJSON()`` does."""
        wanted = _parse(options)
        rp_id = self._rp_id(wanted.get("rpId"))
        allowed = wanted.get("allowCredentials")
        fitting = self._named(rp_id, allowed) if allowed else self._held_for(rp_id)
        if credential is None:
            if not fitting:
                raise AuthenticatorRefused("NotAllowedError", "No passkey here fits.")
            credential = fitting[-1]

        credential.sign_count += self.count_step
        client_data = self._client_data("webauthn.get", wanted["challenge"], tampering)
        authenticator_data = self._authenticator_data(credential, tampering, attested=False)
        signature = credential.sign(authenticator_data + sha256(client_data).digest())
        response = {
            "clientDataJSON": to_base64url(client_data),
            "authenticatorData": to_base64url(authenticator_data),
            "signature": to_base64url(signature if tampering.signature is None else tampering.signature),
        }
        user_handle = credential.user_handle if tampering.user_handle is KEEP else tampering.user_handle
        if user_handle is not None:
            response["userHandle"] = to_base64url(user_handle)
        return self._to_json(credential, response, {})

    def _held_for(self, rp_id: str) -> list[Credential]:
        return [credential for credential in self.credentials if credential.rp_id == rp_id]

    def _named(self, rp_id: str, descriptors: list[dict[str, Any]] | None) -> list[Credential]:
        ids = {from_base64url(descriptor["id"]) for descriptor in descriptors or []}
        return [credential for credential in self._held_for(rp_id) if credential.credential_id in ids]

    def _rp_id(self, wanted: str | None) -> str:
        host = urlsplit(self.origin).hostname or ""
        rp_id = wanted or host
        # WebAuthn §5.1.3: the RP ID is the origin's domain or a registrable suffix; "localhost" is none.
        if host != rp_id and not ("." in rp_id and host.endswith(f".{rp_id}")):
            raise AuthenticatorRefused("SecurityError", f"{rp_id} is not for {self.origin}.")
        return rp_id

    def _client_data(self, ceremony: str, challenge: str, tampering: Tampering) -> bytes:
        if tampering.client_data is not None:
            return tampering.client_data
        client_data: dict[str, Any] = {
            "type": tampering.type or ceremony,
            "challenge": challenge if tampering.challenge is None else to_base64url(tampering.challenge),
            "origin": tampering.origin or self.origin,
            "crossOrigin": bool(tampering.cross_origin),
        }
        if tampering.top_origin is not None:
            client_data["topOrigin"] = tampering.top_origin
        return json.dumps(client_data, separators=(",", ":")).encode()

    def _authenticator_data(self, credential: Credential, tampering: Tampering, *, attested: bool) -> bytes:
        rp_id_hash = tampering.rp_id_hash or sha256(credential.rp_id.encode()).digest()
        flags = int(self._flags(attested)) if tampering.flags is None else tampering.flags
        sign_count = credential.sign_count if tampering.sign_count is None else tampering.sign_count
        data = rp_id_hash + bytes([flags]) + sign_count.to_bytes(4, "big")
        if attested:
            id_length = len(credential.credential_id).to_bytes(2, "big")
            data += self.aaguid + id_length + credential.credential_id + credential.cose_key
        return data + tampering.extra_bytes

    def _flags(self, attested: bool) -> Flag:
        flags = Flag(0)
        if self.user_present:
            flags |= Flag.USER_PRESENT
        if self.user_verified:
            flags |= Flag.USER_VERIFIED
        if self.backup_eligible:
            flags |= Flag.BACKUP_ELIGIBLE
        if self.backed_up:
            flags |= Flag.BACKED_UP
        if attested:
            flags |= Flag.ATTESTED_CREDENTIAL_DATA
        return flags

    def _to_json(self, credential: Credential, response: dict[str, Any], extensions: dict[str, Any]) -> dict[str, Any]:
        credential_id = to_base64url(credential.credential_id)
        return {
            "id": credential_id,
            "rawId": credential_id,
            "type": "public-key",
            "authenticatorAttachment": self.attachment,
            "response": response,
            "clientExtensionResults": extensions,
        }


def to_base64url(data: bytes) -> str:
    """Base64url without padding, as WebAuthn's JSON has it."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes of unpadded base64url."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _parse(options: Options) -> dict[str, Any]:
    parsed = json.loads(options) if isinstance(options, str | bytes) else dict(options)
    return dict(parsed.get("publicKey", parsed))


def _first_supported(parameters: list[dict[str, Any]]) -> Algorithm:
    for parameter in parameters:
        if parameter["alg"] in list(Algorithm):
            return Algorithm(parameter["alg"])
    raise AuthenticatorRefused("NotSupportedError", "No algorithm in common.")


def _generate(algorithm: Algorithm) -> PrivateKey:
    match algorithm:
        case Algorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case Algorithm.RS256:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _cose_key(private_key: PrivateKey) -> dict[int, int | bytes]:
    # RFC 9053 §7, RFC 8230 §4: 1 is kty, 3 is alg, the negative labels belong to the key type.
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        point = private_key.public_key().public_numbers()
        x, y = (coordinate.to_bytes(32, "big") for coordinate in (point.x, point.y))
        return {1: 2, 3: Algorithm.ES256.value, -1: 1, -2: x, -3: y}
    if isinstance(private_key, rsa.RSAPrivateKey):
        numbers = private_key.public_key().public_numbers()
        modulus, exponent = (n.to_bytes((n.bit_length() + 7) // 8, "big") for n in (numbers.n, numbers.e))
        return {1: 3, 3: Algorithm.RS256.value, -1: modulus, -2: exponent}
    return {1: 1, 3: Algorithm.ED25519.value, -1: 6, -2: private_key.public_key().public_bytes_raw()}
