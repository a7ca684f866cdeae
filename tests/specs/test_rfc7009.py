"""RFC 7009: token revocation."""

from flask_hanko_identity.storage import Authorization
from tests.evidence import contents
from tests.evidence import events
from tests.tenants import PREFIX
from tests.tenants import connect
from tests.tenants import connect_native
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser


def test_access_token_is_revoked_alone(rp):
    """Section 2.1: the refresh token behind it may live on."""
    tokens = rp.tokens()

    response = rp.post("revoke", {"token": tokens["access_token"]})

    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Cache-Control"] == "no-store"
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert rp.introspect(tokens["access_token"]) == {"active": False}
    assert rp.refresh(tokens["refresh_token"]).status_code == 200


def test_refresh_token_takes_its_family_along(app, rp):
    """Section 2.1, and row C15 of the threats: access tokens die at once."""
    first = rp.tokens()
    second = rp.refresh(first["refresh_token"]).get_json()
    unrelated = rp.tokens()

    assert rp.post("revoke", {"token": second["refresh_token"]}).status_code == 200

    for tokens in (first, second):
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.introspect(tokens["access_token"]) == {"active": False}
        assert rp.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert rp.userinfo(unrelated["access_token"]).status_code == 200
    assert "token.revoked" in events(app)


def test_predecessor_revokes_the_family_too(rp):
    """A token that was replaced still names its family, inside the grace window and after it."""
    first = rp.tokens()
    second = rp.refresh(first["refresh_token"]).get_json()

    assert rp.post("revoke", {"token": first["refresh_token"]}).status_code == 200

    assert rp.refresh(second["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert rp.refresh(first["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_unknown_expired_and_revoked_tokens_are_fine(app, rp, clock):
    """Section 2.2: the purpose is fulfilled already."""
    tokens = rp.tokens()
    rp.post("revoke", {"token": tokens["access_token"]})
    clock.advance(days=400)
    before = contents(app)
    before.pop("hanko_audit_event")

    for token in ("unknown", "\u00e9", "x" * 8000, "a.b.c", tokens["access_token"], tokens["id_token"]):
        assert rp.post("revoke", {"token": token}).status_code == 200

    after = contents(app)
    after.pop("hanko_audit_event")
    assert after == before


def test_hint_is_only_a_hint(rp):
    """Section 2.1: a wrong or unknown token_type_hint does not matter."""
    for hint in ("access_token", "refresh_token", "nonsense", ""):
        for kind in ("access_token", "refresh_token"):
            token = rp.tokens()[kind]

            assert rp.post("revoke", {"token": token, "token_type_hint": hint}).status_code == 200
            assert rp.introspect(token) == {"active": False}


def test_token_of_another_client_is_refused_and_lives(app, rp):
    """Section 2.1: the request is refused and the client is informed of the error."""
    tokens = rp.tokens()
    make_tenant(app, "bank", number=1)
    for stranger in (
        connect(app),
        connect(app, token_endpoint_auth_method="client_secret_post"),
        connect_native(app, first_party=False),
        connect(app, "bank"),
    ):
        for token in (tokens["access_token"], tokens["refresh_token"]):
            response = stranger.post("revoke", {"token": token})

            if stranger.slug == "shop":
                assert (response.status_code, response.get_json()["error"]) == (400, "invalid_grant")
            else:  # there is no such token in that project
                assert response.status_code == 200
            assert rp.introspect(token)["active"] is True


def test_native_app_revokes_its_own(app, rp):
    """Section 2.1: a public client is verified by the token being its own."""
    native = connect_native(app, browser=rp.browser, redirect_uris=["https://app.example/cb"])
    native.scope = "openid offline_access"
    tokens = native.tokens()

    assert native.post("revoke", {"token": tokens["refresh_token"]}).status_code == 200

    assert native.userinfo(tokens["access_token"]).status_code == 401


def test_malformed_requests(app, rp):
    """Section 2.2.1: the errors of RFC 6749."""
    token = rp.tokens()["access_token"]
    before = contents(app)
    url, wrong = f"{PREFIX}/shop/revoke", {"Authorization": "Basic YTpi"}
    assert rp.post("revoke", {}).get_json()["error"] == "invalid_request"
    assert rp.post("revoke", {"token": ""}).get_json()["error"] == "invalid_request"
    assert rp.post("revoke", {"token": [token, token]}).get_json()["error"] == "invalid_request"
    assert rp.post("revoke", {"token": token + "\0"}).get_json()["error"] == "invalid_request"
    assert rp.machine.post(url, data={"token": token}).status_code == 401
    assert rp.machine.post(url, data={"token": token}, headers=wrong).status_code == 401
    assert rp.machine.post(url, data={"token": token, "client_id": rp.client_id}).status_code == 401
    assert rp.machine.post(url, query_string={"token": token}).status_code == 401
    assert rp.machine.post(url, json={"token": token}).status_code == 400

    assert contents(app) == before
    assert rp.userinfo(token).status_code == 200


def test_revoked_stays_revoked_for_other_workers(app_factory, app, rp):
    """Promise 6: at once and everywhere, whatever another process remembers."""
    other_worker = app_factory()
    tokens = rp.tokens()
    machine = other_worker.test_client()
    url, header = f"{PREFIX}/shop/userinfo", {"Authorization": f"Bearer {tokens['access_token']}"}
    assert machine.get(url, headers=header).status_code == 200

    rp.post("revoke", {"token": tokens["refresh_token"]})

    assert machine.get(url, headers=header).status_code == 401


def test_other_users_are_not_touched(app, rp):
    grace = connect(app)
    grace.client_id, grace.secret, grace.scope = rp.client_id, rp.secret, rp.scope
    sign_in_browser(app, grace.browser, make_user(app, email="grace@example.com"))
    tokens, hers = rp.tokens(), grace.tokens()

    rp.post("revoke", {"token": tokens["refresh_token"]})

    assert grace.userinfo(hers["access_token"]).status_code == 200
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        assert session.query(Authorization).filter(Authorization.revoked_at.is_(None)).count() == 1
