"""Group D of the threats: ID tokens that come back as hints, forged in every way (RFC 8725).

A hint that is not ours is no hint: the logout asks the person first, and goes nowhere.
"""

import hmac
import json
import socket
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import PublicFormat
from cryptography.hazmat.primitives.serialization import load_der_private_key

from flask_hanko_identity.protocol.signing import NewKey
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import _key_pair
from tests.tenants import make_tenant
from tests.tenants import make_user

# Nothing here depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

BYE = "https://rp.example/bye"


def ours() -> NewKey:
    """The key that the app's ID tokens are signed with."""
    return _key_pair("RS256", 0)


def elliptic() -> NewKey:
    """Another one of the project."""
    return _key_pair("ES256", 0)


def theirs() -> NewKey:
    """Of another project, or of an attacker."""
    return _key_pair("RS256", 1)


def encode(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def rs256(content: bytes, pair: NewKey | None = None) -> bytes:
    private: Any = load_der_private_key((pair or ours()).private_der, None, unsafe_skip_rsa_key_validation=True)
    signature: bytes = private.sign(content, PKCS1v15(), SHA256())
    return signature


def es256(content: bytes) -> bytes:
    """In the form of DER, which is not that of a JWS."""
    private: Any = load_der_private_key(elliptic().private_der, None)
    signature: bytes = private.sign(content, ECDSA(SHA256()))
    return signature


def hs256(key: bytes) -> Any:
    return lambda content: hmac.digest(key, content, "sha256")


def forge(header: object, payload: object, sign: Any = rs256) -> str:
    """A JWS in compact form; what is text goes in as it is."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, payload)]
    content = ".".join(encode(part.encode()) for part in parts)
    return f"{content}.{encode(sign(content.encode()))}"


@pytest.fixture
def claims(rp: RelyingParty) -> dict[str, Any]:
    """What a true ID token of the browser's session says."""
    return rp.claims(rp.tokens()["id_token"])


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing a token says is fetched (D03)."""

    def refuse(*_: Any) -> None:
        raise AssertionError("A connection was made.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def good() -> dict[str, Any]:
    """The header of a true ID token."""
    return {"alg": "RS256", "kid": ours().kid, "typ": "JWT"}


def assert_believed(rp: RelyingParty, token: str) -> None:
    response = rp.browser.get(
        f"{PREFIX}/shop/logout", query_string={"id_token_hint": token, "post_logout_redirect_uri": BYE}
    )
    assert (response.status_code, response.headers.get("Location")) == (303, BYE)


def assert_no_hint(rp: RelyingParty, *tokens: str) -> None:
    """Neither where people sign out nor where they sign in is one believed."""
    for token in tokens:
        given = {"id_token_hint": token, "post_logout_redirect_uri": BYE, "client_id": rp.client_id}
        response = rp.browser.get(f"{PREFIX}/shop/logout", query_string=given)

        assert (response.status_code, response.headers.get("Location")) == (200, None), token[:200]
        assert "logout/confirm" in response.text
    answer = rp.answer(rp.authorize(prompt="none", id_token_hint=tokens[-1]))
    assert "code" in answer, answer


def test_forgery_is_done_right(rp, claims):
    """Made with the true key it is believed: what is refused below is refused for its one fault."""
    assert_believed(rp, forge(good(), claims))


def test_algorithm_is_that_of_the_key(rp, claims):
    """D01 (RFC 8725, 3.1): none in any case, and HMAC keyed with what is public."""
    public: Any = load_der_private_key(ours().private_der, None, unsafe_skip_rsa_key_validation=True).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwk = next(key for key in rp.machine.get(f"{PREFIX}/shop/jwks").get_json()["keys"] if key["kid"] == ours().kid)
    nothing = [forge({**good(), "alg": alg}, claims, lambda _: b"") for alg in ("none", "NoNe", "NONE", "", "RS256")]
    keys = [pem, pem.strip(), der, json.dumps(jwk).encode(), jwk["n"].encode(), ours().kid.encode(), b""]
    symmetric = [forge({**good(), "alg": "HS256"}, claims, hs256(key)) for key in keys]
    others = [forge({**good(), "alg": alg}, claims) for alg in ("PS256", "RS512", "ES256", "EdDSA", "rs256", "Ed25519")]
    typed = [forge({**good(), "alg": alg}, claims) for alg in (None, 1, ["RS256"], {"RS256": 1})]
    unnamed = forge({name: value for name, value in good().items() if name != "alg"}, claims)

    assert_no_hint(rp, *nothing, *symmetric, *others, *typed, unnamed)


def test_key_is_one_of_the_projects_own(app, rp, claims):
    """D02: kid is text that we know, or there is no key; nothing is read or asked for with it."""
    make_tenant(app, "bank", number=1)
    kids: tuple[Any, ...] = (
        *("../../../../dev/null", "/etc/passwd", "x' OR '1'='1", "%00", "\0", "é", "", " ", ours().kid + " "),
        *(ours().kid.swapcase(), None, 0, True, [ours().kid], {"kid": ours().kid}, "x" * 9000),
    )
    strange = [forge({**good(), "kid": kid}, claims) for kid in kids]
    absent = forge({"alg": "RS256", "typ": "JWT"}, claims)
    foreign = forge({**good(), "kid": theirs().kid}, claims, lambda content: rs256(content, theirs()))
    wrong_key = forge(good(), claims, lambda content: rs256(content, theirs()))
    wrong_kind = forge({**good(), "kid": elliptic().kid}, claims)
    wrong_form = forge({"alg": "ES256", "kid": elliptic().kid}, claims, es256)

    # The longest ones do not fit into an address.
    fitting = [each for each in (*strange, absent, foreign, wrong_key, wrong_kind, wrong_form) if len(each) < 7000]
    assert_no_hint(rp, *fitting)


def test_key_is_not_chosen_by_the_token(rp, claims, no_network):
    """D03: jwk, jku, x5u and x5c mean nothing, with or without a kid of ours."""
    jwk = theirs().public_jwk
    for kid in (ours().kid, theirs().kid, None):
        for name, value in (
            ("jwk", jwk),
            ("jku", "https://evil.test/jwks"),
            ("x5u", "https://evil.test/cert"),
            ("x5c", ["MIIB"]),
            ("kid", "https://evil.test/key"),
        ):
            header = {**good(), "kid": kid, name: value}

            assert_no_hint(rp, forge(header, claims, lambda content: rs256(content, theirs())))


def test_header_is_plain(rp, claims):
    """D04: critical extensions, other types and members that come twice are refused, though signed by us."""
    headers: tuple[object, ...] = (
        *({**good(), "crit": crit} for crit in (["exp"], ["b64"], ["urn:x"], [], "exp", None)),
        *({**good(), "b64": b64} for b64 in (False, True)),
        *({**good(), "typ": typ} for typ in ("at+jwt", "logout+jwt", "jwt+x", "", None, 1, ["JWT"])),
        f'{{"alg":"none","alg":"RS256","kid":"{ours().kid}"}}',
        f'{{"alg":"RS256","alg":"RS256","kid":"{ours().kid}"}}',
        f'{{"alg":"RS256","kid":"x","kid":"{ours().kid}"}}',
        *("[]", '"RS256"', "null", "1", "{", "", "\ufeff{}", '{"alg":"RS256"', "NaN"),
    )

    assert_no_hint(rp, *(forge(header, claims) for header in headers))


def test_payload_is_what_we_say_of_somebody(rp, claims):
    """D04: an object, of this issuer, for one app, of a user."""
    without = [{name: value for name, value in claims.items() if name != gone} for gone in ("iss", "sub", "aud")]
    changed = [
        {**claims, **change}
        for change in (
            {"iss": "https://evil.test"},
            {"iss": rp.issuer + "/"},
            {"iss": [rp.issuer]},
            {"sub": None},
            {"sub": 1},
            {"sub": [claims["sub"]]},
            {"aud": [rp.client_id]},
            {"aud": None},
            {"aud": 1},
        )
    ]
    oddities = ("[]", '"x"', "null", "1", "{", "", "[" * 1000, "\x00")

    assert_no_hint(rp, *(forge(good(), payload) for payload in (*without, *changed, *oddities)))


def test_app_of_the_hint_must_be_there(rp, claims):
    """A hint of ours for an app that is gone leads nowhere."""
    token = forge(good(), {**claims, "aud": "gone", "sid": "gone"})

    response = rp.browser.get(
        f"{PREFIX}/shop/logout", query_string={"id_token_hint": token, "post_logout_redirect_uri": BYE}
    )

    assert (response.status_code, response.headers.get("Location")) == (200, None)


def test_tampered_tokens(rp, claims):
    """One letter anywhere, parts missing or added, other alphabets."""
    true = forge(good(), claims)
    header, payload, signature = true.split(".")
    other = encode(json.dumps({**claims, "sub": "x"}).encode())
    tokens = [
        f"{header}.{other}.{signature}",
        f"{header}.{payload}.{signature[:-5]}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}..{signature}",
        f".{payload}.{signature}",
        f"{true}.x",
        f"{header}.{payload}.{signature}.{payload}.{signature}",
        "..",
        ".",
        "é.é.é",
        json.dumps({"payload": payload, "protected": header, "signature": signature}),
        *(f"{true[:place]}{'A' if true[place] != 'A' else 'B'}{true[place + 1 :]}" for place in range(5, 400, 37)),
    ]

    assert_no_hint(rp, *tokens)


def test_oversized_tokens_are_refused_quickly(rp, claims):
    """D05: the size is looked at before anything is parsed."""
    deep = '{"alg":' + "[" * 5000 + "]" * 5000 + "}"
    tokens = [
        "x" * 60_000,
        "." * 60_000,
        forge("[" * 40_000, claims),
        forge(deep, claims),
        forge({**good(), "x": "y" * 40_000}, claims),
        forge(good(), '{"a":' * 5000),
        forge({**good(), "alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 50_000_000, "zip": "DEF"}, claims),
        encode(b'{"alg":"dir","enc":"A128GCM","zip":"DEF"}') + "..AAAA.AAAA.AAAA",
    ]
    for token in tokens:
        started = time.perf_counter()
        parked = rp.machine.post(f"{PREFIX}/shop/logout", data={"id_token_hint": token})
        assert time.perf_counter() - started < 0.5  # usually a hundredth of that

        assert parked.status_code in (303, 413)
        if parked.status_code == 303:
            assert "logout/confirm" in rp.browser.get(parked.headers["Location"]).text
    huge = rp.machine.post(f"{PREFIX}/shop/logout", data={"id_token_hint": "x" * 1_000_000})
    assert huge.status_code == 413


def test_hint_for_the_sign_in_names_the_user_only_if_it_is_ours(app, rp, claims):
    """OpenID Connect Core 1.0, section 3.1.2.1: a true hint of somebody else stops a silent sign-in; a forged one
    changes nothing."""
    grace = make_user(app, email="grace@example.com")
    payload = {**claims, "sub": grace}

    true = rp.answer(rp.authorize(prompt="none", id_token_hint=forge(good(), payload)))
    forged = rp.answer(rp.authorize(prompt="none", id_token_hint=forge(good(), payload, lambda _: b"x" * 256)))

    assert true["error"] == "login_required"
    assert "code" in forged
