"""Forms and ceremonies come from our own pages, or are refused and change nothing (B04, B07, B17)."""

import re
from html import unescape

import pytest
from sqlalchemy import text

from tests.sign_in import Visitor
from tests.tenants import make_tenant
from tests.web import visitors

# Refused before the database is asked, so one kind is enough.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FORM_PATHS = ["/identity/shop/sign-out", "/identity/shop/authorize/decision", "/identity/shop/logout/confirm"]
CEREMONIES = ["login/options", "login/finish", "signup/options", "signup/finish"]


@pytest.fixture
def shop(app):
    make_tenant(app)
    return app


@pytest.fixture
def member(shop):
    """Somebody who is signed in and has a page open."""
    visitor = Visitor(shop.test_client())
    visitor.sign_up()
    visitor.open("profile")
    return visitor


def is_signed_in(visitor):
    return visitor.client.get("/identity/shop/profile").status_code == 200


def sign_out(visitor, *, token=None, **headers):
    """The form of the page, as a browser sends it; a token of None is left out."""
    data = {} if token is None else {"csrf_token": token}
    return visitor.client.post("/identity/shop/sign-out", data=data, headers=headers)


class TestForm:
    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"Origin": "http://localhost"}, id="our origin"),
            pytest.param({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, id="both say so"),
            pytest.param({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, id="no-referrer page of ours"),
            pytest.param({"Sec-Fetch-Site": "none"}, id="typed or restored"),
            pytest.param({}, id="an old browser"),
        ],
    )
    def test_of_our_own_page_works(self, member, headers):
        assert sign_out(member, token=member.csrf, **headers).status_code == 303
        assert not is_signed_in(member)

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"Origin": "https://evil.example"}, id="foreign origin"),
            pytest.param({"Origin": "http://localhost.evil.example"}, id="origin that begins like ours"),
            pytest.param({"Origin": "http://localhost:8001"}, id="other port"),
            pytest.param({"Origin": "https://localhost"}, id="other scheme"),
            pytest.param({"Origin": "null"}, id="null"),
            pytest.param({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, id="null from elsewhere"),
            pytest.param({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, id="browser says cross-site"),
            pytest.param({"Sec-Fetch-Site": "same-site"}, id="sister domain"),
            pytest.param({"Origin": ""}, id="empty origin"),
        ],
    )
    def test_from_elsewhere_is_refused_even_with_the_token(self, member, headers):
        assert sign_out(member, token=member.csrf, **headers).status_code == 403
        assert is_signed_in(member)

    @pytest.mark.parametrize("token", [None, "", "x", "x" * 43, "\0", "ü" * 43, "x" * 10_000])
    def test_without_a_good_token_is_refused(self, member, token):
        assert sign_out(member, token=token, Origin="http://localhost").status_code == 403
        assert is_signed_in(member)

    def test_with_another_browsers_token_is_refused(self, shop, member):
        other = Visitor(shop.test_client())
        other.sign_up("eve@example.com")
        other.open("profile")

        assert sign_out(member, token=other.csrf, Origin="http://localhost").status_code == 403
        assert is_signed_in(member)

    def test_with_a_token_of_before_signing_in_is_refused(self, shop):
        visitor = Visitor(shop.test_client())
        visitor.open("login")
        before = visitor.csrf
        visitor.sign_up()

        assert sign_out(visitor, token=before, Origin="http://localhost").status_code == 403
        assert is_signed_in(visitor)

    def test_with_the_token_in_the_address_is_refused(self, member):
        response = member.client.post(f"/identity/shop/sign-out?csrf_token={member.csrf}")

        assert response.status_code == 403

    @pytest.mark.parametrize("path", FORM_PATHS)
    def test_in_json_is_refused(self, member, path):
        for body in ("[1]", "5", '{"csrf_token": 1}', '"x"', "null", "{"):
            response = member.client.post(path, data=body, content_type="application/json")

            assert response.status_code == 403, body

    def test_method_override_is_ignored(self, member):
        response = member.client.get("/identity/shop/sign-out?_method=POST", headers={"X-HTTP-Method-Override": "POST"})

        assert response.status_code == 405
        assert is_signed_in(member)


class TestCeremony:
    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"Origin": "https://evil.example"}, id="foreign origin"),
            pytest.param({"Origin": "null"}, id="null"),
            pytest.param({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, id="null from our origin"),
            pytest.param({"Sec-Fetch-Site": "cross-site"}, id="browser says cross-site"),
            pytest.param({"X-CSRFToken": ""}, id="no token"),
            pytest.param({"X-CSRFToken": "x" * 43}, id="foreign token"),
            pytest.param({"Content-Type": "text/plain"}, id="text/plain"),
            pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, id="form"),
            pytest.param({"Content-Type": "multipart/form-data; boundary=x"}, id="multipart"),
        ],
    )
    def test_from_elsewhere_is_refused(self, shop, headers):
        visitor = Visitor(shop.test_client())
        visitor.open("login")
        good = {"Origin": "http://localhost", "X-CSRFToken": visitor.csrf, "Content-Type": "application/json"}

        for path in CEREMONIES:
            response = visitor.client.post(f"/identity/shop/{path}", data="{}", headers={**good, **headers})

            assert response.status_code == 403, path
            assert response.get_json()["error"] == "RequestForged"
        assert "hanko_identity-shop" not in visitor.cookies()

    def test_without_an_origin_is_refused(self, shop):
        visitor = Visitor(shop.test_client())
        visitor.open("login")

        response = visitor.client.post("/identity/shop/login/options", json={}, headers={"X-CSRFToken": visitor.csrf})

        assert response.status_code == 403

    def test_without_a_cookie_is_refused(self, shop):
        visitor = Visitor(shop.test_client())
        visitor.open("login")

        stranger = Visitor(shop.test_client(), csrf=visitor.csrf)

        assert stranger.post("login/options", {}).status_code == 403

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"[]", id="list"),
            pytest.param(b"null", id="null"),
            pytest.param(b"{", id="broken"),
            pytest.param(b"\xff", id="not UTF-8"),
            pytest.param(b'{"email": "a\\u0000b"}', id="NUL"),
            pytest.param(b'{"email": "\\ud800"}', id="lone surrogate"),
            pytest.param(b'{"\\ud800": 1}', id="lone surrogate in a name"),
            pytest.param(b'{"a":' * 100 + b"1" + b"}" * 100, id="deep"),
            pytest.param(b"[" * 50_000, id="very deep"),
            pytest.param(b'{"a": ' + b"9" * 5000 + b"}", id="huge number"),
        ],
    )
    def test_with_rubbish_is_refused_calmly(self, shop, body):
        visitor = Visitor(shop.test_client())
        visitor.open("login")

        response = visitor.client.post(
            "/identity/shop/login/options",
            data=body,
            content_type="application/json",
            headers={"Origin": "http://localhost", "X-CSRFToken": visitor.csrf},
        )

        assert response.status_code == 422

    def test_that_is_too_large_is_refused(self, shop):
        visitor = Visitor(shop.test_client())
        visitor.open("login")

        assert visitor.post("login/options", {"a": "x" * 70_000}).status_code in (413, 422)


class TestConsole:
    @pytest.fixture
    def person(self, app):
        return visitors.sign_in(app)

    def rows(self, app):
        with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
            tables = ("organization", "project", "client", "client_secret", "redirect_uri")
            return [connection.scalar(text(f"SELECT count(*) FROM hanko_{table}")) for table in tables]

    def test_changes_nothing_without_a_token(self, app, person):
        slug = person.create_project()
        person.connect_app(slug)
        before = self.rows(app)
        values = {"slug": slug, "organization_id": person.organization_id, "client_id": self.client_id(person, slug)}
        adapter = app.url_map.bind("localhost")

        for rule in app.url_map.iter_rules():
            if rule.endpoint.startswith("hanko_console.") and "POST" in rule.methods:
                path = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments})
                for data in ({"name": "Forged"}, {"name": "Forged", "csrf_token": "x" * 43}):
                    assert person.client.post(path, data=data).status_code == 403, path
        assert self.rows(app) == before

    def test_changes_nothing_on_reading(self, app, person):
        """Follow every link that the console shows."""
        slug = person.create_project()
        person.connect_app(slug)
        before, seen, waiting = self.rows(app), set(), ["/identity/console/"]
        while waiting:
            path = waiting.pop()
            seen.add(path)
            response = person.client.get(path, buffered=True)
            assert response.status_code in (200, 303), path
            links = {unescape(link) for link in re.findall(r'href="(/identity/[^"#]+)"', response.text)}
            waiting += sorted(links - seen - set(waiting))

        assert len(seen) > 12
        assert self.rows(app) == before

    def client_id(self, person, slug):
        page = person.client.get(f"/identity/console/projects/{slug}/apps").text
        found = re.search(rf"/projects/{slug}/apps/(?!connect)([^\"/]+)", page)
        assert found
        return found[1]


@pytest.mark.parametrize("host", ["evil.test", "a.test, b.test", "id@evil", "localhost:99999", ""])
def test_the_host_header_changes_no_address(shop, host):
    """B17: issuer and endpoints come from the setting alone."""
    client = shop.test_client()
    environ = {"HTTP_HOST": host}
    headers = {"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.test"}

    response = client.get("/identity/shop/.well-known/openid-configuration", environ_overrides=environ, headers=headers)
    page = client.get("/identity/shop/login", environ_overrides=environ, headers=headers)

    if response.status_code != 400:
        assert response.get_json()["issuer"] == "http://localhost/identity/shop"
    assert "evil" not in response.text + page.text
    assert page.status_code in (200, 400)
