"""The profile's pages by HTTP (product S18; B13 and F08 of the threats)."""

import re

import pytest

from tests.sign_in import ORIGIN
from tests.sign_in import add_project
from tests.tenants import make_tenant
from tests.web.profiles import Browser
from tests.web.profiles import browse
from tests.web.visitors import Page

PAGES = ("profile", "profile/emails", "profile/apps", "profile/account")
POSTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("profile", {"name": "Eve"}),
    ("profile/emails", {"email": "eve@example.com"}),
    ("profile/emails/1/verify", {}),
    ("profile/emails/1/primary", {}),
    ("profile/emails/1/remove", {}),
    ("profile/apps/x/revoke", {}),
    ("profile/account/download", {}),
    ("profile/account/delete", {"confirmation": "ada@example.com"}),
)


@pytest.fixture
def host(app):
    make_tenant(app)
    return app


@pytest.fixture
def ada(host):
    return browse(host, name="Ada Lovelace")


class TestWays:
    @pytest.mark.parametrize(("page", "key"), list(zip(PAGES, ("profile", "emails", "apps", "account"), strict=True)))
    def test_who_is_not_signed_in_is_sent_to_and_comes_back(self, host, page, key):
        answer = Browser(host.test_client()).open(page)

        assert (answer.status_code, answer.headers["Location"]) == (303, f"/identity/shop/login?next={key}")

    @pytest.mark.parametrize("page", PAGES)
    def test_every_section_leads_to_every_other(self, ada, page):
        links = Page(ada.open(page)).links

        assert [link for link in links if "/profile" in link][:6] == [
            f"/identity/shop/profile{path}" for path in ("", "/emails", "/passkeys", "/sessions", "/apps", "/account")
        ]

    @pytest.mark.parametrize("page", PAGES)
    def test_pages_are_not_kept_and_run_nothing(self, ada, page):
        answer = ada.open(page)

        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?! (type=\"application/json\"|src=))|style=\"| on\w+=\"", answer.text)
        assert "Set-Cookie" not in {name for name, value in answer.headers if value.startswith("session=")}

    def test_a_session_of_another_project_opens_nothing(self, host, ada):
        with host.app_context():
            add_project(host, "club")

        answer = ada.client.get("/identity/club/profile")

        assert answer.status_code == 303
        ada.client.set_cookie("hanko_identity-club", ada.person.token, path="/")
        assert ada.client.get("/identity/club/profile").status_code == 303

    def test_a_project_whose_host_signs_people_in_has_none(self, host):
        with host.app_context():
            add_project(host, "hosted", type="host")

        for page in PAGES:
            assert host.test_client().get(f"/identity/hosted/{page}").status_code == 404

    def test_done_says_only_what_we_say(self, ada):
        assert "Your profile is saved." in ada.open("profile", done="saved").text
        assert "<b>x" not in ada.open("profile", done="<b>x").text
        assert 'role="status"' not in ada.open("profile", done="revoked").text


class TestForgery:
    @pytest.mark.parametrize(("path", "fields"), POSTS)
    def test_without_a_token(self, ada, path, fields):
        ada.open("profile")

        answer = ada.client.post(f"/identity/shop/{path}", data=fields, headers={"Origin": ORIGIN})

        assert answer.status_code == 403
        assert ada.claims == {"name": "Ada Lovelace"}

    @pytest.mark.parametrize(("path", "fields"), POSTS)
    def test_from_another_site(self, ada, path, fields):
        ada.open("profile")

        answer = ada.client.post(
            f"/identity/shop/{path}",
            data={"csrf_token": ada.csrf, **fields},
            headers={"Origin": "https://evil.example"},
        )

        assert answer.status_code == 403

    @pytest.mark.parametrize(("path", "fields"), POSTS)
    def test_with_the_token_of_somebody_else(self, host, ada, path, fields):
        bob = browse(host, "bob@example.com")
        bob.open("profile")
        ada.open("profile")
        ada.csrf = bob.csrf

        assert ada.submit(path, **fields).status_code == 403

    @pytest.mark.parametrize("path", [path for path, _ in POSTS if path not in PAGES])
    def test_looking_does_nothing(self, ada, path):
        assert ada.open(path).status_code == 405


class TestTraits:
    def test_they_are_shown_and_saved(self, ada):
        answer = ada.traits(
            given_name="Ada",
            birthdate="1815-12-10",
            zoneinfo="Europe/London",
            street_address="12 St James's Square\r\nFirst floor",
            country="GB",
        )

        assert (answer.status_code, answer.headers["Location"]) == (303, "/identity/shop/profile?done=saved")
        assert ada.claims == {
            "name": "Ada Lovelace",
            "given_name": "Ada",
            "birthdate": "1815-12-10",
            "zoneinfo": "Europe/London",
            "address": {"street_address": "12 St James's Square\nFirst floor", "country": "GB"},
        }
        assert ada.form("profile", "/profile").value("given_name") == "Ada"
        again = ada.traits(street_address="12 St James's Square\r\nFirst floor")
        assert again.headers["Location"].endswith("?done=unchanged")

    def test_an_emptied_field_is_no_claim(self, ada):
        ada.traits(name="")

        assert ada.claims == {}

    def test_a_fault_is_told_beside_its_field_and_keeps_what_was_typed(self, ada):
        answer = ada.traits(website="example", region="\u0007", name="Eve")

        assert answer.status_code == 422
        assert re.search(r'id="website-error">Give the whole address', answer.text)
        assert re.search(
            r'name="website" value="example"[^>]*aria-describedby="website-error" aria-invalid', answer.text
        )
        assert re.search(r'id="region-error">', answer.text)
        assert 'value="Eve"' in answer.text
        assert ada.claims == {"name": "Ada Lovelace"}

    @pytest.mark.parametrize("field", ["name", "picture", "birthdate", "street_address", "formatted", "zoneinfo"])
    @pytest.mark.parametrize("value", ["\0", b"\xff\xfe", b"\xed\xa0\x80", "x" * 20_000, "\u202e" * 50])
    def test_nothing_that_is_sent_breaks_it(self, ada, field, value):
        ada.open("profile")

        answer = ada.submit("profile", **{field: value})

        assert 300 <= answer.status_code < 500

    @pytest.mark.parametrize("attack", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}"])
    def test_names_are_text(self, ada, attack):
        """Row F08."""
        ada.traits(name=attack)

        for page in PAGES:
            text = ada.open(page).text
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert "<strong>49" not in text

    def test_a_birthday_without_a_year_can_be_kept(self, ada):
        ada.traits(birthdate="0000-12-10")

        assert 'type="text" id="birthdate"' in ada.open("profile").text
        ada.traits()
        assert ada.claims["birthdate"] == "0000-12-10"

    def test_a_stale_sign_in_is_enough(self, ada, clock):
        clock.advance(hours=1)

        assert ada.traits(name="Ada").status_code == 303


def test_flask_s_own_session_is_never_used(ada):
    for path, fields in POSTS:
        ada.open("profile/account")
        ada.submit(path, **fields)

    assert "session" not in ada.cookies()
