"""Sessions of a person: the list, the end of others, lifetimes, new devices (rows B02 and E19 of the threats)."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from flask_hanko_identity.crypto import digest
from flask_hanko_identity.crypto import random_text
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.flows.freshness import StepUpRequired
from flask_hanko_identity.flows.login import begin_login
from flask_hanko_identity.flows.login import finish_login
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.login_sessions import open_session
from flask_hanko_identity.flows.passlinks import BY_LINK
from flask_hanko_identity.flows.sessions import end_one
from flask_hanko_identity.flows.sessions import end_others
from flask_hanko_identity.flows.sessions import list_sessions
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.protocol.passkeys import SYNCED
from flask_hanko_identity.storage import LoginSession
from tests.profiles import enter
from tests.queries import count_statements
from tests.sign_in import engine_of
from tests.sign_in import make_context
from tests.sign_in import sign_up
from tests.tenants import connect
from tests.tenants import make_tenant

PHONE = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)


@pytest.fixture(autouse=True)
def shop(app):
    make_tenant(app)
    with app.app_context():
        yield


@pytest.fixture
def ada(app, clock):
    """Somebody whose account is not brand-new."""
    ada = enter(app)
    clock.advance(minutes=1)
    return ada


def open_in(person, browser, *, assurance=SYNCED, replaces=None, agent=PHONE):
    """Sign the person in once more; gives the new session."""
    ctx = person.ctx
    origin = replace(ctx.origin, browser=browser, user_agent=agent)
    user_id = person.user.id
    with transaction(replace(ctx, origin=origin)) as work:
        return open_session(
            replace(ctx, origin=origin), work, user_id=user_id, sub=person.sub, assurance=assurance, replaces=replaces
        )


class TestList:
    def test_this_one_is_first_and_says_where_and_how(self, ada, clock):
        other = open_in(ada, random_text(), assurance=BY_LINK)

        here, phone = list_sessions(ada.ctx, ada.login)

        assert (here.is_this, here.sid, here.by_passkey) == (True, ada.login.sid, True)
        assert (phone.is_this, phone.sid, phone.by_passkey) == (False, other.sid, False)
        assert (phone.device, phone.is_handheld, phone.address) == ("Chrome on Android", True, "192.0.2.7")
        assert phone.signed_in_at == phone.last_seen_at == clock()

    def test_the_last_seen_is_next(self, ada, clock):
        first, second = open_in(ada, random_text()), open_in(ada, random_text())
        clock.advance(minutes=10)
        find_signed_in(ada.ctx, first.token)

        assert [entry.sid for entry in list_sessions(ada.ctx, ada.login)][1:] == [first.sid, second.sid]

    def test_only_live_ones_and_only_theirs(self, app, ada, clock):
        enter(app, "bob@example.com")
        open_in(ada, random_text())
        clock.advance(days=2)
        assert ada.login
        clock.advance(days=2)

        assert [entry.is_this for entry in list_sessions(ada.ctx, ada.login)] == [True]

    def test_costs_one_statement(self, app, ada):
        login = ada.login
        with count_statements(engine_of(app)) as seen:
            list_sessions(ada.ctx, login)
        assert seen.count == 1, seen


class TestLifetimes:
    def test_an_idle_session_ends(self, app, clock):
        ada = enter(app)
        lifetime = app.extensions["hanko_identity"].settings.session_idle_lifetime

        clock.advance(seconds=lifetime.total_seconds() - 1)
        assert find_signed_in(ada.ctx, ada.token)
        clock.advance(seconds=lifetime.total_seconds() - 1)
        assert find_signed_in(ada.ctx, ada.token)
        clock.advance(seconds=lifetime.total_seconds())
        assert find_signed_in(ada.ctx, ada.token) is None

    def test_a_session_ends_however_much_it_is_used(self, app, clock):
        ada = enter(app)

        for _ in range(app.extensions["hanko_identity"].settings.session_lifetime.days):
            assert find_signed_in(ada.ctx, ada.token)
            clock.advance(days=1)

        assert find_signed_in(ada.ctx, ada.token) is None


class TestEnd:
    def test_one_other(self, ada):
        other, third = open_in(ada, random_text()), open_in(ada, random_text())

        end_one(ada.ctx, ada.login, sid=other.sid)

        assert find_signed_in(ada.ctx, other.token) is None
        assert find_signed_in(ada.ctx, third.token)
        assert ada.postbox.sent[-1] == ("ada@example.com", "You were signed out elsewhere")

    def test_all_others(self, app, ada):
        bob = enter(app, "bob@example.com")
        others = [open_in(ada, random_text()) for _ in range(3)]

        assert end_others(ada.ctx, ada.login) == 3

        assert [find_signed_in(ada.ctx, other.token) for other in others] == [None] * 3
        assert ada.login.sid != bob.login.sid
        assert end_others(ada.ctx, ada.login) == 0

    def test_neither_this_one_nor_somebody_elses_nor_twice(self, app, ada):
        bob = enter(app, "bob@example.com")
        other = open_in(ada, random_text())
        end_one(ada.ctx, ada.login, sid=other.sid)

        for sid in (ada.login.sid, bob.login.sid, other.sid, "unknown", "nul\0", "\ud800", ""):
            with pytest.raises(NotFound):
                end_one(ada.ctx, ada.login, sid=sid)
        assert ada.login.sid != bob.login.sid

    def test_only_after_a_fresh_sign_in(self, ada, clock):
        other = open_in(ada, random_text())
        clock.advance(minutes=5)

        with pytest.raises(StepUpRequired):
            end_one(ada.ctx, ada.login, sid=other.sid)
        with pytest.raises(StepUpRequired):
            end_others(ada.ctx, ada.login)
        assert find_signed_in(ada.ctx, other.token)

    @pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
    def test_what_lived_by_it_is_dead_and_the_rest_is_not(self, app, ada, scope):
        rp = connect(app)
        other = open_in(ada, random_text())
        rp.browser.set_cookie("hanko_identity-shop", other.token, path="/")
        tokens = rp.tokens(scope=scope)

        end_others(ada.ctx, ada.login)

        assert rp.userinfo(tokens["access_token"]).status_code == (200 if "offline" in scope else 401)

    def test_what_lived_by_a_session_that_was_replaced_dies_with_the_others(self, app, ada):
        rp, browser = connect(app), random_text()
        other = open_in(ada, browser)
        rp.browser.set_cookie("hanko_identity-shop", other.token, path="/")
        tokens = rp.tokens()
        open_in(ada, browser, replaces=other.token)
        assert rp.userinfo(tokens["access_token"]).status_code == 200

        end_others(ada.ctx, ada.login)

        assert rp.userinfo(tokens["access_token"]).status_code == 401


class TestOneBrowser:
    def test_to_end_the_one_before_costs_one_statement_more(self, app, authenticator):
        ctx = make_context(app)
        before = sign_up(ctx, authenticator)
        ceremony = begin_login(ctx)
        response = authenticator.get(ceremony.options)

        with count_statements(engine_of(app)) as finish:
            finish_login(ctx, handle=ceremony.handle, response=response, current_token=before.token)

        assert finish.count == 5, finish
        assert find_signed_in(ctx, before.token) is None

    def test_a_new_sign_in_ends_the_one_before(self, ada):
        browser = random_text()
        first = open_in(ada, browser)

        second = open_in(ada, browser, replaces=first.token)

        assert find_signed_in(ada.ctx, first.token) is None
        assert find_signed_in(ada.ctx, second.token)
        assert not second.keeps_previous

    def test_without_its_cookie_too(self, ada):
        browser = random_text()
        first = open_in(ada, browser)
        open_in(ada, browser)
        assert find_signed_in(ada.ctx, first.token) is None

    def test_another_user_leaves_it_open(self, app, ada):
        bob, browser = enter(app, "bob@example.com"), random_text()
        first = open_in(ada, browser)

        second = open_in(bob, browser, replaces=first.token)

        assert find_signed_in(ada.ctx, first.token) and find_signed_in(ada.ctx, second.token)
        assert second.keeps_previous

    def test_the_browser_is_stored_as_a_digest(self, ada):
        browser = random_text()
        opened = open_in(ada, browser)
        stored = select(LoginSession.browser_digest).where(LoginSession.sid == opened.sid)
        assert bytes(ada.ctx.session.scalars(stored).one()) == digest(browser)


class TestNewDevice:
    def test_is_announced_by_mail_once(self, ada):
        browser = random_text()
        first = open_in(ada, browser)
        open_in(ada, browser, replaces=first.token)

        assert ada.postbox.sent == [("ada@example.com", "New sign-in to Shop")]
        assert "Chrome on Android" in ada.postbox.mails[0].values["sentences"][0]

    def test_is_known_after_a_sign_out(self, ada):
        browser = random_text()
        open_in(ada, browser)
        end_others(ada.ctx, ada.login)
        open_in(ada, browser)
        assert [subject for _, subject in ada.postbox.sent].count("New sign-in to Shop") == 1

    def test_is_new_for_each_user(self, app, ada, clock):
        bob, browser = enter(app, "bob@example.com"), random_text()
        clock.advance(minutes=1)
        open_in(ada, browser)
        open_in(bob, browser)
        assert bob.postbox.sent == [("bob@example.com", "New sign-in to Shop")]

    def test_is_not_announced_at_the_sign_up(self, app):
        eve = enter(app, "eve@example.com")
        open_in(eve, random_text())
        assert eve.postbox.sent == []

    def test_is_not_announced_to_an_address_that_may_be_a_strangers(self, app, clock):
        eve = enter(app, "eve@example.com", verified=False)
        clock.advance(minutes=1)
        open_in(eve, random_text())
        assert eve.postbox.sent == []
