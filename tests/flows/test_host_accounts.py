"""The host's person becomes our user, below HTTP."""

from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from uuid import UUID

import pytest
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity.errors import HostFunctionFailed
from flask_hanko_identity.flows.check_database import check_database
from flask_hanko_identity.flows.host_accounts import follow
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.protocol.host_accounts import LARGEST_CLAIMS
from flask_hanko_identity.protocol.host_accounts import HostUser
from flask_hanko_identity.protocol.host_accounts import examine
from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import User
from tests.management import at_once
from tests.queries import count_statements
from tests.sign_in import add_project
from tests.sign_in import engine_of
from tests.sign_in import make_context

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ADA = HostUser("7", {"name": "Ada", "email": "ada@example.com"}, amr=("pwd",))


@pytest.fixture
def shop(app):
    with app.app_context():
        add_project(app, "shop", type="host")
        yield app


def asking(app, user, slug="shop"):
    """A piece of work in a browser where the host has signed this person in."""
    ctx = make_context(app, slug, browser="a browser")
    return replace(ctx, person=None if user is None else examine(user, now=ctx.now))


def users(app):
    return list(app.extensions["hanko_identity"].session.execute(select(User.host_id, User.sub).order_by(User.id)))


def events(app):
    return list(app.extensions["hanko_identity"].session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))


def test_a_person_gets_a_random_sub_at_first_sight_and_keeps_it(shop):
    first = follow(asking(shop, ADA), login_token=None)
    again = follow(asking(shop, ADA), login_token=None)

    [(host_id, sub)] = users(shop)
    assert host_id == "7"
    assert "7" != sub
    assert len(sub) >= 20
    assert first.token != again.token
    assert events(shop) == ["user.created"]


def test_people_of_different_projects_have_nothing_in_common(shop):
    add_project(shop, "other", type="host")
    here = follow(asking(shop, ADA), login_token=None)
    there = follow(asking(shop, ADA, "other"), login_token=here.token)

    assert len({sub for _, sub in users(shop)}) == 2
    assert find_signed_in(asking(shop, None), here.token) is not None
    assert find_signed_in(asking(shop, None), there.token) is None


def test_ids_are_compared_byte_for_byte(shop):
    for name in ("ada", "Ada", "ada ", "ad\u0061\u0301", "ad\u00e1", "a" * 255):
        follow(asking(shop, HostUser(name)), login_token=None)

    assert len(users(shop)) == 6


def test_several_at_once_make_one_user(shop):
    results = at_once(shop, lambda number: follow(asking(shop, ADA), login_token=None), times=6)

    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(users(shop)) == 1
    assert events(shop) == ["user.created"]


def test_nothing_changed_costs_one_statement(shop):
    token = follow(asking(shop, ADA), login_token=None).token
    ctx = asking(shop, ADA)

    with count_statements(engine_of(shop)) as seen:
        login = follow(ctx, login_token=token)

    assert (login.token, seen.count) == (token, 1)


def test_changed_claims_are_stored_in_the_same_session(shop, clock):
    token = follow(asking(shop, ADA), login_token=None).token
    clock.advance(minutes=1)
    changed = HostUser("7", {"name": "Ada King", "email": "ada@example.org", "email_verified": True}, amr=("pwd",))

    assert follow(asking(shop, changed), login_token=token).token == token

    row = (
        shop.extensions["hanko_identity"]
        .session.execute(select(User.email, User.email_verified, User.claims, User.updated_at))
        .one()
    )
    assert tuple(row) == ("ada@example.org", True, {"name": "Ada King"}, clock())
    assert events(shop) == ["user.created", "user.changed"]


def test_a_new_sign_in_is_a_new_session_and_ends_the_old_one(shop, clock):
    token = follow(asking(shop, replace(ADA, auth_time=clock())), login_token=None).token
    clock.advance(minutes=1)

    login = follow(asking(shop, replace(ADA, auth_time=clock())), login_token=token)

    assert find_signed_in(asking(shop, None), token) is None
    signed_in = find_signed_in(asking(shop, None), login.token)
    assert signed_in is not None
    assert signed_in.auth_time == clock()


def test_a_session_that_was_idle_too_long_is_followed_by_another(shop, clock):
    token = follow(asking(shop, ADA), login_token=None).token
    clock.advance(days=4)

    assert follow(asking(shop, ADA), login_token=token).token not in (None, token)


def test_an_inactive_user_is_not_signed_in_and_not_changed(shop):
    token = follow(asking(shop, ADA), login_token=None).token
    session = shop.extensions["hanko_identity"].session
    session.execute(update(User).values(state="inactive"))
    session.commit()

    login = follow(asking(shop, replace(ADA, claims={"name": "Eve"})), login_token=token)

    assert (login.token, login.is_inactive) == (None, True)
    assert session.scalar(select(User.claims)) == {"name": "Ada"}
    assert session.scalar(select(func.count()).select_from(LoginSession)) == 1


def test_nobody_new_is_stored_where_that_is_not_wanted(shop):
    assert follow(asking(shop, ADA), login_token=None, may_create=False).token is None
    assert users(shop) == []


class TestExamine:
    def see(self, **values):
        return examine(HostUser(**{"id": "7", **values}), now=NOW)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [("7", "7"), (7, "7"), (UUID(int=7), str(UUID(int=7))), ("é日 7", "é日 7"), ("x" * 255, "x" * 255)],
    )
    def test_keeps_ids(self, given, kept):
        assert self.see(id=given).host_id == kept

    @pytest.mark.parametrize("given", ["", "x" * 256, None, True, 1.5, b"7", "a\nb", "a\0", "\ud800"])
    def test_refuses_other_ids(self, given):
        with pytest.raises(HostFunctionFailed):
            self.see(id=given)

    @pytest.mark.parametrize("given", [None, "7", {"id": "7"}, 7])
    def test_wants_a_host_user(self, given):
        with pytest.raises(HostFunctionFailed):
            examine(given, now=NOW)

    @pytest.mark.parametrize("verified", ["yes", 1, None, False, "true"])
    def test_an_address_is_verified_only_if_the_host_says_true(self, verified):
        assert self.see(claims={"email": "a@example.com", "email_verified": verified}).email_verified is False

    def test_without_an_address_nothing_is_verified(self):
        assert self.see(claims={"email_verified": True}).email_verified is False

    @pytest.mark.parametrize("given", [None, [], "name", 7, [("name", "Ada")]])
    def test_claims_that_are_none_are_left_out(self, given):
        person = self.see(claims=given)

        assert person.claims == {}
        assert person.faults

    def test_claims_have_a_limit(self):
        names = ("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "gender")
        address = {part: "é" * 999 for part in ("formatted", "street_address", "locality", "region", "country")}

        person = self.see(claims={**dict.fromkeys(names, "x" * 1000), "address": address, "locale": "en"})

        assert "address" not in person.claims
        assert person.claims["locale"] == "en"
        assert "too large" in person.faults[0]
        assert LARGEST_CLAIMS == 16_000

    def test_times_are_utc_and_never_ahead_of_ours(self):
        east = timezone(timedelta(hours=2))

        assert self.see(auth_time=datetime(2026, 5, 1, 13, tzinfo=east)).auth_time == NOW - timedelta(hours=1)
        assert self.see(auth_time=NOW + timedelta(seconds=30)).auth_time == NOW

    @pytest.mark.parametrize("given", [NOW.replace(tzinfo=None), NOW + timedelta(minutes=2), 1_700_000_000, "now"])
    def test_other_times_are_left_out(self, given):
        person = self.see(auth_time=given)

        assert person.auth_time is None
        assert person.faults

    @pytest.mark.parametrize(
        ("given", "kept", "acr"),
        [
            ((), (), "1"),
            ("pwd", ("pwd",), "1"),
            (["pwd", "otp", "mfa"], ("pwd", "otp", "mfa"), "1"),
            ({"swk"}, ("swk",), "phr"),
            (("pop", "user"), ("pop", "user"), "phr"),
            (("pwd", "hwk"), ("pwd", "hwk"), "phrh"),
            (("pwd", 7, "", "x" * 51, "a\nb"), ("pwd",), "1"),
            (None, (), "1"),
            (7, (), "1"),
        ],
    )
    def test_methods_say_how_sure_we_are(self, given, kept, acr):
        person = self.see(amr=given)

        assert (person.amr, person.acr) == (kept, acr)


def test_the_check_names_what_the_host_has_not_given(shop):
    ctx = replace(make_context(shop), host_gaps=("@identity.host_user", "HANKO_IDENTITY_HOST_LOGIN_VIEW"))

    warnings = {each.subject: each.message for each in check_database(ctx) if each.level == "warning"}
    ready = {each.subject for each in check_database(replace(ctx, host_gaps=())) if each.level == "warning"}

    assert "@identity.host_user and HANKO_IDENTITY_HOST_LOGIN_VIEW" in warnings["project:shop"]
    assert "project:shop" not in ready
