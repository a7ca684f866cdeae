"""The issuer is exact wherever the host is mounted: below a path, behind a proxy, at the root (B22)."""

from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from flask_hanko_identity.storage import AuditEvent
from tests.sign_in import Visitor
from tests.tenants import make_tenant

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def nothing_here(_environ, start_response):
    start_response("404 Not Found", [])
    return [b""]


def discovered(client, path):
    response = client.get(f"{path}/shop/.well-known/openid-configuration")
    assert response.status_code == 200, response.text
    return response.get_json()


def reachable(client, metadata, *, base):
    """Whether every endpoint of the metadata answers where it says it is."""
    for name, address in metadata.items():
        if name.endswith(("_endpoint", "_uri")):
            assert address.startswith(f"{base}/shop/"), (name, address)
            assert client.get(urlsplit(address).path).status_code != 404, (name, address)
    return True


@pytest.mark.parametrize("path", ["", "/identity", "/accounts/v1/identity"])
def test_a_host_at_the_root(app_factory, path):
    base = f"https://id.example.com{path}"
    app = app_factory(HANKO_IDENTITY_BASE_URL=base)
    make_tenant(app)
    client = app.test_client()

    metadata = discovered(client, path)

    assert metadata["issuer"] == f"{base}/shop"
    assert reachable(client, metadata, base=base)
    assert client.get(f"/.well-known/oauth-authorization-server{path}/shop").get_json() == metadata


def test_a_host_below_a_path(app_factory):
    """Mounted by SCRIPT_NAME; the path of the base URL is longer than our prefix."""
    base = "https://id.example.com/app/identity"
    app = app_factory(HANKO_IDENTITY_BASE_URL=base, HANKO_IDENTITY_URL_PREFIX="/identity")
    make_tenant(app)
    client = Client(DispatcherMiddleware(nothing_here, {"/app": app}))

    metadata = discovered(client, "/app/identity")
    page = client.get("/app/identity/shop/login")

    assert metadata["issuer"] == f"{base}/shop"
    assert reachable(client, metadata, base=base)
    assert 'href="/app/identity/static/' in page.text
    assert "/app/identity/shop/login/options" in page.text
    assert client.get("/app/identity/shop/profile").headers["Location"] == "/app/identity/shop/login?next=profile"
    assert "Path=/;" in page.headers["Set-Cookie"] + ";"


@pytest.mark.parametrize("proxy_fix", [False, True])
def test_a_host_behind_a_proxy_that_takes_a_path_away(app_factory, proxy_fix):
    base = "https://id.example.com/app/identity"
    app = app_factory(HANKO_IDENTITY_BASE_URL=base, HANKO_IDENTITY_URL_PREFIX="/identity")
    if proxy_fix:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    make_tenant(app)
    headers = {
        "X-Forwarded-Prefix": "/app",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "id.example.com",
        "X-Forwarded-For": "192.0.2.1",
    }

    response = app.test_client().get("/identity/shop/.well-known/openid-configuration", headers=headers)
    login = app.test_client().get("/identity/shop/profile", headers=headers).headers["Location"]

    assert response.get_json()["issuer"] == f"{base}/shop"
    assert response.get_json()["token_endpoint"] == f"{base}/shop/token"
    assert login == ("/app" if proxy_fix else "") + "/identity/shop/login?next=profile"


def test_a_prefix_of_another_name_than_the_public_path(app_factory):
    """A proxy that maps /sign-in to /identity."""
    app = app_factory(HANKO_IDENTITY_BASE_URL="https://id.example.com/sign-in", HANKO_IDENTITY_URL_PREFIX="/identity")
    make_tenant(app)

    assert discovered(app.test_client(), "/identity")["issuer"] == "https://id.example.com/sign-in/shop"
    assert app.test_client().get("/sign-in/shop/login").status_code == 404


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_issuer_never_ends_with_a_slash(app_factory, slash):
    app = app_factory()
    make_tenant(app)

    response = app.test_client().get(f"/identity/shop/.well-known/openid-configuration{slash}")

    assert response.status_code == (404 if slash else 200)
    if not slash:
        assert not response.get_json()["issuer"].endswith("/")


@pytest.mark.parametrize(("proxies", "noted"), [(0, "127.0.0.1"), (1, "192.0.2.7"), (2, "192.0.2.6")])
def test_peoples_addresses_come_from_as_many_proxies_as_are_trusted(app_factory, proxies, noted):
    """B18: whatever a person adds in front is not believed."""
    app = app_factory()
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies)
    make_tenant(app)
    visitor = Visitor(app.test_client())
    visitor.client.environ_base["HTTP_X_FORWARDED_FOR"] = "203.0.113.1, 192.0.2.6, 192.0.2.7"

    visitor.sign_up()

    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        assert set(session.scalars(select(AuditEvent.ip_address).where(AuditEvent.event == "user.signed_up"))) == {
            noted
        }
