"""RFC 8414: authorization server metadata at the root of the host."""

import pytest

from tests.tenants import PREFIX
from tests.tenants import make_tenant

# Nothing here depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

OAUTH = "/.well-known/oauth-authorization-server"


def test_well_known_path_is_put_before_the_issuers_own(app):
    """Section 3.1: between host and path; the document is that of OpenID Connect Discovery."""
    make_tenant(app)
    client = app.test_client()

    response = client.get(f"{OAUTH}{PREFIX}/shop")

    assert response.status_code == 200
    assert response.data == client.get(f"{PREFIX}/shop/.well-known/openid-configuration").data
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"] == "public, max-age=900"


def test_issuer_is_the_one_that_was_asked_for(app):
    """Section 3.3."""
    make_tenant(app)
    make_tenant(app, "bank", number=1)
    client = app.test_client()

    for slug in ("shop", "bank"):
        assert client.get(f"{OAUTH}{PREFIX}/{slug}").get_json()["issuer"] == f"http://localhost{PREFIX}/{slug}"


def test_other_paths_are_the_hosts(app):
    make_tenant(app)
    client = app.test_client()

    for path in (OAUTH, f"{OAUTH}/shop", f"{OAUTH}{PREFIX}", f"{OAUTH}{PREFIX}/nobody", f"{PREFIX}{OAUTH}/shop"):
        assert client.get(path).status_code == 404


def test_mount_below_another_path(app_factory):
    app = app_factory(HANKO_IDENTITY_BASE_URL="http://localhost/sign/in")
    make_tenant(app)

    response = app.test_client().get(f"{OAUTH}/sign/in/shop")

    assert response.get_json()["issuer"] == "http://localhost/sign/in/shop"
    assert response.get_json()["token_endpoint"] == "http://localhost/sign/in/shop/token"
