"""The pages of sign-in, sign-up and the profile, by HTTP."""

import re

import pytest

from flask_hanko_identity.storage import Ceremony
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import User
from tests.queries import count_statements
from tests.sign_in import SESSION_COOKIE
from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.sign_in import count_rows
from tests.sign_in import engine_of

PAGES = ("login", "signup", "profile", "link/x")


class TestWay:
    def test_sign_up_leads_to_the_profile(self, visitor):
        answer = visitor.sign_up()

        assert (answer.status_code, answer.json) == (200, {"location": "/identity/shop/profile"})
        profile = visitor.open("profile")
        assert "ada@example.com" in profile.text
        assert "this device only" in visitor.open("profile/passkeys").text

    def test_sign_in_leads_to_the_profile(self, member):
        answer = member.sign_in()

        assert (answer.status_code, answer.json) == (200, {"location": "/identity/shop/profile"})
        assert "ada@example.com" in member.open("profile").text

    def test_sign_in_continues_the_request_of_an_app(self, member):
        handle = "h" * 43
        member.open("login")
        options = member.post("login/options", {}).json
        credential = member.authenticator.get(options["publicKey"])

        answer = member.post(
            "login/finish", {"ceremony": options["ceremony"], "credential": credential, "request": handle}
        )

        assert answer.json == {"location": f"/identity/shop/authorize/resume?request={handle}"}

    @pytest.mark.parametrize("request_", ["https://evil.test", "//evil.test", "", None, 7, ["h" * 43], "h" * 65])
    def test_sign_in_continues_nowhere_else(self, member, request_):
        member.open("login")
        options = member.post("login/options", {}).json
        credential = member.authenticator.get(options["publicKey"])

        answer = member.post(
            "login/finish", {"ceremony": options["ceremony"], "credential": credential, "request": request_}
        )

        assert answer.json == {"location": "/identity/shop/profile"}

    def test_sign_out_ends_the_session(self, visitor):
        visitor.sign_up()
        token = visitor.cookies()[SESSION_COOKIE]
        visitor.open("profile")

        answer = visitor.submit("sign-out")

        assert (answer.status_code, answer.location) == (303, "/identity/shop/login?signed_out=1")
        assert SESSION_COOKIE not in visitor.cookies()
        visitor.client.set_cookie(SESSION_COOKIE, token)
        assert visitor.open("profile").status_code == 303
        assert "You are signed out." in visitor.client.get(answer.location).text

    def test_signed_in_person_needs_no_login_page(self, visitor):
        visitor.sign_up()

        page = visitor.open("login")

        assert (page.status_code, page.location) == (303, "/identity/shop/profile")

    def test_profile_needs_a_session(self, visitor):
        assert visitor.open("profile").location == "/identity/shop/login?next=profile"

    def test_budget(self, member, host):
        member.open("login")
        with host.app_context():
            engine = engine_of(host)
        with count_statements(engine) as options:
            ceremony = member.post("login/options", {}).json
        credential = member.authenticator.get(ceremony["publicKey"])
        with count_statements(engine) as finish:
            member.post("login/finish", {"ceremony": ceremony["ceremony"], "credential": credential})

        assert options.count <= 1 + project_queries(options), options
        assert finish.count <= 4 + project_queries(finish), finish


def project_queries(seen) -> int:
    """A snapshot of the project may be due at any moment: two queries, once a second."""
    return sum("hanko_signing_key" in each or "hanko_organization" in each for each in seen.statements)


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_headers(self, visitor, path):
        page = visitor.open(path)

        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert "unsafe" not in page.headers["Content-Security-Policy"]

    @pytest.mark.parametrize("path", ["login", "signup"])
    def test_page_speaks_without_javascript(self, visitor, path):
        page = visitor.open(path).text

        assert re.search(r"<noscript>.*Passkeys need JavaScript", page)
        assert 'aria-live="assertive"' in page
        assert '<label for="email">' in page
        assert not re.search(r"\son\w+=|style=|<script>|javascript:", page)
        assert "password" not in re.sub("There is no password", "", page)

    @pytest.mark.parametrize("path", ["login", "signup", "login/options", "signup/finish", "profile", "link/x"])
    def test_host_project_has_none_of_them(self, host, path):
        with host.app_context():
            add_project(host, "guests", type="host")
        visitor = Visitor(host.test_client(), slug="guests")

        assert visitor.open(path).status_code in (404, 405)

    @pytest.mark.parametrize("path", [*PAGES, "sign-out", "login/options"])
    def test_unknown_project(self, host, path):
        assert Visitor(host.test_client(), slug="nowhere").open(path).status_code in (404, 405)

    @pytest.mark.parametrize("handle", ["x", "h" * 43, "\0", "%ff", "h" * 5000, ""])
    @pytest.mark.parametrize("path", ["login", "signup"])
    def test_request_that_is_over(self, visitor, path, handle):
        page = visitor.open(path, request=handle)

        assert page.status_code == 400
        assert "Go back to the app" in page.text

    def test_pages_change_nothing(self, member, host):
        before = {model: count_rows(host, model) for model in (Ceremony, LoginSession, User)}
        for path in PAGES:
            member.open(path)

        assert {model: count_rows(host, model) for model in before} == before

    def test_closed_project_says_so(self, host):
        with host.app_context():
            add_project(host, "club", signup="closed")
        visitor = Visitor(host.test_client(), slug="club")

        assert visitor.open("signup").status_code == 403
        assert "Sign up" not in visitor.open("login").text


class TestCookies:
    def test_session_cookie_on_http(self, visitor):
        answer = visitor.sign_up()

        (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith(SESSION_COOKIE + "=")]
        assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie

    def test_session_cookie_on_https(self, app_factory):
        app = app_factory(HANKO_IDENTITY_BASE_URL="https://id.example.com/identity")
        with app.app_context():
            add_project(app, "shop")
        client = app.test_client()
        page = client.get("/identity/shop/login", base_url="https://id.example.com")

        (cookie,) = page.headers.getlist("Set-Cookie")
        assert cookie.startswith("__Host-hanko_identity=")
        assert "Secure" in cookie

    def test_planted_session_id_is_not_kept(self, member):
        """Row B02 of the threats."""
        planted = "P" * 43
        member.client.set_cookie(SESSION_COOKIE, planted)

        member.sign_in()

        taken = member.cookies()[SESSION_COOKIE]
        assert taken != planted
        member.client.set_cookie(SESSION_COOKIE, planted)
        assert member.open("profile").status_code == 303

    def test_each_sign_in_gives_a_new_id_and_ends_the_old(self, member):
        member.sign_in()
        first = member.cookies()[SESSION_COOKIE]
        member.csrf = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', member.open("profile").text)[0]
        options = member.post("login/options", {}).json
        credential = member.authenticator.get(options["publicKey"])
        member.post("login/finish", {"ceremony": options["ceremony"], "credential": credential})

        assert member.cookies()[SESSION_COOKIE] != first
        member.client.set_cookie(SESSION_COOKIE, first)
        assert member.open("profile").status_code == 303

    def test_session_of_one_project_is_none_of_another(self, visitor, host):
        with host.app_context():
            add_project(host, "other")
        visitor.sign_up()
        visitor.client.set_cookie("hanko_identity-other", visitor.cookies()[SESSION_COOKIE])

        assert Visitor(visitor.client, slug="other").open("profile").status_code == 303
