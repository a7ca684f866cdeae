"""What all endpoints for programs share: rows B12 and B19 of the threats, and requests that make no sense."""

import random
from base64 import b64encode
from typing import Any

from werkzeug.test import TestResponse

from tests.evidence import contents
from tests.tenants import PREFIX
from tests.tenants import RelyingParty

ENDPOINTS = ("token", "userinfo", "revoke", "introspect")
FORM = "application/x-www-form-urlencoded"
ORIGIN = {"Origin": "https://spa.example", "Access-Control-Request-Method": "POST"}

SCRAPS = (
    *("", " ", "\0", "\r\n", "\x7f", "\ud7ff", "\ufeff", "é", "🔑", "%", "%00", "%zz", "&", "=", "+", "'", '"', "\\"),
    *("null", "true", "[]", "{}", "-1", "1e999", "NaN", "' OR '1'='1", "<script>", "{{7*7}}", "../" * 20, "A" * 9000),
)


def assert_harmless(response: TestResponse) -> None:
    assert response.status_code < 500, response.text
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_security_headers_and_no_store_whatever_the_answer(rp):
    """Row B12; B08 to B11."""
    token = rp.tokens()["access_token"]
    answers = [
        rp.redeem(rp.code()),
        rp.redeem("x"),
        rp.userinfo(token),
        rp.userinfo("x"),
        rp.post("introspect", {"token": token}),
        rp.post("revoke", {"token": "x"}),
        rp.authorize(),
        *(rp.machine.get(f"{PREFIX}/shop/{endpoint}") for endpoint in ENDPOINTS),
    ]

    for response in answers:
        assert_harmless(response)
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_no_other_site_may_read_the_answers(rp):
    """Row B19: nothing is open to scripts of other origins but what is public."""
    token = rp.tokens()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    for endpoint in (*ENDPOINTS, "authorize", "logout"):
        for method in ("OPTIONS", "GET", "POST"):
            response = rp.machine.open(f"{PREFIX}/shop/{endpoint}", method=method, headers={**ORIGIN, **bearer})

            assert not [name for name, _ in response.headers if name.startswith("Access-Control-")], endpoint
    for endpoint in ("jwks", ".well-known/openid-configuration"):
        response = rp.machine.get(f"{PREFIX}/shop/{endpoint}", headers=ORIGIN)

        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers


def test_no_cookie_is_set_or_heeded(app, rp, sub):
    """Programs have no cookies; a browser's must not count for them."""
    for endpoint in ENDPOINTS:
        for method in ("GET", "POST"):
            response = rp.browser.open(f"{PREFIX}/shop/{endpoint}", method=method)

            assert response.status_code in (400, 401, 405)
            assert not response.headers.getlist("Set-Cookie")


# Promise 5: input never causes a 5xx or a stored character


def requests(rp: RelyingParty, dice: random.Random) -> Any:
    """Endless nonsense that looks ever so slightly like a request."""
    basic = "Basic " + b64encode(f"{rp.client_id}:{rp.secret}".encode()).decode()
    names = (
        *("grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "refresh_token"),
        *("scope", "token", "token_type_hint", "access_token", "foo", "", "\0", "é"),
    )
    good = {"grant_type": "authorization_code", "redirect_uri": rp.redirect_uri, "code_verifier": rp.verifier}

    def scrap() -> str:
        return dice.choice(SCRAPS) * dice.choice((1, 1, 1, 2))

    def noise(length: int) -> bytes:
        return dice.randbytes(dice.randrange(length))

    while True:
        headers = {}
        if dice.random() < 0.8:
            strange = dice.choice(("Basic ", "Bearer ", "", "bAsIc", "Digest ")) + dice.choice(
                (b64encode(noise(60)).decode(), noise(60).decode("latin-1"), scrap(), "A" * 30_000)
            )
            header = basic if dice.random() < 0.7 else strange
            # A header holds Latin-1, and no server lets a line end through.
            headers["Authorization"] = header.encode("latin-1", "ignore").decode("latin-1").translate({10: 32, 13: 32})
        form = {**good, **{dice.choice(names): scrap() for _ in range(dice.randrange(5))}}
        if dice.random() < 0.3:
            form["grant_type"] = dice.choice(("refresh_token", scrap()))
        options: dict[str, Any] = {"data": form}
        if dice.random() < 0.3:
            options = {"data": noise(400), "content_type": dice.choice((FORM, FORM, f"{FORM}; charset=utf-7", "a/b"))}
        elif dice.random() < 0.1:
            options = {"data": {"token": "x" * 70_000}}
        if dice.random() < 0.2:
            options["query_string"] = noise(60).hex() + "=" + dice.choice(("%00", "%ff%fe", "x", "%"))
        yield {"headers": headers, **options}


def test_two_thousand_senseless_requests(app, rp):
    dice = random.Random(20)
    code, token = rp.code(), rp.tokens()["refresh_token"]
    before = contents(app)
    client = rp.machine
    statuses = set()

    for number, request in zip(range(2000), requests(rp, dice), strict=False):
        endpoint = ENDPOINTS[number % 4]
        response = client.open(f"{PREFIX}/shop/{endpoint}", method="POST", **request)
        assert_harmless(response)
        statuses.add((endpoint, response.status_code))

    assert contents(app) == before
    assert {("token", 400), ("token", 401), ("token", 413), ("introspect", 200), ("revoke", 200)} <= statuses
    assert ("token", 200) not in statuses and ("userinfo", 200) not in statuses
    assert rp.redeem(code).status_code == 200
    assert rp.refresh(token).status_code == 200


def test_project_that_is_not_there(app, rp):
    for slug in ("nobody", "%00", "%ff", "'", "a" * 500, "..%2fshop", "shop%20", "SHOP", "shop%00"):
        for endpoint in (*ENDPOINTS, "jwks", ".well-known/openid-configuration"):
            response = rp.machine.open(f"{PREFIX}/{slug}/{endpoint}", method="GET")

            assert response.status_code in (404, 405), (slug, endpoint)
