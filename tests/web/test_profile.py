"""The profile's pages by HTTP (product S18; B13, E18, F08 and F14 of the threats)."""

import json
import re

import pytest
from sqlalchemy import select

from flask_hanko_identity.flows.consents import remember
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.storage import EmailAddress
from flask_hanko_identity.storage import User
from tests.profiles import enter
from tests.sign_in import ORIGIN
from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.web.visitors import Page

PAGES = ("profile", "profile/emails", "profile/apps", "profile/account")
POSTS = (
    ("profile", {"name": "Eve"}),
    ("profile/emails", {"email": "eve@example.com"}),
    ("profile/emails/1/verify", {}),
    ("profile/emails/1/primary", {}),
    ("profile/emails/1/remove", {}),
    ("profile/apps/x/revoke", {}),
    ("profile/account/download", {}),
    ("profile/account/delete", {"confirmation": "ada@example.com"}),
)
SENSITIVE = [path for path, _ in POSTS if "emails" in path or "account" in path]


@pytest.fixture
def host(app):
    make_tenant(app)
    return app


class Browser(Visitor):
    """Somebody's browser, and who sits at it."""

    person = None

    def form(self, path, ending):
        """A form of a page; its token is that of this person."""
        return Page(self.open(path)).form(ending)

    def traits(self, **typed):
        """Fill in the form of the profile and send it."""
        return self.submit("profile", **self.form("profile", "/profile").filled(**typed))

    def add(self, email):
        """Add an address."""
        return self.submit("profile/emails", **self.form("profile/emails", "/emails").filled(email=email))

    def stored(self, read):
        """What ``read`` finds out about the person."""
        with self.person.app.app_context():
            return read(self.person)

    @property
    def claims(self):
        return self.stored(lambda person: dict(person.user.claims))

    @property
    def email(self):
        return self.stored(lambda person: person.user.email)

    @property
    def addresses(self):
        """Ids of the person's addresses."""
        mine = select(EmailAddress.id).join(User, User.id == EmailAddress.user_id).order_by(EmailAddress.id)
        return self.stored(lambda person: person.ctx.session.scalars(mine.where(User.sub == person.sub)).all())


def browse(app, *args, **values):
    """The browser of a new user."""
    with app.app_context():
        person = enter(app, *args, **values)
    browser = Browser(app.test_client(), slug=person.slug)
    browser.person = person
    browser.client.set_cookie(f"hanko_identity-{person.slug}", person.token, path="/")
    return browser


@pytest.fixture
def ada(host):
    return browse(host, name="Ada Lovelace")


def consent(browser, rp):
    def allow(person):
        ctx, user_id = person.ctx, person.user.id
        client = ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=rp.client_id)
        with transaction(ctx):
            remember(ctx, user_id=user_id, client_id=client.id, scope=("openid", "email"))

    browser.stored(allow)


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


class TestFreshness:
    @pytest.mark.parametrize("path", SENSITIVE)
    def test_a_stale_sign_in_is_sent_to_sign_in_again(self, ada, clock, path):
        """Row E18."""
        ada.open("profile/emails")
        clock.advance(minutes=5)

        answer = ada.submit(path, **dict(POSTS)[path])

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


def test_flask_s_own_session_is_never_used(ada):
    for path, fields in POSTS:
        ada.open("profile/account")
        ada.submit(path, **fields)

    assert "session" not in ada.cookies()
