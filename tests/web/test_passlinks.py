"""Sign-in and sign-up by mail, by HTTP and with the real mails."""

import re
from urllib.parse import parse_qs
from urllib.parse import quote
from urllib.parse import urlsplit

import pytest

from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage import User
from tests.by_mail import ADA
from tests.by_mail import EVE
from tests.by_mail import ask
from tests.by_mail import path_of
from tests.by_mail import wrong
from tests.evidence import in_parallel
from tests.sign_in import SESSION_COOKIE
from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.sign_in import count_rows
from tests.sign_in import make_context
from tests.tenants import connect
from tests.tenants import make_tenant

OFFER = "/identity/shop/passkey-offer"


@pytest.fixture
def host(app_factory, smtp):
    """A host with a mail server; Ada has an account in its shop."""
    app = app_factory(**smtp.config)
    with app.app_context():
        add_project(app, "shop")
        create_user(make_context(app), email=ADA)
    return app


@pytest.fixture
def visitor(host):
    return Visitor(host.test_client())


class TestWay:
    def test_sign_in_by_link(self, visitor, smtp):
        inbox = visitor.open(ask(visitor))
        mail = smtp.wait_for(1)
        assert f"We sent a mail to {ADA}" in inbox.text
        assert (mail.envelope_to, mail.message["Subject"]) == ([ADA], "Sign in to Shop")

        for _ in range(3):  # scanners look too
            page = visitor.open(path_of(mail.link))
            assert page.status_code == 200 and ADA in page.text
            assert SESSION_COOKIE not in visitor.cookies()
        answer = visitor.submit(path_of(mail.link))

        assert (answer.status_code, answer.location) == (303, OFFER)
        assert ADA in visitor.open("profile").text
        assert visitor.open(path_of(mail.link)).status_code == 400

    def test_sign_in_by_code(self, visitor, smtp):
        inbox = ask(visitor)
        visitor.open(inbox)

        answer = visitor.submit(inbox, code=smtp.wait_for(1).code)

        assert (answer.status_code, answer.location) == (303, OFFER)
        assert ADA in visitor.open("profile").text

    @pytest.mark.parametrize("way", ["link", "code"])
    def test_sign_up(self, visitor, smtp, host, way):
        inbox = ask(visitor, EVE)
        mail = smtp.wait_for(1)
        assert "There is no account for eve@example.com at Shop yet" in mail.text
        path = path_of(mail.link) if way == "link" else inbox
        page = visitor.open(path)
        assert EVE in page.text and count_rows(host, User) == 1

        answer = visitor.submit(path, code=mail.code)

        assert (answer.status_code, answer.location) == (303, OFFER)
        assert EVE in visitor.open("profile").text
        assert count_rows(host, User) == 2

    def test_sign_up_page_has_it_too(self, visitor, smtp):
        page = visitor.open("signup")

        assert re.search(r'formaction="/identity/shop/email"[^>]*>Continue with e-mail<', page.text)
        assert visitor.submit("email", email=EVE).status_code == 303
        assert smtp.wait_for(1).envelope_to == [EVE]

    def test_link_on_another_device_says_where_to_go(self, visitor, smtp, host):
        inbox = ask(visitor)
        mail = smtp.wait_for(1)
        phone = Visitor(host.test_client())

        page = phone.open(path_of(mail.link))
        assert page.status_code == 200
        assert "works only in the browser in which you asked" in page.text and "<form" not in page.text
        phone.open("login")
        assert phone.submit(path_of(mail.link)).status_code == 400
        assert SESSION_COOKIE not in phone.cookies()

        visitor.open(inbox)
        assert visitor.submit(inbox, code=mail.code).status_code == 303

    def test_code_on_another_device_is_refused(self, visitor, smtp, host):
        inbox = ask(visitor)
        code = smtp.wait_for(1).code
        thief = Visitor(host.test_client())
        thief.open("login")

        assert thief.submit(inbox, code=code).status_code == 400
        assert thief.open(inbox).status_code == 400

    def test_wrong_codes(self, visitor, smtp):
        inbox = ask(visitor)
        mail = smtp.wait_for(1)
        visitor.open(inbox)

        for left in ("4 more times", "3 more times", "2 more times", "1 more time."):
            page = visitor.submit(inbox, code=wrong(mail.code))
            assert page.status_code == 422 and left in page.text and 'aria-invalid="true"' in page.text
        last = visitor.submit(inbox, code=wrong(mail.code))
        assert last.status_code == 422 and "for the last time" in last.text
        assert visitor.submit(inbox, code=mail.code).status_code == 400
        assert visitor.open(path_of(mail.link)).status_code == 400

    @pytest.mark.parametrize("code", ["", "1234", "abcdef", "\0\0\0\0\0\0", "\ud800" * 6, "9" * 10_000])
    def test_what_is_no_code(self, visitor, code):
        inbox = ask(visitor)
        visitor.open(inbox)

        page = visitor.client.post(
            inbox,
            data=f"csrf_token={visitor.csrf}&code={quote(code, errors='surrogatepass')}",
            content_type="application/x-www-form-urlencoded",
        )

        assert page.status_code == 422 and "six digits" in page.text

    @pytest.mark.parametrize("email", ["", "ada", "a\0@example.com", "x" * 400, "<script>@example.com"])
    def test_what_is_no_address(self, visitor, email, host):
        visitor.open("login")

        page = visitor.submit("email", email=email)

        assert page.status_code == 422 and "Enter an e-mail address" in page.text and "<script>" not in page.text
        assert count_rows(host, Passlink) == 0

    def test_own_page(self, visitor, smtp):
        assert visitor.open("email").status_code == 200
        assert visitor.submit("email", email=ADA).status_code == 303
        assert smtp.wait_for(1).envelope_to == [ADA]

    @pytest.mark.parametrize("path", ["email", "code"])
    def test_forged(self, visitor, path, host):
        location = ask(visitor)
        visitor.csrf = "x" * 43

        assert visitor.submit(location if path == "code" else "email", email=ADA, code="1").status_code == 403
        assert count_rows(host, Passlink) == 1

    def test_twenty_at_once(self, visitor, smtp, host):
        inbox = ask(visitor)
        code = smtp.wait_for(1).code
        visitor.open(inbox)
        cookies, csrf = visitor.cookies(), visitor.csrf

        def use(_number: int) -> int:
            client = host.test_client()
            for name, value in cookies.items():
                client.set_cookie(name, value)
            return Visitor(client, csrf=csrf).submit(inbox, code=code).status_code

        assert sorted(in_parallel(use, times=20)) == [303] + [400] * 19
        assert count_rows(host, LoginSession) == 1

    def test_nothing_secret_is_logged(self, visitor, smtp, canaries):
        inbox = ask(visitor)
        mail = smtp.wait_for(1)
        canaries.add(mail.link.rpartition("/")[2])
        canaries.add(mail.code)
        canaries.add(mail.code.replace(" ", ""))

        visitor.open(path_of(mail.link))
        visitor.open(inbox)
        visitor.submit(inbox, code=wrong(mail.code))

        assert visitor.submit(inbox, code=mail.code).status_code == 303


class TestApps:
    @pytest.fixture
    def shop(self, app_factory, smtp):
        app = app_factory(**smtp.config)
        make_tenant(app)
        with app.app_context():
            create_user(make_context(app), email=ADA)
        return app

    @pytest.mark.parametrize("way", ["link", "code"])
    def test_sign_in_goes_on_to_the_app(self, shop, smtp, way):
        visitor = Visitor(shop.test_client())
        party = connect(shop, browser=visitor.client)
        login = party.authorize(acr_values="1").location
        page = visitor.open(login)
        handle = parse_qs(urlsplit(login).query)["request"][0]
        assert f'name="request" value="{handle}"' in page.text
        inbox = visitor.submit("email", email=ADA, request=handle).location
        mail = smtp.wait_for(1)
        path = path_of(mail.link) if way == "link" else inbox
        visitor.open(path)

        onward = visitor.submit(path, code=mail.code).location
        assert parse_qs(urlsplit(onward).query)["request"] == [handle]
        answer = party.answer(visitor.client.get(f"/identity/shop/authorize/resume?request={handle}"))
        claims = party.claims(party.redeem(answer["code"]).get_json()["id_token"])

        assert (claims["acr"], claims["amr"]) == ("1", ["otp"])

    @pytest.mark.parametrize("acr_values", ["phr", "phrh", "phr phrh"])
    def test_not_where_the_app_asks_for_a_passkey(self, shop, smtp, clock, acr_values):
        visitor = Visitor(shop.test_client())
        party = connect(shop, browser=visitor.client)
        login = party.authorize(acr_values=acr_values).location
        handle = parse_qs(urlsplit(login).query)["request"][0]

        for path in (login, login.replace("/login", "/signup")):
            page = visitor.open(path)
            assert page.status_code == 200 and "/identity/shop/email" not in page.text
        assert visitor.submit("email", email=ADA, request=handle).status_code == 403
        assert visitor.open("email", request=handle).status_code == 403

        # A link that was asked for beside it is no way around.
        clock.advance(seconds=1)
        inbox = ask(visitor)
        visitor.open(inbox)
        visitor.submit(inbox, code=smtp.wait_for(1).code)
        answer = party.answer(visitor.client.get(f"/identity/shop/authorize/resume?request={handle}"))
        assert answer["error"] == "unmet_authentication_requirements"

    @pytest.mark.parametrize("handle", ["h" * 43, "//evil.test", "x"])
    def test_request_that_is_not_there(self, shop, handle):
        visitor = Visitor(shop.test_client())
        visitor.open("login")

        assert visitor.submit("email", email=ADA, request=handle).status_code == 400


def test_signing_up_with_a_passkey_sends_a_mail_to_verify_the_address(visitor, smtp, host):
    visitor.sign_up(EVE)
    mail = smtp.wait_for(1)
    assert (mail.envelope_to, mail.message["Subject"]) == ([EVE], "Is this your address?")
    page = visitor.open(path_of(mail.link))
    assert "Yes, it is mine" in page.text

    answer = visitor.submit(path_of(mail.link))

    assert (answer.status_code, answer.location) == (303, "/identity/shop/profile/emails")
    with host.app_context():
        user = make_context(host).session.query(User).filter_by(email=EVE).one()
        assert user.email_verified
