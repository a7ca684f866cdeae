"""What people change in their profile by HTTP (product S18; E18, F08 and F14 of the threats)."""

import json
import re

import pytest
from sqlalchemy import select

from flask_hanko_identity.storage import User
from tests.sign_in import Visitor
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.web.profiles import browse
from tests.web.profiles import consent
from tests.web.visitors import Page

SENSITIVE: tuple[tuple[str, dict[str, str]], ...] = (
    ("profile/emails", {"email": "eve@example.com"}),
    ("profile/emails/1/verify", {}),
    ("profile/emails/1/primary", {}),
    ("profile/emails/1/remove", {}),
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


class TestFreshness:
    @pytest.mark.parametrize(("path", "fields"), SENSITIVE)
    def test_a_stale_sign_in_is_sent_to_sign_in_again(self, ada, clock, path, fields):
        """Row E18."""
        ada.open("profile/emails")
        clock.advance(minutes=5)

        answer = ada.submit(path, **fields)

        key = "account" if "account" in path else "emails"
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/identity/shop/login?again=1&next={key}")
        assert ada.email == "ada@example.com"

    @pytest.mark.parametrize("key", ["emails", "account"])
    def test_the_page_says_so_before_anything_is_typed(self, ada, clock, key):
        clock.advance(minutes=5)

        page = Page(ada.open(f"profile/{key}"))

        assert f"/identity/shop/login?again=1&next={key}" in page.links
        assert [form.action for form in page.forms] == ["/identity/shop/sign-out"]

    def test_after_signing_in_again_it_goes_on_where_it_was(self, host, clock):
        visitor = Visitor(host.test_client())
        visitor.sign_up()
        clock.advance(minutes=6)
        visitor.open("profile")
        location = visitor.submit("profile/emails", email="ada@work.example").headers["Location"]

        visitor.open(location)
        options = visitor.post("login/options", {}).get_json()
        credential = visitor.authenticator.get(options["publicKey"])
        answer = visitor.post(
            "login/finish", {"ceremony": options["ceremony"], "credential": credential, "next": "emails"}
        )

        assert answer.get_json() == {"location": "/identity/shop/profile/emails"}
        visitor.open("profile/emails")
        assert visitor.submit("profile/emails", email="ada@work.example").status_code == 303
        assert "ada@work.example" in visitor.open("profile/emails").text


class TestEmails:
    def test_one_is_added(self, ada):
        answer = ada.add("ada@work.example")

        assert answer.status_code == 303
        page = Page(ada.open("profile/emails"))
        assert "ada@work.example not verified" in page.text
        assert "ada@example.com primary verified" in page.text

    @pytest.mark.parametrize("email", ["", "ada", "ada@example.com", "x" * 300, "a\0@b.cd"])
    def test_what_cannot_be_added_is_told_beside_the_field(self, ada, email):
        answer = ada.add(email)

        assert answer.status_code == 422
        assert 'id="email-error"' in answer.text

    def test_one_is_removed(self, ada):
        ada.add("ada@work.example")
        number = max(ada.addresses)

        answer = ada.submit(f"profile/emails/{number}/remove")

        assert answer.headers["Location"] == "/identity/shop/profile/emails?done=removed"
        assert ada.addresses == [min(ada.addresses)]

    def test_what_is_refused_is_told_on_the_page(self, ada):
        ada.add("ada@work.example")
        first, second = ada.addresses

        for number, action, words in ((first, "remove", "primary address"), (second, "primary", "Verify")):
            answer = ada.submit(f"profile/emails/{number}/{action}")
            assert answer.status_code == 409
            assert re.search(rf'role="alert">[^<]*{words}', answer.text)

    @pytest.mark.parametrize("action", ["verify", "primary", "remove"])
    def test_those_of_somebody_else_are_not_there(self, host, ada, action):
        bob = browse(host, "bob@example.com")
        (number,) = bob.addresses
        ada.open("profile/emails")

        assert ada.submit(f"profile/emails/{number}/{action}").status_code == 404
        assert ada.submit(f"profile/emails/{number + 1000}/{action}").status_code == 404
        assert ada.submit(f"profile/emails/{2**70}/{action}").status_code == 404
        assert bob.addresses == [number]


class TestApps:
    def test_what_an_app_may_see_is_said_in_words(self, host, ada):
        rp = connect(host, first_party=False, application_uri="https://books.example/")
        consent(ada, rp)

        page = Page(ada.open("profile/apps"))

        for words in ("Bookshop", "books.example", "See your e-mail address", "It has no access right now."):
            assert words in page.text

    def test_it_is_disconnected(self, host, ada):
        rp = connect(host, first_party=False)
        consent(ada, rp)
        ada.open("profile/apps")

        answer = ada.submit(f"profile/apps/{rp.client_id}/revoke")

        assert (answer.status_code, answer.headers["Location"]) == (303, "/identity/shop/profile/apps?done=revoked")
        assert "No app is connected" in ada.open("profile/apps").text

    def test_those_of_somebody_else_and_of_another_project_are_not_there(self, host, ada):
        bob = browse(host, "bob@example.com")
        rp = connect(host, first_party=False)
        consent(bob, rp)
        make_tenant(host, "club", number=1)
        twin = browse(host, slug="club")
        other = connect(host, "club", first_party=False)
        consent(twin, other)
        ada.open("profile/apps")

        for client_id in (rp.client_id, other.client_id, "nothing", "%00", "%ff", "x" * 3000):
            assert ada.submit(f"profile/apps/{client_id}/revoke").status_code == 404

        assert "Bookshop" in bob.open("profile/apps").text

    def test_names_of_apps_are_text(self, host, ada):
        consent(ada, connect(host, name="<script>alert(1)</script>"))

        assert "<script>alert" not in ada.open("profile/apps").text


class TestAccount:
    def test_the_data_comes_as_a_file(self, ada, clock):
        ada.open("profile/account")

        answer = ada.submit("profile/account/download")

        assert answer.status_code == 200
        assert answer.mimetype == "application/json"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="shop-{clock():%Y-%m-%d}.json"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert json.loads(answer.text)["account"]["email"] == "ada@example.com"

    def test_it_is_deleted(self, host, ada):
        form = ada.form("profile/account", "/delete")

        answer = ada.client.post(form.action, data=form.filled(confirmation="ada@example.com"))

        assert (answer.status_code, answer.headers["Location"]) == (303, "/identity/shop/profile/deleted")
        assert not ada.cookies().get("hanko_identity-shop")
        assert "Your account is deleted" in ada.open(answer.headers["Location"]).text
        assert ada.open("profile").status_code == 303
        with host.app_context():
            assert ada.person.ctx.session.scalar(select(User.id)) is None

    def test_not_by_a_slip(self, ada):
        form = ada.form("profile/account", "/delete")

        answer = ada.client.post(form.action, data=form.filled(confirmation="ada"))

        assert answer.status_code == 422
        assert 'id="confirmation-error"' in answer.text
        assert ada.email == "ada@example.com"

    def test_the_form_sent_twice_finds_nobody_the_second_time(self, ada):
        form = ada.form("profile/account", "/delete")
        ada.client.post(form.action, data=form.filled(confirmation="ada@example.com"))
        ada.client.set_cookie("hanko_identity-shop", ada.person.token, path="/")

        answer = ada.client.post(form.action, data=form.filled(confirmation="ada@example.com"))

        assert (answer.status_code, answer.headers["Location"]) == (303, "/identity/shop/login?next=account")
