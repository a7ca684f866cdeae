"""Passkey ceremonies: Web Authentication Level 3, sections 7.1 and 7.2.

The only module that imports ``webauthn``. That library verifies signatures, attestation statements and most
fields; the steps that it leaves to the relying party are taken here, before and after it is asked. Whatever a
browser sends, the answer is a result or ``PasskeyRejected``.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import webauthn
from webauthn.helpers import decode_credential_public_key
from webauthn.helpers import options_to_json_dict
from webauthn.helpers import parse_authenticator_data
from webauthn.helpers import parse_cbor
from webauthn.helpers.cose import COSECRV
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey
from webauthn.helpers.decode_credential_public_key import DecodedOKPPublicKey
from webauthn.helpers.decode_credential_public_key import DecodedRSAPublicKey
from webauthn.helpers.decoded_public_key_to_cryptography import decoded_public_key_to_cryptography
from webauthn.helpers.structs import AttestationConveyancePreference
from webauthn.helpers.structs import AuthenticatorData
from webauthn.helpers.structs import AuthenticatorSelectionCriteria
from webauthn.helpers.structs import CredentialDeviceType
from webauthn.helpers.structs import ResidentKeyRequirement
from webauthn.helpers.structs import UserVerificationRequirement

from ..errors import PasskeyRejected
from ..text import gettext
from .passkey_input import MAX_CREDENTIAL_ID
from .passkey_input import RelyingParty
from .passkey_input import check_client_data
from .passkey_input import decode
from .passkey_input import encode
from .passkey_input import is_not_discoverable
from .passkey_input import read_credential
from .passkey_input import read_transports
from .passkey_input import rejected

ALGORITHMS = (
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
"""Offered in this order."""

_MAX_USER_HANDLE = 64


@dataclass(frozen=True, slots=True)
class KnownCredential:
    """A credential as options name it (section 5.8.3)."""

    id: bytes
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedRegistration:
    """A new credential (section 4, credential record)."""

    credential_id: bytes
    public_key: bytes
    """COSE_Key."""
    algorithm: int
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    backup_eligible: bool
    backup_state: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a browser says after a sign-in, read but not yet believed."""

    credential_id: bytes
    user_handle: bytes
    sign_count: int
    backup_eligible: bool
    backup_state: bool
    client_data: bytes
    credential: dict[str, Any]
    """The same in the library's form."""


@dataclass(frozen=True, slots=True)
class Assurance:
    """How sure a sign-in makes us: ``acr`` of OpenID Connect, ``amr`` in the words of RFC 8176."""

    acr: str
    amr: tuple[str, ...]


DEVICE_BOUND = Assurance("phrh", ("hwk", "user", "mfa"))
# A synced key is no hardware key: "pop" leaves open what guards it (RFC 8176, section 2).
SYNCED = Assurance("phr", ("pop", "user", "mfa"))


def registration_options(
    *,
    rp: RelyingParty,
    challenge: bytes,
    timeout: int,
    user_handle: bytes,
    user_name: str,
    display_name: str,
    exclude: Iterable[KnownCredential] = (),
    hints: Iterable[str] = (),
) -> dict[str, Any]:
    """Options for ``navigator.credentials.create()``, as JSON (section 5.1.8).

    :param timeout: milliseconds.
    :param exclude: what the user has already.
    :param hints: which authenticators the browser should propose, best first (section 5.8.7).
    """
    options = options_to_json_dict(
        webauthn.generate_registration_options(
            rp_id=rp.id,
            rp_name=rp.name,
            user_id=user_handle,
            user_name=user_name,
            user_display_name=display_name,
            challenge=challenge,
            timeout=timeout,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            supported_pub_key_algs=list(ALGORITHMS),
        )
    )
    # The library knows the transports of its day only, and an authenticator may say more.
    options["excludeCredentials"] = [
        {"type": "public-key", "id": encode(each.id), "transports": list(each.transports)} for each in exclude
    ]
    options["hints"] = list(hints)
    # Section 10.1.3: the answer says whether the credential is in fact discoverable.
    options["extensions"] = {"credProps": True}
    return options


def request_options(*, rp: RelyingParty, challenge: bytes, timeout: int) -> dict[str, Any]:
    """Options for ``navigator.credentials.get()`` without naming anybody, as JSON (section 5.1.9)."""
    return options_to_json_dict(
        webauthn.generate_authentication_options(
            rp_id=rp.id,
            challenge=challenge,
            timeout=timeout,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def verify_registration(response: object, *, challenge: bytes, rp: RelyingParty) -> VerifiedRegistration:
    """Verify what ``create()`` gave (section 7.1). Whether the credential is new is for the caller to see to.

    :param response: ``PublicKeyCredential.toJSON()``.
    :raises PasskeyRejected: in every other case.
    """
    with _nothing_but_rejection():
        credential, fields = read_credential(response, "clientDataJSON", "attestationObject")
        check_client_data(fields["clientDataJSON"], "webauthn.create", challenge, rp)
        attestation = parse_cbor(fields["attestationObject"])
        if attestation["fmt"] == "none" and attestation["attStmt"] != {}:
            # Section 8.7: the statement is an empty map. The library looks at the members it knows only.
            raise rejected("attestation statement")
        _check_flags(parse_authenticator_data(attestation["authData"]))
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=list(rp.origins),
            require_user_verification=True,
            supported_pub_key_algs=list(ALGORITHMS),
        )
        if len(verified.credential_id) > MAX_CREDENTIAL_ID:
            raise rejected("credential id length")
        if verified.credential_id != decode(credential["rawId"]):
            raise rejected("credential id")
        if is_not_discoverable(response):
            raise PasskeyRejected(
                gettext("This device can hold no more passkeys, or cannot hold any. Use another one."),
                reason="not discoverable",
            )
        return VerifiedRegistration(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            algorithm=_check_public_key(verified.credential_public_key),
            sign_count=verified.sign_count,
            aaguid=verified.aaguid,
            transports=read_transports(response),
            backup_eligible=verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
            backup_state=verified.credential_backed_up,
        )


def read_assertion(response: object) -> Assertion:
    """Read what ``get()`` gave, so that the passkey can be looked up.

    :param response: ``PublicKeyCredential.toJSON()``.
    :raises PasskeyRejected: if it is malformed or names no user. Section 7.2: where nobody was identified
        before, the user handle must be there.
    """
    with _nothing_but_rejection():
        credential, fields = read_credential(response, "clientDataJSON", "authenticatorData", "signature")
        user_handle = decode(credential["response"].get("userHandle"))
        if not 1 <= len(user_handle) <= _MAX_USER_HANDLE:
            raise rejected("user handle")
        data = parse_authenticator_data(fields["authenticatorData"])
        _check_flags(data)
        return Assertion(
            credential_id=decode(credential["rawId"]),
            user_handle=user_handle,
            sign_count=data.sign_count,
            backup_eligible=data.flags.be,
            backup_state=data.flags.bs,
            client_data=fields["clientDataJSON"],
            credential=credential,
        )


def verify_authentication(assertion: Assertion, *, challenge: bytes, public_key: bytes, rp: RelyingParty) -> Assurance:
    """Verify the signature and all that it covers (section 7.2).

    That the passkey is this user's, that its counter has risen and that its backup eligibility is as it was
    is for the caller, in the statement that stores the new counter.

    :raises PasskeyRejected: if anything is not as it must be.
    """
    with _nothing_but_rejection():
        check_client_data(assertion.client_data, "webauthn.get", challenge, rp)
        webauthn.verify_authentication_response(
            credential=assertion.credential,
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=list(rp.origins),
            credential_public_key=public_key,
            credential_current_sign_count=assertion.sign_count - 1 if assertion.sign_count else 0,
            require_user_verification=True,
        )
        return SYNCED if assertion.backup_eligible else DEVICE_BOUND


@contextmanager
def _nothing_but_rejection() -> Iterator[None]:
    """Input from outside makes the parsers below raise more than they document (KeyError, TypeError, …)."""
    try:
        yield
    except PasskeyRejected:
        raise
    except Exception as error:
        # The library's messages may quote what was sent: they go no further than the type of the exception.
        raise rejected(type(error).__name__) from error


def _check_flags(data: AuthenticatorData) -> None:
    if not data.flags.up:
        raise rejected("user presence")
    if not data.flags.uv:
        raise PasskeyRejected(
            gettext("Your passkey did not check that it is you. Set a PIN or a screen lock for it and try again."),
            reason="user verification",
        )
    if data.flags.bs and not data.flags.be:
        raise rejected("backup state")


def _check_public_key(public_key: bytes) -> int:
    """The algorithm of a key that will be able to verify (section 5.8.5)."""
    key = decode_credential_public_key(public_key)
    curve = {
        COSEAlgorithmIdentifier.ECDSA_SHA_256: COSECRV.P256,
        COSEAlgorithmIdentifier.EDDSA: COSECRV.ED25519,
    }
    if isinstance(key, DecodedEC2PublicKey | DecodedOKPPublicKey):
        if key.crv != curve.get(key.alg):
            raise rejected("curve")
    elif not isinstance(key, DecodedRSAPublicKey) or key.alg in curve:
        raise rejected("key type")
    elif not 256 <= len(key.n.lstrip(b"\0")) <= 1024 or not 1 <= len(key.e) <= 8:
        raise rejected("key size")
    decoded_public_key_to_cryptography(key)
    return int(key.alg)
