"""RFC 7662: token introspection."""

from tests.evidence import contents
from tests.tenants import PREFIX
from tests.tenants import connect
from tests.tenants import connect_native
from tests.tenants import make_tenant

INACTIVE = b'{"active":false}\n'


def test_active_access_token(rp, clock, sub):
    """Section 2.2."""
    tokens = rp.tokens(scope="openid email")
    now = int(clock().timestamp())

    response = rp.post("introspect", {"token": tokens["access_token"]})

    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.get_json() == {
        "active": True,
        "scope": "openid email",
        "client_id": rp.client_id,
        "aud": rp.client_id,
        "iss": rp.issuer,
        "sub": sub,
        "token_type": "Bearer",
        "iat": now,
        "exp": now + 3600,
        "auth_time": now,
        "acr": "phrh",
    }


def test_active_refresh_token(rp, clock):
    """It is no bearer token, and its end is that of its idle time."""
    answer = rp.introspect(rp.tokens()["refresh_token"])

    assert answer["active"] is True
    assert "token_type" not in answer
    assert answer["exp"] == int(clock().timestamp()) + 30 * 24 * 3600


def test_whatever_is_not_the_apps_own_live_token_looks_the_same(app, rp, clock):
    """Section 4 and row C16 of the threats: byte by byte, so that nothing can be learned."""
    make_tenant(app, "bank", number=1)
    other, bank = connect(app, browser=rp.browser), connect(app, "bank")
    other.scope = rp.scope
    expired = rp.tokens()["access_token"]
    clock.advance(hours=1)
    old = rp.tokens()
    rp.refresh(old["refresh_token"])
    revoked = rp.tokens()
    rp.post("revoke", {"token": revoked["refresh_token"]})
    mine, foreign = rp.tokens(), other.tokens()
    code = rp.code()

    for token in (
        expired,
        old["refresh_token"],
        revoked["access_token"],
        revoked["refresh_token"],
        foreign["access_token"],
        foreign["refresh_token"],
        mine["id_token"],
        code,
        rp.secret,
        "unknown",
        "\u00e9",
        "x" * 8000,
    ):
        for hint in (None, "access_token", "refresh_token", "nonsense"):
            response = rp.post("introspect", {"token": token, "token_type_hint": hint})

            assert (response.status_code, response.data) == (200, INACTIVE)
    assert bank.post("introspect", {"token": mine["access_token"]}).data == INACTIVE
    assert rp.introspect(mine["access_token"])["active"] is True


def test_only_an_app_that_proves_itself_may_ask(app, rp):
    """Section 2.1."""
    token = rp.tokens()["access_token"]
    native = connect_native(app, browser=rp.browser, redirect_uris=["https://app.example/cb"])
    own = native.tokens()["access_token"]
    before = contents(app)
    url, form = f"{PREFIX}/shop/introspect", {"token": token}

    refused = [
        rp.machine.post(url, data=form),
        rp.machine.post(url, data=form, headers={"Authorization": f"Bearer {token}"}),
        rp.machine.post(url, data={**form, "client_id": rp.client_id}),
        rp.machine.post(url, data={**form, "client_id": rp.client_id, "client_secret": rp.secret}),
        native.post("introspect", {"token": own}),
        native.post("introspect", form),
    ]

    for response in refused:
        assert response.status_code == 401
        assert response.get_json()["error"] == "invalid_client"
        assert response.headers["WWW-Authenticate"].startswith("Basic")
    assert contents(app) == before


def test_malformed_requests(rp):
    token = rp.tokens()["access_token"]
    for form in ({}, {"token": ""}, {"token": [token, token]}, {"token": token + "\n"}):
        assert rp.post("introspect", form).get_json()["error"] == "invalid_request"
