"""RFC 7517: the key set, who may read it and for how long, and keys that are replaced without a pause."""

from datetime import timedelta
from functools import partial
from typing import Any

import jwt as pyjwt
import pytest

from flask_hanko_identity.flows.clients import ClientSettings
from flask_hanko_identity.flows.clients import update_client
from flask_hanko_identity.flows.keys import rotate_keys
from tests.evidence import dump
from tests.management import make_context
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import _key_pair
from tests.tenants import change_client
from tests.tenants import make_tenant

JWKS = f"{PREFIX}/shop/jwks"

MEMBERS = {
    "RSA": {"kty", "n", "e", "kid", "use", "alg"},
    "EC": {"kty", "crv", "x", "y", "kid", "use", "alg"},
    "OKP": {"kty", "crv", "x", "kid", "use", "alg"},
}
"""What a public key consists of."""


def key_set(rp: RelyingParty) -> dict[str, dict[str, Any]]:
    """The published keys by ``kid``."""
    keys = rp.machine.get(JWKS).get_json()["keys"]
    return {key["kid"]: key for key in keys}


def kid_of(tokens: dict[str, Any]) -> str:
    kid: str = pyjwt.get_unverified_header(tokens["id_token"])["kid"]
    return kid


def rotate(rp: RelyingParty, *, at_once: bool = False) -> str:
    """Rotate the ES256 key, which is quickly made; gives the new one's ``kid``."""
    with rp.app.app_context():
        return rotate_keys(make_context(rp.app, rp.slug), algorithm="ES256", at_once=at_once)[0].kid


@pytest.fixture
def es256(rp):
    """The app, with ID tokens signed by ES256."""
    change_client(rp, partial(update_client, changes=ClientSettings(id_token_signed_response_alg="ES256")))
    return rp


# Sections 4 and 5


def test_keys_are_public_and_told_apart(rp):
    """Row D09; RFC 7518, section 6: public members only."""
    response = rp.machine.get(JWKS)

    assert response.mimetype == "application/json"
    assert set(response.get_json()) == {"keys"}
    keys = response.get_json()["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256", "Ed25519"}
    assert len({key["kid"] for key in keys}) == len(keys) == 3
    for key in keys:
        assert set(key) == MEMBERS[key["kty"]]
        assert key["use"] == "sig"
        public = pyjwt.PyJWK(key, algorithm="EdDSA" if key["alg"] == "Ed25519" else key["alg"]).key
        assert not hasattr(public, "private_bytes")
        assert getattr(public, "key_size", 2048) >= (2048 if key["kty"] == "RSA" else 256)


def test_private_keys_are_stored_encrypted(app, rp):
    """Row D09."""
    stored = dump(app)

    for algorithm in ("RS256", "ES256", "Ed25519"):
        pair = _key_pair(algorithm, 0)
        assert pair.kid.encode() in stored
        assert pair.private_der not in stored
        assert pair.private_der[-32:] not in stored
        assert pair.private_der[-32:].hex().encode() not in stored


def test_projects_have_keys_of_their_own(app, rp):
    make_tenant(app, "bank", number=1)
    bank = rp.machine.get(f"{PREFIX}/bank/jwks").get_json()["keys"]

    assert not key_set(rp).keys() & {key["kid"] for key in bank}


def test_key_set_may_be_kept_and_read_by_anybody(rp):
    """Rows B12 and B19."""
    response = rp.machine.get(JWKS, headers={"Origin": "https://spa.example"})

    assert response.headers["Cache-Control"] == "public, max-age=900"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert rp.machine.head(JWKS).status_code == 200


# Rotation: promise 7


def test_next_key_is_published_before_it_signs(es256, clock):
    first = kid_of(es256.tokens())
    second = rotate(es256)
    lead = timedelta(hours=24)
    assert {first, second} <= key_set(es256).keys()
    assert kid_of(es256.tokens()) == first

    clock.advance(seconds=lead.total_seconds() - 1)
    assert kid_of(es256.tokens()) == first
    clock.advance(seconds=1)

    assert kid_of(es256.tokens()) == second


def test_relying_party_that_keeps_to_our_cache_headers_never_fails(es256, clock):
    """It fetches the set as seldom as it may, and verifies every token by what it has."""
    rotate(es256)
    fetched_at, keys = clock(), key_set(es256)
    for _ in range(60):
        clock.advance(minutes=29)
        tokens = es256.tokens()
        if clock() - fetched_at >= timedelta(seconds=900):
            fetched_at, keys = clock(), key_set(es256)
        assert kid_of(tokens) in keys
    assert clock() - fetched_at < timedelta(hours=1)


def test_retired_key_stays_published_as_long_as_its_tokens_live(es256, clock):
    first = kid_of(es256.tokens())
    rotate(es256)
    clock.advance(hours=24, seconds=-1)
    last = es256.tokens()
    assert kid_of(last) == first

    clock.advance(hours=1, seconds=1)
    assert es256.claims(last["id_token"])["sub"]
    clock.advance(minutes=14, seconds=59)
    assert first in key_set(es256)
    clock.advance(minutes=15)

    assert first not in key_set(es256)


def test_rotation_at_once_signs_with_the_new_key_now(es256):
    before = es256.tokens()

    second = rotate(es256, at_once=True)

    after = es256.tokens()
    assert kid_of(after) == second
    assert {kid_of(before), second} <= key_set(es256).keys()
    assert es256.claims(before["id_token"])["sub"] == es256.claims(after["id_token"])["sub"]


def test_rotation_leaves_other_algorithms_alone(es256):
    before = {kid for kid, key in key_set(es256).items() if key["alg"] != "ES256"}

    rotate(es256, at_once=True)

    assert before <= key_set(es256).keys()
    assert len(key_set(es256)) == 4
