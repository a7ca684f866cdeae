"""RFC 6750: how an access token is shown to the userinfo endpoint, and the challenges that answer it."""

from typing import Any

from werkzeug.test import TestResponse

from tests.evidence import contents
from tests.tenants import PREFIX
from tests.tenants import RelyingParty

USERINFO = f"{PREFIX}/shop/userinfo"

MALFORMED = (
    "Bearer",
    "Bearer ",
    "Bearer \t",
    "bearer:abc",
    "Basic YTpi",
    "Digest abc",
    "Token {token}",
    "{token}",
)
"""Values of the Authorization header that hold no bearer token."""

WRONG = (
    "Bearer {token}x",
    "Bearer x{token}",
    "Bearer {token} {token}",
    "Bearer {token}, Bearer {token}",
    'Bearer "{token}"',
    "Bearer token={token}",
    "Bearer \xe9\xff",
    "Bearer a\0b",
    "Bearer " + "x" * 20_000,
    "Bearer eyJhbGciOiJub25lIn0.e30.",
)
"""Values that hold one that opens nothing."""


def show(rp: RelyingParty, header: str | None = None, *, method: str = "GET", **options: Any) -> TestResponse:
    """Ask for userinfo with this Authorization header."""
    headers = {} if header is None else {"Authorization": header}
    return rp.machine.open(USERINFO, method=method, headers=headers, **options)


def assert_challenge(response: TestResponse, error: str | None, status: int = 401) -> None:
    """Section 3: the challenge names the error, unless the request held no token at all (section 3.1)."""
    assert response.status_code == status, response.text
    assert response.headers["Cache-Control"] == "no-store"
    challenge = response.headers["WWW-Authenticate"]
    body = response.get_json()
    if error is None:
        assert challenge == "Bearer"
        assert body == {}
    else:
        assert challenge.startswith(f'Bearer error="{error}", error_description="')
        assert body["error"] == error
        assert body["error_description"] in challenge


def test_token_in_the_header(rp):
    """Section 2.1, by GET and by POST; the scheme's case is free (RFC 9110, section 11.1)."""
    tokens = rp.tokens()
    sub = rp.claims(tokens["id_token"])["sub"]
    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
        for method in ("GET", "POST"):
            response = show(rp, f"{scheme} {tokens['access_token']}", method=method)

            assert response.status_code == 200
            assert response.mimetype == "application/json"
            assert response.headers["Cache-Control"] == "no-store"
            assert response.get_json() == {"sub": sub}


def test_token_in_the_form(rp):
    """Section 2.2: in a form that is posted, and only there."""
    form = {"access_token": rp.tokens()["access_token"]}

    assert show(rp, method="POST", data=form).status_code == 200
    assert_challenge(show(rp, method="GET", data=form), None)
    assert_challenge(show(rp, method="POST", json=form), None)
    assert_challenge(show(rp, method="POST", data=form, content_type="multipart/form-data"), None)
    assert_challenge(show(rp, method="POST", data={"access_token": ""}), None)


def test_token_in_the_address_never_counts(rp):
    """Section 2.3 and row C19 of the threats: addresses end up in logs."""
    query = {"access_token": rp.tokens()["access_token"]}

    assert_challenge(show(rp, query_string=query), None)
    assert_challenge(show(rp, method="POST", query_string=query), None)


def test_only_one_method_at_a_time(rp):
    """Section 2."""
    token = rp.tokens()["access_token"]
    for header in (f"Bearer {token}", "Bearer other", "Basic YTpi"):
        response = show(rp, header, method="POST", data={"access_token": token})

        assert_challenge(response, "invalid_request", 400)


def test_parameter_may_not_come_twice(rp):
    token = rp.tokens()["access_token"]
    for values in ([token, token], [token, "x"], ["", token]):
        assert_challenge(show(rp, method="POST", data={"access_token": values}), "invalid_request", 400)
    assert_challenge(show(rp, method="POST", data={"access_token": token + "\0"}), "invalid_request", 400)


def test_request_without_a_token_is_challenged_without_an_error(rp):
    """Section 3.1."""
    token = rp.tokens()["access_token"]
    for header in (None, "", *MALFORMED):
        assert_challenge(show(rp, header and header.format(token=token)), None)


def test_token_that_opens_nothing(app, rp):
    tokens = rp.tokens()
    before = contents(app)

    for header in (*WRONG, f"Bearer {tokens['refresh_token']}", f"Bearer {tokens['id_token']}"):
        assert_challenge(show(rp, header.format(token=tokens["access_token"])), "invalid_token")
    assert contents(app) == before


def test_token_expires(rp, clock):
    token = rp.tokens()["access_token"]

    clock.advance(seconds=3599)
    assert rp.userinfo(token).status_code == 200
    clock.advance(seconds=1)
    assert_challenge(rp.userinfo(token), "invalid_token")


def test_token_without_the_scope_openid(rp):
    """OpenID Connect Core 1.0, section 5.3; the error is that of section 3.1."""
    tokens = rp.refresh(rp.tokens()["refresh_token"], scope="offline_access").get_json()

    assert_challenge(rp.userinfo(tokens["access_token"]), "insufficient_scope", 403)
    assert "id_token" not in tokens


def test_only_get_and_post_are_understood(rp):
    token = rp.tokens()["access_token"]
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        response = show(rp, f"Bearer {token}", method=method)

        assert response.status_code == 405, method
        assert {each.strip() for each in response.headers["Allow"].split(",")} == {"GET", "POST"}
