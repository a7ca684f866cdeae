"""Passkey ceremonies without an app, for the tests of what a relying party checks."""

from typing import Any

from flask_hanko_identity.protocol.passkey_input import RelyingParty
from flask_hanko_identity.protocol.passkeys import Assurance
from flask_hanko_identity.protocol.passkeys import VerifiedRegistration
from flask_hanko_identity.protocol.passkeys import read_assertion
from flask_hanko_identity.protocol.passkeys import registration_options
from flask_hanko_identity.protocol.passkeys import request_options
from flask_hanko_identity.protocol.passkeys import verify_authentication
from flask_hanko_identity.protocol.passkeys import verify_registration
from tests.authenticator import UNTOUCHED
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import Tampering

ORIGIN = "https://id.example.com"
RP = RelyingParty("example.com", "Example", (ORIGIN, "https://login.example.com:8443"))
CHALLENGE = bytes(range(32))


def creation() -> dict[str, Any]:
    return registration_options(
        rp=RP, challenge=CHALLENGE, timeout=300_000, user_handle=b"h" * 64, user_name="ada", display_name="Ada"
    )


def request() -> dict[str, Any]:
    return request_options(rp=RP, challenge=CHALLENGE, timeout=300_000)


def register(authenticator: SoftwareAuthenticator, tampering: Tampering = UNTOUCHED) -> VerifiedRegistration:
    response = authenticator.create(creation(), tampering=tampering)
    return verify_registration(response, challenge=CHALLENGE, rp=RP)


def authenticate(response: Any, public_key: bytes) -> Assurance:
    return verify_authentication(read_assertion(response), challenge=CHALLENGE, public_key=public_key, rp=RP)
