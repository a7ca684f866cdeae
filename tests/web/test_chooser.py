"""Several accounts in one browser (OpenID Connect Core 1.0, section 3.1.2.1; rows A23, A24, B02 of the threats)."""

import re
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest

from tests.authenticator import SoftwareAuthenticator
from tests.sign_in import ORIGIN
from tests.sign_in import SESSION_COOKIE
from tests.sign_in import Visitor
from tests.tenants import connect
from tests.tenants import make_tenant

BROWSER = "hanko_identity"
OTHERS = "hanko_identity.others-shop"


@pytest.fixture
def app(app):
    make_tenant(app)
    return app


@pytest.fixture
def visitor(app):
    return Visitor(app.test_client())


@pytest.fixture
def both(visitor):
    """A browser that is signed in as Ada and then as Bob."""
    visitor.sign_up("ada@example.com")
    visitor.authenticator = SoftwareAuthenticator(origin=ORIGIN)
    visitor.sign_up("bob@example.com", other="1")
    return visitor


@pytest.fixture
def rp(app, both):
    return connect(app, browser=both.client)


def who(visitor):
    """Who the profile says is signed in."""
    page = visitor.open("profile")
    named = re.search(r"<strong>([^<]+)</strong>", page.text)
    return named[1] if page.status_code == 200 and named is not None else None


def accounts(page):
    """Address and session of each account of the chooser."""
    names = re.findall(r"<strong>([^<]+)</strong>", page.text)
    return dict(zip(names, re.findall(r'name="sid" value="([^"]+)"', page.text), strict=True))


def choose(visitor, name, **query):
    sid = accounts(visitor.open("accounts", **query))[name]
    return visitor.submit("accounts", sid=sid, **query)


def handle_of(response):
    return parse_qs(urlsplit(response.location).query)["request"][0]


def sub_of(rp, answer, **changes):
    return rp.claims(rp.redeem(answer["code"]).get_json()["id_token"])


class TestTwoAccounts:
    def test_the_first_stays_signed_in(self, both):
        assert who(both) == "bob@example.com"
        assert list(accounts(both.open("accounts"))) == ["bob@example.com", "ada@example.com"]

    def test_another_can_be_chosen_and_gets_a_new_cookie(self, both):
        before = both.cookies()

        answer = choose(both, "ada@example.com")

        assert answer.status_code == 303 and answer.location.endswith("/shop/profile")
        assert who(both) == "ada@example.com"
        assert both.cookies()[SESSION_COOKIE] not in before.values()
        choose(both, "bob@example.com")
        assert who(both) == "bob@example.com"

    def test_the_cookies_before_are_worth_nothing(self, both, app):
        before = both.cookies()
        choose(both, "ada@example.com")

        thief = Visitor(app.test_client())
        for name, value in before.items():
            thief.client.set_cookie(name, value)
        # The current one was not chosen anew, and stays Bob's.
        assert list(accounts(thief.open("accounts"))) == ["bob@example.com"]

    def test_who_knows_only_the_browsers_name_gets_nothing(self, both, app):
        planted = Visitor(app.test_client())
        planted.client.set_cookie(BROWSER, both.cookies()[BROWSER])
        assert planted.open("accounts").location.endswith("/shop/login")

    def test_tokens_are_worth_nothing_in_another_browser(self, both, app):
        thief = Visitor(app.test_client())
        thief.open("login")
        thief.client.set_cookie(OTHERS, both.cookies()[OTHERS])
        assert thief.open("accounts").location.endswith("/shop/login")
        assert thief.submit("accounts", sid="x").status_code == 400

    @pytest.mark.parametrize("sid", ["", "x", "\0", "a" * 4000])
    def test_an_account_that_is_not_there(self, both, sid):
        both.open("accounts")
        assert both.submit("accounts", sid=sid).status_code == 400
        assert who(both) == "bob@example.com"

    def test_another_site_cannot_choose(self, both):
        sid = accounts(both.open("accounts"))["ada@example.com"]
        both.csrf = "x"
        assert both.submit("accounts", sid=sid).status_code == 403
        assert both.submit("accounts/sign-out").status_code == 403
        assert who(both) == "bob@example.com"

    def test_signing_out_leaves_the_other_to_be_chosen(self, both):
        both.open("profile")
        page = both.open(both.submit("sign-out").location)
        assert "/shop/accounts" in page.text
        assert list(accounts(both.open("accounts"))) == ["ada@example.com"]
        choose(both, "ada@example.com")
        assert who(both) == "ada@example.com"

    def test_signing_out_of_all(self, both):
        both.open("accounts")
        assert both.submit("accounts/sign-out").status_code == 303
        assert who(both) is None
        assert OTHERS not in both.cookies()
        assert both.open("accounts").location.endswith("/shop/login")

    def test_signing_in_again_does_not_add_a_second_one_of_the_same(self, both):
        for _ in range(3):
            both.sign_in(other="1")
        assert list(accounts(both.open("accounts"))) == ["bob@example.com", "ada@example.com"]

    def test_a_session_that_is_over_is_not_offered(self, both, clock):
        clock.advance(days=2)
        both.open("profile")
        clock.advance(days=2)
        assert list(accounts(both.open("accounts"))) == ["bob@example.com"]

    @pytest.mark.parametrize("value", ["", "x", "." * 50, "A" * 43, ".".join(["A" * 43] * 16), "A" * 3000, "é"])
    def test_a_broken_cookie_harms_nothing(self, both, value):
        both.client.set_cookie(OTHERS, value)
        assert list(accounts(both.open("accounts"))) == ["bob@example.com"]


class TestSelectAccount:
    def test_shows_the_chooser_and_a_choice_is_enough(self, rp, both, clock):
        clock.advance(minutes=2)
        waiting = rp.authorize(prompt="select_account")
        assert urlsplit(waiting.location).path == "/identity/shop/accounts"
        request = handle_of(waiting)

        onward = choose(both, "ada@example.com", request=request)
        claims = sub_of(rp, rp.answer(both.open(onward.location)))

        assert who(both) == "ada@example.com"
        assert claims["auth_time"] == int(clock().timestamp()) - 120, "to choose is not to authenticate"

    def test_the_current_one_can_be_chosen(self, rp, both):
        request = handle_of(rp.authorize(prompt="select_account"))
        onward = choose(both, "bob@example.com", request=request)
        assert "code" in rp.answer(both.open(onward.location))

    def test_without_a_choice_there_is_no_code(self, rp, both, clock):
        clock.advance(minutes=1)
        request = handle_of(rp.authorize(prompt="select_account"))
        again = both.open("authorize/resume", request=request)
        assert urlsplit(again.location).path == "/identity/shop/accounts"

    def test_a_choice_holds_for_its_request_and_its_account_only(self, rp, both, clock):
        clock.advance(minutes=1)
        first, second = (handle_of(rp.authorize(prompt="select_account")) for _ in range(2))
        choose(both, "ada@example.com", request=first)

        assert "/accounts?" in both.open("authorize/resume", request=second).location
        choose(both, "bob@example.com")
        assert "/accounts?" in both.open("authorize/resume", request=first).location

    def test_a_request_cannot_bring_the_choice_along(self, rp, both, clock):
        clock.advance(minutes=1)
        sid = accounts(both.open("accounts"))["bob@example.com"]
        waiting = rp.authorize(prompt="select_account", **{"chosen sid": sid})
        again = both.open("authorize/resume", request=handle_of(waiting))
        assert "/accounts?" in again.location

    def test_a_choice_is_no_sign_in(self, rp, both, clock):
        clock.advance(minutes=1)
        for changes in ({"prompt": "login select_account"}, {"prompt": "select_account", "max_age": "30"}):
            request = handle_of(rp.authorize(**changes))
            choose(both, "ada@example.com", request=request)
            after = both.open("authorize/resume", request=request)
            assert urlsplit(after.location).path == "/identity/shop/login", changes

    def test_use_another_account_is_a_sign_in(self, rp, both, clock):
        request = handle_of(rp.authorize(prompt="select_account"))
        page = both.open("accounts", request=request)
        assert f"/identity/shop/login?request={request}" in page.text
        both.authenticator = SoftwareAuthenticator(origin=ORIGIN)
        clock.advance(seconds=1)
        onward = both.sign_up("eve@example.com", request=request).get_json()["location"]
        assert "code" in rp.answer(both.client.get(onward))
        assert len(accounts(both.open("accounts"))) == 3

    def test_nobody_signed_in_goes_to_the_sign_in(self, app):
        nobody = connect(app)
        assert urlsplit(nobody.authorize(prompt="select_account").location).path == "/identity/shop/login"

    def test_none_does_not_go_with_it(self, rp):
        assert rp.answer(rp.authorize(prompt="none select_account"))["error"] == "invalid_request"

    def test_another_browsers_request(self, app, both):
        other = connect(app)
        request = handle_of(other.authorize())
        assert both.open("accounts", request=request).status_code == 400
        sid = accounts(both.open("accounts"))["ada@example.com"]
        assert both.submit("accounts", sid=sid, request=request).status_code == 400
        assert who(both) == "bob@example.com"


class TestIdTokenHint:
    @pytest.fixture
    def adas(self, rp, both):
        """An ID token of the account that is not the current one."""
        choose(both, "ada@example.com")
        token = rp.tokens()["id_token"]
        choose(both, "bob@example.com")
        return token

    @pytest.mark.parametrize("prompt", [None, "none"])
    def test_of_another_account_picks_it(self, rp, both, adas, prompt):
        answer = rp.answer(rp.authorize(id_token_hint=adas, prompt=prompt))
        assert sub_of(rp, answer)["sub"] == rp.claims(adas)["sub"]
        assert who(both) == "bob@example.com", "what an app asks for does not switch the browser's own account"

    def test_of_nobody_here_does_not(self, app, rp, both, adas):
        choose(both, "ada@example.com")
        both.open("profile")
        both.submit("sign-out")
        assert rp.answer(rp.authorize(id_token_hint=adas, prompt="none"))["error"] == "login_required"


class TestPrefilled:
    def test_login_hint_on_both_pages(self, app):
        rp = connect(app)
        browser = Visitor(rp.browser)
        for prompt, path in ((None, "login"), ("create", "signup")):
            waiting = rp.authorize(login_hint='eve"<@example.com', prompt=prompt)
            assert urlsplit(waiting.location).path == f"/identity/shop/{path}"
            page = browser.open(waiting.location)
            assert 'value="eve&#34;&lt;@example.com"' in page.text

    def test_a_request_for_a_passkey_offers_no_mail(self, app_factory):
        app = app_factory(MAIL_SERVER="127.0.0.1", MAIL_DEFAULT_SENDER="no-reply@host.example")
        make_tenant(app)
        rp = connect(app)
        browser = Visitor(rp.browser)
        for acr, offered in (("1", True), ("phr", False), ("phrh", False)):
            for prompt in (None, "create"):
                page = browser.open(rp.authorize(acr_values=acr, prompt=prompt).location)
                assert page.status_code == 200
                assert ("/shop/email" in page.text) == offered, (acr, prompt)
