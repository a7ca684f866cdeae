"""The pages of recovery codes and enrol links by HTTP (row E19 of the threats)."""

import json
import re

import pytest

from flask_hanko_identity.storage import Project
from tests.authenticator import SoftwareAuthenticator
from tests.sign_in import ORIGIN
from tests.sign_in import SESSION_COOKIE
from tests.sign_in import Visitor
from tests.tenants import connect
from tests.tenants import make_tenant

WRONG = "0000-0000-0000-0000"


@pytest.fixture
def app(app):
    make_tenant(app)
    switch(app, True)
    return app


@pytest.fixture
def ada(app):
    visitor = Visitor(app.test_client())
    visitor.sign_up()
    return visitor


@pytest.fixture
def codes(ada):
    ada.open("profile/recovery-codes")
    return shown(ada.submit("profile/recovery-codes"))


@pytest.fixture
def newcomer(app):
    """A browser that knows nothing, with a new authenticator."""
    return Visitor(app.test_client(), authenticator=SoftwareAuthenticator(origin=ORIGIN))


def switch(app, on):
    with app.app_context():
        state = app.extensions["hanko_identity"]
        state.session.query(Project).filter_by(slug="shop").one().sign_in = {"recovery_codes": on}
        state.session.commit()
        state.snapshots.forget()


def shown(page):
    return re.findall(r"<code>([^<]+)</code>", page.text)


def add_passkey(visitor):
    options = visitor.post("profile/passkeys/options", {}).get_json()
    credential = visitor.authenticator.create(options["publicKey"])
    return visitor.post("profile/passkeys/finish", {"ceremony": options["ceremony"], "credential": credential})


class TestMaking:
    def test_shows_them_once_and_to_no_cache(self, ada):
        page = ada.open("profile/recovery-codes")
        assert "You have no recovery codes." in page.text

        made = ada.submit("profile/recovery-codes")

        assert len(set(shown(made))) == 10
        assert made.headers["Cache-Control"] == "no-store"
        later = ada.open("profile/recovery-codes")
        assert "You have 10 codes that work." in later.text and shown(later) == []

    def test_is_reached_from_the_passkeys(self, ada):
        assert "/shop/profile/recovery-codes" in ada.open("profile/passkeys").text

    def test_needs_the_pages_token_and_a_fresh_sign_in(self, ada, clock):
        ada.open("profile/recovery-codes")
        token, ada.csrf = ada.csrf, "x"
        assert ada.submit("profile/recovery-codes").status_code == 403
        ada.csrf = token
        clock.advance(minutes=6)
        answer = ada.submit("profile/recovery-codes")
        assert answer.location.endswith("/shop/login?again=1&next=recovery-codes")
        onward = ada.sign_in(again="1", next="recovery-codes").get_json()["location"]
        assert onward.endswith("/shop/profile/recovery-codes")

    def test_is_not_there_without_the_setting(self, app, ada):
        switch(app, False)
        ada.open("profile/passkeys")
        assert ada.submit("profile/recovery-codes").status_code == 404
        assert ada.open("profile/recovery-codes").status_code == 404
        assert ada.open("recover").status_code == 403
        assert ada.submit("recover", email="ada@example.com", code=WRONG).status_code == 403


class TestUsing:
    def test_leads_from_the_sign_in_page_to_a_new_passkey(self, ada, codes, newcomer):
        assert "/shop/recover" in newcomer.open("login").text
        newcomer.open("recover")
        newcomer.client.set_cookie(SESSION_COOKIE, "A" * 43)
        newcomer.open("recover")

        answer = newcomer.submit("recover", email="ada@example.com", code=codes[0].lower())

        assert answer.status_code == 303 and answer.location.endswith("/shop/passkey-offer")
        assert newcomer.cookies()[SESSION_COOKIE] != "A" * 43
        assert ada.open("profile").status_code == 303, "the other sessions are over"
        newcomer.open(answer.location)
        assert add_passkey(newcomer).status_code == 200
        again = Visitor(newcomer.client, authenticator=newcomer.authenticator)
        again.open("profile")
        again.submit("sign-out")
        assert again.sign_in().status_code == 200

    def test_goes_on_to_the_app_that_waits(self, app, ada, codes, newcomer, clock):
        clock.advance(seconds=1)
        rp = connect(app, browser=newcomer.client)
        request = rp.authorize().location.rpartition("=")[2]
        newcomer.open("recover", request=request)
        clock.advance(seconds=1)
        answer = newcomer.submit("recover", email="ada@example.com", code=codes[0], request=request)
        assert answer.location.endswith(f"/shop/passkey-offer?request={request}")
        code = rp.answer(newcomer.open("authorize/resume", request=request))["code"]
        claims = rp.claims(rp.redeem(code).get_json()["id_token"])
        assert (claims["acr"], claims["amr"]) == ("1", ["otp"])

    def test_is_not_offered_where_an_app_asks_for_more(self, app, codes, newcomer):
        rp = connect(app, browser=newcomer.client)
        waiting = rp.authorize(acr_values="phr")
        request = waiting.location.rpartition("=")[2]
        assert "/shop/recover" not in newcomer.open(waiting.location).text
        assert newcomer.open("recover", request=request).status_code == 403
        newcomer.open("recover")
        answer = newcomer.submit("recover", email="ada@example.com", code=codes[0], request=request)
        assert answer.status_code == 403 and SESSION_COOKIE not in newcomer.cookies()

    def test_answers_alike_whoever_has_the_address(self, ada, codes, newcomer):
        pages = set()
        for email in ("ada@example.com", "eve@example.com"):
            newcomer.open("recover")
            answer = newcomer.submit("recover", email=email, code=WRONG)
            assert answer.status_code == 422
            pages.add(re.sub(r'name="csrf_token"[^>]+>', "", answer.text.replace(email, "")))
        assert len(pages) == 1
        assert SESSION_COOKIE not in newcomer.cookies()

    def test_says_when_to_try_again(self, ada, codes, newcomer):
        newcomer.open("recover")
        statuses = [newcomer.submit("recover", email="ada@example.com", code=WRONG).status_code for _ in range(11)]
        assert statuses == [422] * 10 + [429]
        refused = newcomer.submit("recover", email="ada@example.com", code=codes[0])
        assert int(refused.headers["Retry-After"]) > 0 and "Try again in" in refused.text

    @pytest.mark.parametrize("value", ["", "\0", "a" * 30_000, "é\u202e"])
    def test_whatever_is_typed(self, newcomer, value):
        newcomer.open("recover")
        assert newcomer.submit("recover", email=value, code=value).status_code == 422
        assert newcomer.submit("recover", email="ada@example.com", code=value).status_code == 422
        assert newcomer.submit("recover", request=value or "x", email="a@b.example", code="x").status_code == 400

    def test_another_site_cannot_post(self, codes, newcomer):
        newcomer.open("recover")
        newcomer.csrf = "x"
        assert newcomer.submit("recover", email="ada@example.com", code=codes[0]).status_code == 403


class TestEnrolLink:
    @pytest.fixture
    def link(self, app, ada):
        runner = app.test_cli_runner()
        # Only an address that an account holds finds it.
        made = runner.invoke(
            args=["identity", "users", "create", "--project", "shop", "--email", "eve@example.com", "--json"]
        )
        assert made.exit_code == 0, made.output
        options = ["--project", "shop", "--email", "eve@example.com", "--json"]
        result = runner.invoke(args=["identity", "users", "enrol-link", *options])
        assert result.exit_code == 0, result.output
        report = json.loads(result.output)
        assert report["expires_in"] == 3600
        return report["enrol_link"].removeprefix(ORIGIN)

    def test_leads_to_a_passkey(self, newcomer, link):
        page = newcomer.open(link)
        assert page.status_code == 200 and "add a passkey" in page.text
        assert newcomer.open(link).status_code == 200, "to look spends nothing"

        answer = newcomer.submit(link)

        assert answer.status_code == 303 and answer.location.endswith("/shop/profile/passkeys")
        newcomer.open(answer.location)
        assert add_passkey(newcomer).status_code == 200
        assert newcomer.open(link).status_code == 400
        assert newcomer.submit(link).status_code == 400

    def test_needs_the_pages_token(self, newcomer, link):
        newcomer.open(link)
        newcomer.csrf = "x"
        assert newcomer.submit(link).status_code == 403
        assert newcomer.open(link).status_code == 200

    def test_nobody_with_that_address(self, app):
        options = ["--project", "shop", "--email", "nobody@example.com", "--json"]
        result = app.test_cli_runner().invoke(args=["identity", "users", "enrol-link", *options])
        assert result.exit_code == 1 and "No user of this project" in result.output
