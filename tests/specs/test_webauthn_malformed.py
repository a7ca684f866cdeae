"""Web Authentication Level 3: whatever a browser sends, nothing but a result or a refusal comes of it."""

import json
import random
from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from flask_hanko_identity.errors import IdentityError
from flask_hanko_identity.errors import PasskeyRejected
from flask_hanko_identity.protocol.passkeys import verify_registration
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import from_base64url
from tests.authenticator import to_base64url
from tests.ceremonies import CHALLENGE
from tests.ceremonies import ORIGIN
from tests.ceremonies import RP
from tests.ceremonies import authenticate
from tests.ceremonies import creation
from tests.ceremonies import register
from tests.ceremonies import request


@pytest.fixture
def authenticator():
    return SoftwareAuthenticator(origin=ORIGIN)


class TestMalformed:
    """Row E17 of the threats: nothing but a refusal, whatever comes."""

    SCRAP: tuple[object, ...] = (
        None,
        True,
        7,
        -1.5,
        "",
        "A",
        "AAAA",
        "é",
        "\0",
        [],
        ["x"],
        {},
        {"x": []},
        "A" * 60_000,
    )

    @pytest.mark.parametrize("kind", ["create", "get"])
    def test_wrong_types_everywhere(self, authenticator, kind):
        public_key = register(authenticator).public_key
        for path in paths(respond(authenticator, kind)):
            for scrap in self.SCRAP:
                response = respond(authenticator, kind)
                put(response, path, scrap)
                check(kind, response, public_key)
            response = respond(authenticator, kind)
            drop(response, path)
            check(kind, response, public_key)

    @pytest.mark.parametrize("response", [None, [], "x", 7, {}, {"response": []}, {"response": {}}])
    def test_something_else_altogether(self, response):
        for kind in ("create", "get"):
            with pytest.raises(PasskeyRejected):
                check(kind, response, b"", raising=True)

    @pytest.mark.parametrize("kind", ["create", "get"])
    def test_two_thousand_mutants(self, authenticator, kind):
        public_key = register(authenticator).public_key
        dice = random.Random(17)
        original = respond(authenticator, kind)
        names = [name for name, value in original["response"].items() if isinstance(value, str)]

        for _ in range(2000):
            response = json.loads(json.dumps(original))
            name = dice.choice(names)
            response["response"][name] = to_base64url(mutate(dice, from_base64url(original["response"][name])))
            check(kind, response, public_key)

    @pytest.mark.parametrize(
        "attestation",
        [
            pytest.param(b"\x81" * 40_000, id="deep"),
            pytest.param(b"\x9b" + b"\xff" * 8, id="endless list"),
            pytest.param(b"\x5b" + b"\xff" * 8, id="endless bytes"),
            pytest.param(bytes.fromhex("c5821a7fffffff01"), id="huge number"),
            pytest.param(cbor2.dumps([1]), id="list"),
            pytest.param(cbor2.dumps({"fmt": ["none"], "attStmt": {}, "authData": b""}), id="format is a list"),
            pytest.param(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": "text"}), id="data is text"),
        ],
    )
    def test_hostile_attestation_objects(self, authenticator, attestation):
        response = authenticator.create(creation())
        response["response"]["attestationObject"] = to_base64url(attestation)

        with pytest.raises(PasskeyRejected):
            verify_registration(response, challenge=CHALLENGE, rp=RP)


def respond(authenticator: SoftwareAuthenticator, kind: str) -> dict[str, Any]:
    return authenticator.create(creation()) if kind == "create" else authenticator.get(request())


def check(kind: str, response: Any, public_key: bytes, *, raising: bool = False) -> None:
    """Either it is accepted or it is refused; any other exception fails the test."""
    try:
        if kind == "create":
            verify_registration(response, challenge=CHALLENGE, rp=RP)
        else:
            authenticate(response, public_key)
    except IdentityError:
        if raising:
            raise


def paths(value: Any, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [prefix] if prefix else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += paths(inner, (*prefix, name))
    return found


def put(value: Any, path: tuple[str, ...], scrap: object) -> None:
    for name in path[:-1]:
        value = value[name]
    value[path[-1]] = scrap


def drop(value: Any, path: tuple[str, ...]) -> None:
    for name in path[:-1]:
        value = value[name]
    del value[path[-1]]


def mutate(dice: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    way: Callable[[], None] = dice.choice(
        [
            lambda: changed.__setitem__(dice.randrange(len(changed)), dice.randrange(256)),
            lambda: changed.__delitem__(dice.randrange(len(changed))),
            lambda: changed.insert(dice.randrange(len(changed)), dice.randrange(256)),
            lambda: changed.__delitem__(slice(dice.randrange(len(changed)), None)),
        ]
    )
    for _ in range(dice.choice([1, 1, 2, 5])):
        if changed:
            way()
    return bytes(changed)
