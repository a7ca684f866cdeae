"""RFC 7636 (PKCE), S256 only: at the authorization endpoint and at the token endpoint. Rows A16 and A17."""

from dataclasses import replace

import pytest

from tests.authorization import CHALLENGE
from tests.authorization import NATIVE
from tests.authorization import WEB
from tests.authorization import check
from tests.authorization import outcome
from tests.authorization import refusal
from tests.evidence import contents
from tests.tenants import connect

RELAXED = replace(WEB, require_pkce=False)
NONE = {"code_challenge": None, "code_challenge_method": None}

APPENDIX_B = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
"""The verifier whose challenge is ``CHALLENGE``."""

on_one_kind = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For what does not depend on the kind of database."""


# Section 4.3: the authorization request


@pytest.mark.parametrize("client", [WEB, NATIVE], ids=["web", "native"])
def test_challenge_is_required(client):
    assert refusal(client) is None
    assert refusal(client, **NONE) == "invalid_request"
    assert refusal(client, code_challenge="", code_challenge_method="") == "invalid_request"


@pytest.mark.parametrize("client", [WEB, NATIVE, RELAXED], ids=["web", "native", "web with PKCE optional"])
@pytest.mark.parametrize("method", [None, "", "plain", "s256", "S512", "S256 "])
def test_method_is_s256_and_named(client, method):
    assert refusal(client, code_challenge_method=method) == "invalid_request"


@pytest.mark.parametrize("client", [WEB, RELAXED], ids=["web", "web with PKCE optional"])
@pytest.mark.parametrize(
    "challenge",
    [None, "", "a" * 42, "a" * 44, "a" * 128, CHALLENGE[:-1] + "=", CHALLENGE[:-1] + "+", CHALLENGE[:-1] + "~"],
)
def test_challenge_is_a_digest_in_base64url(client, challenge):
    assert refusal(client, code_challenge=challenge) == "invalid_request"


def test_app_may_be_excused():
    """The switch that the certification of plain OpenID Connect needs."""
    assert check(RELAXED, **NONE).code_challenge is None
    assert check(RELAXED).code_challenge == CHALLENGE


# Section 4.4.1: refused at the authorization endpoint, not only later


def test_request_that_is_refused_gets_no_code(app, rp):
    before = contents(app)

    for changes in (NONE, {"code_challenge_method": "plain"}, {"code_challenge_method": None}):
        assert outcome(rp.authorize(**changes)) == "invalid_request"
    assert contents(app) == before


# Sections 4.5 and 4.6: the token request


@on_one_kind
def test_verifier_of_appendix_b_fits_its_challenge(rp):
    code = rp.code(code_challenge=CHALLENGE)

    assert rp.redeem(code, code_verifier=APPENDIX_B).status_code == 200


WRONG = [
    ("", "invalid_grant"),
    ("a" * 42, "invalid_request"),
    ("a" * 129, "invalid_request"),
    ("a" * 43, "invalid_grant"),
    (CHALLENGE, "invalid_grant"),
    (APPENDIX_B + "\n", "invalid_request"),
    (APPENDIX_B + "=", "invalid_request"),
    (" " + APPENDIX_B, "invalid_request"),
    (APPENDIX_B.lower(), "invalid_grant"),
    ("é" * 43, "invalid_request"),
]


def test_wrong_verifier_gets_nothing_and_spoils_nothing(app, rp, clock):
    code = rp.code(code_challenge=CHALLENGE)
    before = contents(app)

    answers = [rp.redeem(code, code_verifier=verifier).get_json() for verifier, _ in WRONG]
    answers.append(rp.redeem(code, code_verifier=None).get_json())

    assert [answer["error"] for answer in answers] == [error for _, error in WRONG] + ["invalid_grant"]
    assert not any("access_token" in answer for answer in answers)
    assert contents(app) == before
    clock.advance(seconds=59)
    assert rp.redeem(code, code_verifier=APPENDIX_B).status_code == 200


def test_verifier_without_a_challenge_is_refused(app, rp):
    """RFC 9700, section 4.8.2: the challenge was taken out of the request on its way."""
    relaxed = connect(app, browser=rp.browser, require_pkce=False)
    code = relaxed.code(**NONE)

    downgraded = relaxed.redeem(code)

    assert downgraded.get_json()["error"] == "invalid_grant"
    assert relaxed.redeem(code, code_verifier=None).status_code == 200


def test_challenge_counts_where_it_is_optional_too(app, rp):
    relaxed = connect(app, browser=rp.browser, require_pkce=False)
    code = relaxed.code()

    assert relaxed.redeem(code, code_verifier=None).get_json()["error"] == "invalid_grant"
    assert relaxed.redeem(code).status_code == 200


# Section 4.4: the challenge was kept with the code


@on_one_kind
def test_challenge_is_not_read_from_the_token_request(rp):
    code = rp.code()

    answer = rp.redeem(code, code_verifier=APPENDIX_B, code_challenge=CHALLENGE, code_challenge_method="S256")

    assert answer.get_json()["error"] == "invalid_grant"
