"""Web Authentication Level 3: the relying party's steps, sections 7.1 and 7.2, against tampered ceremonies."""

import json
from typing import Any

import cbor2
import pytest

from flask_hanko_identity.errors import PasskeyRejected
from flask_hanko_identity.protocol.passkeys import verify_registration
from tests.authenticator import Algorithm
from tests.authenticator import Flag
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import Tampering
from tests.authenticator import from_base64url
from tests.authenticator import to_base64url
from tests.ceremonies import CHALLENGE
from tests.ceremonies import ORIGIN
from tests.ceremonies import RP
from tests.ceremonies import authenticate
from tests.ceremonies import creation
from tests.ceremonies import register
from tests.ceremonies import request

UP, UV, BS, AT = Flag.USER_PRESENT, Flag.USER_VERIFIED, Flag.BACKED_UP, Flag.ATTESTED_CREDENTIAL_DATA
WRONG_CLIENT_DATA = [
    pytest.param(Tampering(type="webauthn.other"), "type", id="type unknown"),
    pytest.param(Tampering(challenge=bytes(32)), "challenge", id="challenge of another"),
    pytest.param(Tampering(challenge=CHALLENGE[:-1]), "challenge", id="challenge cut"),
    pytest.param(Tampering(challenge=b""), "challenge", id="challenge empty"),
    *(
        pytest.param(Tampering(origin=origin), "origin", id=f"origin {origin}")
        for origin in (
            "https://id.example.com:444",
            "http://id.example.com",
            "https://sub.id.example.com",
            "https://example.com",
            "https://id.example.com.evil.test",
            "https://evilid.example.com",
            "https://id.example.com/",
            "https://ID.example.com",
            "null",
            "android:apk-key-hash:abc",
        )
    ),
    pytest.param(Tampering(cross_origin=True), "cross-origin", id="crossOrigin"),
    pytest.param(Tampering(top_origin=ORIGIN), "cross-origin", id="topOrigin"),
]
WRONG_FLAGS = [
    pytest.param(UV, "user presence", id="UP=0"),
    pytest.param(UP, "user verification", id="UV=0"),
    pytest.param(UP | UV | BS, "backup state", id="BS without BE"),
]


@pytest.fixture
def authenticator():
    return SoftwareAuthenticator(origin=ORIGIN)


class TestRegistration:
    """Section 7.1."""

    @pytest.mark.parametrize("algorithm", list(Algorithm))
    def test_each_offered_algorithm_works(self, authenticator, algorithm):
        authenticator.algorithm = algorithm

        verified = register(authenticator)

        assert verified.algorithm == algorithm
        assert authenticate(authenticator.get(request()), verified.public_key).acr == "phrh"

    @pytest.mark.parametrize(("tampering", "reason"), WRONG_CLIENT_DATA)
    def test_client_data_must_be_ours(self, authenticator, tampering, reason):
        with pytest.raises(PasskeyRejected) as refused:
            register(authenticator, tampering)
        assert refused.value.reason == reason

    def test_assertion_is_no_registration(self, authenticator):
        with pytest.raises(PasskeyRejected) as refused:
            register(authenticator, Tampering(type="webauthn.get"))
        assert refused.value.reason == "type"

    def test_second_configured_origin_works(self, authenticator):
        register(authenticator, Tampering(origin=RP.origins[1]))

    @pytest.mark.parametrize(("flags", "reason"), WRONG_FLAGS)
    def test_flags(self, authenticator, flags, reason):
        with pytest.raises(PasskeyRejected) as refused:
            register(authenticator, Tampering(flags=flags | AT))
        assert refused.value.reason == reason

    @pytest.mark.parametrize(
        "tampering",
        [
            pytest.param(Tampering(rp_id_hash=bytes(32)), id="rpIdHash"),
            pytest.param(Tampering(fmt="unheard-of"), id="format unknown"),
            pytest.param(Tampering(fmt="packed"), id="packed without a signature"),
            pytest.param(Tampering(attestation_statement={"sig": b"x"}), id="none with a statement"),
            pytest.param(Tampering(attestation_statement={"other": 1}), id="none with an unknown member"),
            pytest.param(Tampering(flags=UP | UV), id="no credential data"),
            pytest.param(Tampering(extra_bytes=b"\0"), id="bytes left over"),
            pytest.param(Tampering(client_data=b"[]"), id="client data is a list"),
            pytest.param(Tampering(client_data=b"\xff"), id="client data is no text"),
            pytest.param(Tampering(client_data=b"[" * 40_000), id="client data is deep"),
        ],
    )
    def test_what_else_is_refused(self, authenticator, tampering):
        with pytest.raises(PasskeyRejected):
            register(authenticator, tampering)

    @pytest.mark.parametrize("cross_origin", [1, 0, "", None, "false", []])
    def test_cross_origin_is_false_or_absent(self, authenticator, cross_origin):
        data = {"type": "webauthn.create", "challenge": to_base64url(CHALLENGE), "origin": ORIGIN}
        register(authenticator, Tampering(client_data=json.dumps(data).encode()))

        data["crossOrigin"] = cross_origin
        with pytest.raises(PasskeyRejected):
            register(authenticator, Tampering(client_data=json.dumps(data).encode()))

    @pytest.mark.parametrize("origin", [[ORIGIN], {ORIGIN: 1}, None, 1])
    def test_origin_is_text(self, authenticator, origin):
        data = {"type": "webauthn.create", "challenge": to_base64url(CHALLENGE), "origin": origin}

        with pytest.raises(PasskeyRejected):
            register(authenticator, Tampering(client_data=json.dumps(data).encode()))

    @pytest.mark.parametrize(("length", "allowed"), [(1023, True), (1024, False), (0, False)])
    def test_length_of_the_credential_id(self, authenticator, length, allowed):
        response = with_credential(authenticator.create(creation()), credential_id=b"i" * length)

        if allowed:
            assert len(verify_registration(response, challenge=CHALLENGE, rp=RP).credential_id) == length
        else:
            with pytest.raises(PasskeyRejected):
                verify_registration(response, challenge=CHALLENGE, rp=RP)

    def test_credential_id_is_the_attested_one(self, authenticator):
        response = authenticator.create(creation())
        response["id"] = response["rawId"] = to_base64url(b"another id")

        with pytest.raises(PasskeyRejected) as refused:
            verify_registration(response, challenge=CHALLENGE, rp=RP)
        assert refused.value.reason == "credential id"

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param({1: 2, 3: -7, -1: 2, -2: b"x" * 48, -3: b"y" * 48}, id="ES256 on P-384"),
            pytest.param({1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32}, id="no point of the curve"),
            pytest.param({1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: True}, id="compressed point"),
            pytest.param({1: 2, 3: -8, -1: 1, -2: b"x" * 32, -3: b"y" * 32}, id="EdDSA on P-256"),
            pytest.param({1: 1, 3: -8, -1: 7, -2: b"x" * 57}, id="Ed448"),
            pytest.param({1: 1, 3: -7, -1: 6, -2: b"x" * 32}, id="ES256 on Ed25519"),
            pytest.param({1: 3, 3: -257, -1: b"\x01" + bytes(127), -2: b"\1\0\1"}, id="RSA 1024"),
            pytest.param({1: 3, 3: -257, -1: b"\xff" * 5000, -2: b"\1\0\1"}, id="RSA 40000"),
            pytest.param({1: 3, 3: -257, -1: b"\xff" * 256, -2: b"\xff" * 255}, id="huge exponent"),
            pytest.param({1: 3, 3: -7, -1: b"\xff" * 256, -2: b"\1\0\1"}, id="ES256 by RSA"),
            pytest.param({1: 3, 3: -65535, -1: b"\xff" * 256, -2: b"\1\0\1"}, id="SHA-1"),
            pytest.param({1: 2, 3: -36, -1: 3, -2: b"x" * 66, -3: b"y" * 66}, id="ES512 was not offered"),
            pytest.param({1: 7, 3: -48, -1: b"x" * 1312}, id="ML-DSA was not offered"),
            pytest.param({1: 2, 3: [], -1: 1, -2: b"", -3: b""}, id="algorithm is a list"),
            pytest.param({}, id="empty"),
            pytest.param([], id="list"),
            pytest.param(4, id="number"),
        ],
    )
    def test_key_must_be_one_that_was_offered(self, authenticator, key):
        response = with_credential(authenticator.create(creation()), key=key)

        with pytest.raises(PasskeyRejected):
            verify_registration(response, challenge=CHALLENGE, rp=RP)

    def test_key_that_cannot_be_found_again_is_refused(self, authenticator):
        response = authenticator.create(creation())
        response["clientExtensionResults"] = {"credProps": {"rk": False}}

        with pytest.raises(PasskeyRejected) as refused:
            verify_registration(response, challenge=CHALLENGE, rp=RP)
        assert refused.value.reason == "not discoverable"

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            (["usb", "nfc", "usb"], ("nfc", "usb")),
            (["smart-card", "newer"], ("newer", "smart-card")),
            (["\0", "x" * 99, 7, None, {}], ()),
            ("usb", ()),
            (None, ()),
        ],
    )
    def test_transports_are_kept_as_they_come(self, authenticator, sent, kept):
        response = authenticator.create(creation())
        response["response"]["transports"] = sent

        assert verify_registration(response, challenge=CHALLENGE, rp=RP).transports == kept


class TestAuthentication:
    """Section 7.2."""

    @pytest.fixture
    def public_key(self, authenticator):
        return register(authenticator).public_key

    def test_options_name_nobody_and_require_verification(self):
        assert request() == {
            "challenge": to_base64url(CHALLENGE),
            "timeout": 300_000,
            "rpId": "example.com",
            "allowCredentials": [],
            "userVerification": "required",
        }

    @pytest.mark.parametrize(("tampering", "reason"), WRONG_CLIENT_DATA)
    def test_client_data_must_be_ours(self, authenticator, public_key, tampering, reason):
        with pytest.raises(PasskeyRejected) as refused:
            authenticate(authenticator.get(request(), tampering=tampering), public_key)
        assert refused.value.reason == reason

    @pytest.mark.parametrize(("flags", "reason"), WRONG_FLAGS)
    def test_flags(self, authenticator, public_key, flags, reason):
        with pytest.raises(PasskeyRejected) as refused:
            authenticate(authenticator.get(request(), tampering=Tampering(flags=flags)), public_key)
        assert refused.value.reason == reason

    @pytest.mark.parametrize(
        "tampering",
        [
            pytest.param(Tampering(type="webauthn.create"), id="a registration"),
            pytest.param(Tampering(rp_id_hash=bytes(32)), id="rpIdHash"),
            pytest.param(Tampering(signature=b""), id="signature empty"),
            pytest.param(Tampering(signature=b"x" * 70), id="signature wrong"),
            pytest.param(Tampering(user_handle=None), id="no user handle"),
            pytest.param(Tampering(user_handle=b""), id="user handle empty"),
            pytest.param(Tampering(user_handle=b"x" * 65), id="user handle long"),
            pytest.param(Tampering(extra_bytes=b"\0"), id="bytes left over"),
        ],
    )
    def test_what_else_is_refused(self, authenticator, public_key, tampering):
        with pytest.raises(PasskeyRejected):
            authenticate(authenticator.get(request(), tampering=tampering), public_key)

    def test_signature_of_another_key_is_refused(self, authenticator, public_key):
        other = SoftwareAuthenticator(origin=ORIGIN)
        register(other)

        with pytest.raises(PasskeyRejected):
            authenticate(other.get(request()), public_key)

    def test_padding_is_no_base64url(self, authenticator, public_key):
        response = authenticator.get(request())
        response["response"]["signature"] += "="

        with pytest.raises(PasskeyRejected) as refused:
            authenticate(response, public_key)
        assert refused.value.reason == "base64url"


def with_credential(
    response: dict[str, Any], *, credential_id: bytes | None = None, key: object = None
) -> dict[str, Any]:
    """The registration with another id or another key in its attested data."""
    attestation = cbor2.loads(from_base64url(response["response"]["attestationObject"]))
    data = attestation["authData"]
    length = int.from_bytes(data[53:55], "big")
    old_id, old_key = data[55 : 55 + length], data[55 + length :]
    new_id = old_id if credential_id is None else credential_id
    new_key = old_key if key is None else cbor2.dumps(key)
    attestation["authData"] = data[:53] + len(new_id).to_bytes(2, "big") + new_id + new_key
    response["response"]["attestationObject"] = to_base64url(cbor2.dumps(attestation))
    response["id"] = response["rawId"] = to_base64url(new_id)
    return response
