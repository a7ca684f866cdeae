"""The software authenticator against the library that will judge it."""

import json
from dataclasses import replace
from typing import Any

import pytest
import webauthn
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers.exceptions import InvalidAuthenticationResponse
from webauthn.helpers.exceptions import InvalidRegistrationResponse
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticatorSelectionCriteria
from webauthn.helpers.structs import PublicKeyCredentialDescriptor
from webauthn.helpers.structs import UserVerificationRequirement
from webauthn.registration.verify_registration_response import VerifiedRegistration

from tests.authenticator import Algorithm
from tests.authenticator import AuthenticatorRefused
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import Tampering
from tests.authenticator import from_base64url
from tests.authenticator import to_base64url

ORIGIN = "http://op.localhost:8000"
RP_ID = "op.localhost"
CHALLENGE = b"challenge-" * 4
USER_HANDLE = b"\x00user-handle\xff"


@pytest.fixture
def authenticator():
    return SoftwareAuthenticator(origin=ORIGIN)


def creation_options(*, exclude: list[bytes] | None = None) -> str:
    options = webauthn.generate_registration_options(
        rp_id=RP_ID,
        rp_name="OP",
        user_id=USER_HANDLE,
        user_name="ada",
        challenge=CHALLENGE,
        authenticator_selection=AuthenticatorSelectionCriteria(user_verification=UserVerificationRequirement.REQUIRED),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=id_) for id_ in exclude or []],
    )
    return webauthn.options_to_json(options)


def request_options(*, allow: list[bytes] | None = None, rp_id: str = RP_ID) -> str:
    options = webauthn.generate_authentication_options(
        rp_id=rp_id,
        challenge=CHALLENGE,
        allow_credentials=[PublicKeyCredentialDescriptor(id=id_) for id_ in allow or []],
    )
    return webauthn.options_to_json(options)


def verify_created(response: dict[str, Any]) -> VerifiedRegistration:
    return webauthn.verify_registration_response(
        credential=response,
        expected_challenge=CHALLENGE,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        require_user_verification=True,
    )


def verify_signed_in(
    response: dict[str, Any], registered: VerifiedRegistration, *, sign_count: int | None = None
) -> VerifiedAuthentication:
    return webauthn.verify_authentication_response(
        credential=response,
        expected_challenge=CHALLENGE,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=registered.credential_public_key,
        credential_current_sign_count=registered.sign_count if sign_count is None else sign_count,
        require_user_verification=True,
    )


@pytest.mark.parametrize("algorithm", list(Algorithm), ids=lambda algorithm: algorithm.name)
def test_registers_and_signs_in_with_each_algorithm(authenticator, algorithm):
    authenticator.algorithm = algorithm

    registered = verify_created(authenticator.create(creation_options()))
    response = authenticator.get(request_options())
    signed_in = verify_signed_in(response, registered)

    assert signed_in.credential_id == registered.credential_id
    assert signed_in.new_sign_count == 1
    assert from_base64url(response["response"]["userHandle"]) == USER_HANDLE


def test_tells_its_aaguid_and_backup_state(authenticator):
    authenticator.aaguid = bytes(range(16))
    authenticator.backup_eligible = authenticator.backed_up = True

    registered = verify_created(authenticator.create(creation_options()))

    assert registered.aaguid == "00010203-0405-0607-0809-0a0b0c0d0e0f"
    assert registered.credential_backed_up
    assert registered.credential_device_type == "multi_device"


def test_takes_the_first_algorithm_offered(authenticator):
    options = json.loads(creation_options())
    options["pubKeyCredParams"] = [{"type": "public-key", "alg": alg} for alg in (-48, -257, -7)]

    response = authenticator.create({"publicKey": options})

    assert response["response"]["publicKeyAlgorithm"] == Algorithm.RS256


@pytest.mark.parametrize(
    "attribute, value, error",
    [
        pytest.param("user_verified", False, "User verification", id="no UV"),
        pytest.param("user_present", False, "not present during", id="no UP"),
        pytest.param("backed_up", True, "backed up", id="BS without BE"),
    ],
)
def test_wrong_flags_are_refused(authenticator, attribute, value, error):
    registered = verify_created(authenticator.create(creation_options()))
    setattr(authenticator, attribute, value)

    with pytest.raises(WebAuthnException, match=error):
        verify_signed_in(authenticator.get(request_options()), registered)
    with pytest.raises(WebAuthnException, match=error):
        verify_created(authenticator.create(creation_options()))


def test_repeated_counter_is_refused(authenticator):
    registered = verify_created(authenticator.create(creation_options()))
    first = verify_signed_in(authenticator.get(request_options()), registered)
    authenticator.count_step = 0

    with pytest.raises(InvalidAuthenticationResponse, match="sign count"):
        verify_signed_in(authenticator.get(request_options()), registered, sign_count=first.new_sign_count)


def test_synced_passkey_never_counts():
    authenticator = SoftwareAuthenticator.synced(origin=ORIGIN)
    registered = verify_created(authenticator.create(creation_options()))

    for _ in range(2):
        assert verify_signed_in(authenticator.get(request_options()), registered).new_sign_count == 0


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param(Tampering(type="webauthn.other"), id="type"),
        pytest.param(Tampering(challenge=b"other"), id="challenge"),
        pytest.param(Tampering(origin="http://evil.example"), id="origin"),
        pytest.param(Tampering(client_data=b"{"), id="client data"),
        pytest.param(Tampering(rp_id_hash=bytes(32)), id="RP ID hash"),
        pytest.param(Tampering(flags=0), id="flags"),
        pytest.param(Tampering(extra_bytes=b"more"), id="extra bytes"),
    ],
)
def test_tampering_is_refused_in_both_ceremonies(authenticator, tampering):
    registered = verify_created(authenticator.create(creation_options()))

    with pytest.raises(InvalidAuthenticationResponse):
        verify_signed_in(authenticator.get(request_options(), tampering=tampering), registered)
    with pytest.raises(InvalidRegistrationResponse):
        verify_created(authenticator.create(creation_options(), tampering=tampering))


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param(Tampering(fmt="packed"), id="fmt"),
        pytest.param(Tampering(attestation_statement={"sig": b""}), id="statement"),
    ],
)
def test_tampered_attestation_is_refused(authenticator, tampering):
    with pytest.raises(InvalidRegistrationResponse):
        verify_created(authenticator.create(creation_options(), tampering=tampering))


def test_tampered_assertion_is_refused(authenticator):
    registered = verify_created(authenticator.create(creation_options()))
    tampering = Tampering(signature=b"no signature")

    with pytest.raises(InvalidAuthenticationResponse):
        verify_signed_in(authenticator.get(request_options(), tampering=tampering), registered)


def test_fields_that_the_library_leaves_to_us_can_be_falsified(authenticator):
    authenticator.create(creation_options())
    tampering = Tampering(cross_origin=True, top_origin="http://evil.example", user_handle=b"other")

    response = authenticator.get(request_options(), tampering=tampering)["response"]
    bare = authenticator.get(request_options(), tampering=replace(tampering, user_handle=None))["response"]

    client_data = json.loads(from_base64url(response["clientDataJSON"]))
    assert (client_data["crossOrigin"], client_data["topOrigin"]) == (True, "http://evil.example")
    assert response["userHandle"] == to_base64url(b"other")
    assert "userHandle" not in bare


def test_excluded_passkey_ends_registration(authenticator):
    registered = verify_created(authenticator.create(creation_options()))

    with pytest.raises(AuthenticatorRefused) as refusal:
        authenticator.create(creation_options(exclude=[registered.credential_id]))

    assert refusal.value.name == "InvalidStateError"


def test_signs_only_with_an_allowed_passkey(authenticator):
    older = verify_created(authenticator.create(creation_options()))
    newer = verify_created(authenticator.create(creation_options()))

    assert authenticator.get(request_options())["id"] == to_base64url(newer.credential_id)
    chosen = authenticator.get(request_options(allow=[older.credential_id]))
    assert chosen["id"] == to_base64url(older.credential_id)
    with pytest.raises(AuthenticatorRefused, match="NotAllowedError"):
        authenticator.get(request_options(allow=[b"elsewhere"]))


def test_foreign_rp_id_is_refused_as_a_browser_does(authenticator):
    for rp_id in ("localhost", "evil.example"):
        with pytest.raises(AuthenticatorRefused, match="SecurityError"):
            authenticator.get(request_options(rp_id=rp_id))
