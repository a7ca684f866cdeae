"""Promise 13: no secret in any log at any level, on the way that works and on every way that does not."""

from base64 import b64encode
from typing import Any

import pytest

from flask_hanko_identity import crypto
from flask_hanko_identity.protocol.signing import KeyStore
from tests.evidence import contents
from tests.sign_in import SESSION_COOKIE
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import connect
from tests.tenants import sign_in_browser


@pytest.fixture
def watched(app, rp, canaries):
    """Two apps whose own secrets are watched for."""
    post = connect(app, browser=rp.browser, token_endpoint_auth_method="client_secret_post")
    post.scope = rp.scope
    for party in (rp, post):
        canaries.add(party.secret)
        canaries.add(party.verifier)
    canaries.add(b64encode(f"{rp.client_id}:{rp.secret}".encode()).decode())
    canaries.add(rp.browser.get_cookie(SESSION_COOKIE).value)
    return rp, post


def watch(canaries: Any, tokens: dict[str, Any]) -> None:
    for name in ("access_token", "refresh_token", "id_token"):
        canaries.add(tokens[name])


def test_whole_life_of_tokens(app, sub, watched, canaries):
    for party in watched:
        sign_in_browser(app, party.browser, sub)
        canaries.add(party.browser.get_cookie(SESSION_COOKIE).value)
        code = party.code()
        canaries.add(code)
        first = party.redeem(code).get_json()
        second = party.refresh(first["refresh_token"]).get_json()
        for tokens in (first, second):
            watch(canaries, tokens)
            party.userinfo(tokens["access_token"])
            party.machine.post(f"{PREFIX}/shop/userinfo", data={"access_token": tokens["access_token"]})
            party.introspect(tokens["access_token"])
        party.authorize(prompt="none", id_token_hint=first["id_token"])
        party.post("revoke", {"token": second["access_token"]})
        party.post("revoke", {"token": second["refresh_token"]})
        party.browser.get(f"{PREFIX}/shop/logout", query_string={"id_token_hint": second["id_token"], "state": "x"})
        query = {"id_token_hint": first["id_token"], "post_logout_redirect_uri": "https://evil.test/"}
        assert party.browser.get(f"{PREFIX}/shop/logout", query_string=query).status_code == 400


def test_refusals(watched, canaries, clock):
    rp, _ = watched
    code = rp.code()
    canaries.add(code)
    for changes in ({"redirect_uri": "https://evil.test/"}, {"code_verifier": "v" * 43}, {"code": [code, code]}):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": rp.redirect_uri, **changes}
        assert rp.post("token", form).status_code == 400
    tokens = rp.redeem(code).get_json()
    watch(canaries, tokens)
    assert rp.redeem(code).status_code == 400
    assert rp.refresh(tokens["refresh_token"]).status_code == 400
    wrong = connect(rp.app)
    canaries.add("not-the-secret-of-this-app")
    wrong.secret = "not-the-secret-of-this-app"
    assert wrong.refresh(tokens["refresh_token"]).status_code == 401
    url = f"{PREFIX}/shop/token"
    in_address = {"client_id": rp.client_id, "client_secret": rp.secret, "code": code}
    assert rp.machine.post(url, query_string=in_address).status_code == 400
    assert rp.machine.get(f"{PREFIX}/shop/nothing", query_string={"access_token": code}).status_code == 404
    assert rp.userinfo(tokens["access_token"] + "\0").status_code == 401


def assert_server_error(rp: RelyingParty, response: Any) -> None:
    """B21: no trace, a number only."""
    assert response.status_code == 500
    assert response.get_json()["error"] == "server_error"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Traceback" not in response.text and "Error" not in response.get_json()["error_description"]


def test_failure_in_our_own_code(watched, canaries, monkeypatch):
    """Row G02: nothing half-done is left, and a retry is a fresh try."""
    rp, _ = watched
    code, tokens = rp.code(), rp.tokens()
    canaries.add(code)
    watch(canaries, tokens)
    before = contents(rp.app)

    def fail(*_: Any, **__: Any) -> str:
        raise RuntimeError("The signing key is broken.")

    with monkeypatch.context() as patch:
        patch.setattr(KeyStore, "sign", fail)
        assert_server_error(rp, rp.redeem(code))
        assert_server_error(rp, rp.refresh(tokens["refresh_token"]))

    assert contents(rp.app) == before
    assert rp.redeem(code).status_code == 200
    assert rp.refresh(tokens["refresh_token"]).status_code == 200


def test_failure_in_the_database(watched, canaries, monkeypatch):
    """The statement that failed is not logged with what it was to store."""
    rp, _ = watched
    rp.nonce = "a nonce that nobody else should read"
    canaries.add(rp.nonce)
    code, taken = rp.code(), rp.tokens()["access_token"]
    canaries.add(taken)
    canaries.add(crypto.digest(taken))
    before = contents(rp.app)

    with monkeypatch.context() as patch:
        patch.setattr(crypto, "random_text", lambda bits=256: taken)
        response = rp.redeem(code)

    assert_server_error(rp, response)
    assert contents(rp.app) == before
    assert rp.redeem(code).status_code == 200
