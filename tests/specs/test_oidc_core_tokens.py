"""OpenID Connect Core 1.0: ID tokens, the claims of users, and what refreshing gives."""

from base64 import urlsafe_b64encode
from functools import partial
from hashlib import sha256
from hashlib import sha512
from json import dumps
from typing import Any

import jwt as pyjwt
import pytest

from flask_hanko_identity.flows.clients import ClientSettings
from flask_hanko_identity.flows.clients import update_client
from flask_hanko_identity.protocol.passkeys import DEVICE_BOUND
from flask_hanko_identity.protocol.passkeys import SYNCED
from tests.management import make_context
from tests.tenants import ADA
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import change_client
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser

PROTOCOL_CLAIMS = {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"}

EMAIL = {"email": "ada@example.com", "email_verified": False}


def use_algorithm(rp: RelyingParty, algorithm: str) -> None:
    change_client(rp, partial(update_client, changes=ClientSettings(id_token_signed_response_alg=algorithm)))


def claims_asked(**members: dict[str, Any]) -> str:
    return dumps(members)


# Sections 2 and 3.1.3.3: the ID token


def test_id_token_holds_the_claims_of_the_protocol_and_no_others(rp, clock, sub):
    """Row D07; section 5.4: what scopes ask for is in userinfo, for the code flow."""
    sid = sign_in_browser(rp.app, rp.browser, sub)
    signed_in_at = int(clock().timestamp())
    clock.advance(seconds=100)

    tokens = rp.tokens(scope="openid profile email address phone offline_access", max_age=1000)

    claims = rp.claims(tokens["id_token"])
    now = int(clock().timestamp())
    at_hash = claims.pop("at_hash")
    assert claims == {
        "iss": rp.issuer,
        "sub": sub,
        "aud": rp.client_id,
        "iat": now,
        "exp": now + 3600,
        "auth_time": signed_in_at,
        "acr": "phrh",
        "amr": ["hwk", "user", "mfa"],
        "sid": sid,
        "nonce": rp.nonce,
    }
    assert len(at_hash) == 22
    assert pyjwt.get_unverified_header(tokens["id_token"]).keys() == {"alg", "kid", "typ"}


def test_assurance_is_honest(app, rp, sub):
    """Row D07 and decision 9: a synced passkey is not called hardware."""
    for assurance, acr, hardware in ((DEVICE_BOUND, "phrh", True), (SYNCED, "phr", False)):
        sign_in_browser(app, rp.browser, sub, assurance=assurance)

        claims = rp.claims(rp.tokens()["id_token"])

        assert (claims["acr"], "hwk" in claims["amr"]) == (acr, hardware)


def test_nonce_is_there_if_it_was_sent(rp):
    """Section 3.1.2.1: unchanged, however long or odd it is."""
    for nonce in ("n", "n" * 43, "n" * 384, "a b+c%20&=é\u2028🔑", '"\\<b>'):
        assert rp.claims(rp.tokens(nonce=nonce)["id_token"])["nonce"] == nonce
    assert "nonce" not in rp.claims(rp.tokens(nonce=None)["id_token"])


@pytest.mark.parametrize(("algorithm", "kty"), [("RS256", "RSA"), ("ES256", "EC"), ("Ed25519", "OKP")])
def test_each_algorithm_verifies_with_an_independent_library(rp, algorithm, kty):
    """Sections 2, 3.1.3.6 and 15.1; RFC 7518, RFC 9864."""
    use_algorithm(rp, algorithm)

    tokens = rp.tokens()

    header = pyjwt.get_unverified_header(tokens["id_token"])
    claims = rp.claims(tokens["id_token"])
    key = next(
        each for each in rp.machine.get(f"{PREFIX}/shop/jwks").get_json()["keys"] if each["kid"] == header["kid"]
    )
    assert (header["alg"], key["alg"], key["kty"], key["use"]) == (algorithm, algorithm, kty, "sig")
    hashed = tokens["access_token"].encode()
    half = sha512(hashed).digest()[:32] if algorithm == "Ed25519" else sha256(hashed).digest()[:16]
    assert claims["at_hash"] == urlsafe_b64encode(half).rstrip(b"=").decode()
    if algorithm != "Ed25519":
        digest = pyjwt.get_algorithm_by_name(algorithm).compute_hash_digest(hashed)
        assert digest[:16] == half
    with pytest.raises(pyjwt.InvalidSignatureError):
        rp.claims(tokens["id_token"][:-10] + "AAAAAAAAAA")


# Section 12: refresh


def test_refreshed_id_token_keeps_who_and_when(rp, clock):
    """Section 12.2: iss, sub, aud, auth_time as they were; iat newer; no nonce is needed."""
    first = rp.tokens()
    clock.advance(minutes=50)
    second = rp.refresh(first["refresh_token"]).get_json()

    old, new = rp.claims(first["id_token"]), rp.claims(second["id_token"])

    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert new[name] == old[name], name
    assert new["iat"] == old["iat"] + 3000
    assert new["exp"] == new["iat"] + 3600
    assert new["at_hash"] != old["at_hash"]
    assert "nonce" not in new
    half = sha256(second["access_token"].encode()).digest()[:16]
    assert new["at_hash"] == urlsafe_b64encode(half).rstrip(b"=").decode()


def test_refresh_outlives_a_new_sign_in(app, rp, clock, sub):
    """Section 12.2: auth_time is that of the original authentication, not of the present session."""
    first = rp.tokens()
    clock.advance(minutes=5)
    sign_in_browser(app, rp.browser, sub)

    second = rp.refresh(first["refresh_token"]).get_json()

    assert rp.claims(second["id_token"])["auth_time"] == rp.claims(first["id_token"])["auth_time"]
    assert rp.claims(rp.tokens()["id_token"])["auth_time"] > rp.claims(first["id_token"])["auth_time"]


# Section 5.3: userinfo


def test_every_standard_claim_with_its_json_type(rp, clock, sub):
    """Sections 5.1 and 5.4: each scope gives every claim of its own that the user has."""
    given = {
        "openid": {},
        "openid profile": {
            **{name: ADA[name] for name in ADA if name != "address" and not name.startswith("phone")},
            "updated_at": int(clock().timestamp()),
        },
        "openid email": EMAIL,
        "openid address": {"address": {"formatted": "12 St James's Square, London", "country": "GB"}},
        "openid phone": {"phone_number": "+44 20 7946 0000", "phone_number_verified": False},
    }
    for scope, expected in given.items():
        response = rp.userinfo(rp.tokens(scope=scope)["access_token"])

        assert response.get_json() == {"sub": sub, **expected}
        assert response.headers["Cache-Control"] == "no-store"
        assert response.mimetype == "application/json"
    everything = rp.userinfo(rp.tokens(scope="phone address email profile openid")["access_token"]).get_json()
    assert everything == {"sub": sub, **{name: value for each in given.values() for name, value in each.items()}}
    assert type(everything["updated_at"]) is int
    assert everything["email_verified"] is False and everything["phone_number_verified"] is False
    assert len(everything) == 1 + 14 + 2 + 1 + 2


def test_claim_without_a_value_is_left_out(app, rp):
    """Section 5.3.2: no null and no empty text."""
    sign_in_browser(app, rp.browser, make_user(app, email="grace@example.com", name="Grace"))

    answer = rp.userinfo(rp.tokens(scope="openid profile address phone")["access_token"]).get_json()

    assert set(answer) == {"sub", "name", "updated_at"}


def test_userinfo_shows_the_user_as_she_is_now(app, rp, sub):
    token = rp.tokens(scope="openid profile")["access_token"]
    with app.app_context():
        ctx = make_context(app, "shop")
        from flask_hanko_identity.storage import User

        user = ctx.session.query(User).filter_by(sub=sub).one()
        user.claims = {"name": "Countess of Lovelace"}
        ctx.session.commit()

    assert rp.userinfo(token).get_json()["name"] == "Countess of Lovelace"


# Section 5.5: the claims parameter


def test_claims_parameter_asks_for_single_claims(rp):
    """Section 5.5: each where it was asked for, and nowhere else."""
    tokens = rp.tokens(
        scope="openid",
        claims=claims_asked(
            userinfo={"name": {"essential": True}, "email": None, "unknown": None},
            id_token={"given_name": None, "phone_number_verified": {"essential": True}, "other": None},
        ),
    )

    assert set(rp.userinfo(tokens["access_token"]).get_json()) == {"sub", "name", "email"}
    claims = rp.claims(tokens["id_token"])
    assert set(claims) == PROTOCOL_CLAIMS | {"given_name", "phone_number_verified"}
    assert (claims["given_name"], claims["phone_number_verified"]) == ("Ada", False)


def test_claims_parameter_cannot_replace_what_we_say(rp, sub):
    asked = {"iss": {"value": "https://evil.test"}, "aud": None, "exp": {"value": 1}, "at_hash": None, "amr": None}
    tokens = rp.tokens(claims=claims_asked(id_token=asked, userinfo={"iss": None, "aud": None, "sub": None}))

    claims = rp.claims(tokens["id_token"])

    assert set(claims) == PROTOCOL_CLAIMS
    assert (claims["iss"], claims["aud"]) == (rp.issuer, rp.client_id)
    assert rp.userinfo(tokens["access_token"]).get_json() == {"sub": sub}


def test_claims_parameter_lasts_as_long_as_the_family(rp):
    asked = claims_asked(userinfo={"name": None}, id_token={"given_name": None})
    tokens = rp.tokens(claims=asked)

    again = rp.refresh(tokens["refresh_token"]).get_json()

    assert rp.userinfo(again["access_token"]).get_json()["name"] == "Ada Lovelace"
    assert rp.claims(again["id_token"])["given_name"] == "Ada"


# Section 5.6, and the host's own claims


def test_hook_adds_claims_but_cannot_pose_as_us(app_factory, rp, sub):
    rp.app = app_factory()
    hooks = rp.app.extensions["hanko_identity"].hooks
    hooks.claims = lambda user, scopes: {
        "team": "analysts",
        "name": f"{user.claims['name']} of {len(scopes)}",
        "gender": None,
        "sub": "somebody else",
        "iss": "https://evil.test",
    }

    answer = rp.userinfo(rp.tokens(scope="openid profile")["access_token"]).get_json()

    assert answer["team"] == "analysts"
    assert answer["name"] == "Ada Lovelace of 2"
    assert answer["gender"] == "female"
    assert answer["sub"] == sub
    assert "iss" not in answer


# Section 8 and row C20: subjects


def test_subject_is_stable_and_of_the_project_alone(app, rp, sub):
    make_tenant(app, "bank", number=1)
    bank = connect(app, "bank")
    sign_in_browser(app, bank.browser, make_user(app, "bank"), "bank")
    other = connect(app, browser=rp.browser)

    assert rp.claims(rp.tokens()["id_token"])["sub"] == other.claims(other.tokens()["id_token"])["sub"] == sub
    assert bank.claims(bank.tokens()["id_token"])["sub"] != sub
    assert len(sub) <= 255 and sub.isascii()
