"""Sign-in with a passkey, and the sessions that it opens."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity import signals
from flask_hanko_identity.crypto import digest
from flask_hanko_identity.errors import Forbidden
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.errors import PasskeyRejected
from flask_hanko_identity.flows.login import begin_login
from flask_hanko_identity.flows.login import finish_login
from flask_hanko_identity.flows.login_sessions import end_session
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.login_sessions import sign_out
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import Passkey
from flask_hanko_identity.storage import User
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import Tampering
from tests.queries import count_statements
from tests.sign_in import add_project
from tests.sign_in import engine_of
from tests.sign_in import events
from tests.sign_in import make_context
from tests.sign_in import sign_in
from tests.sign_in import sign_up


@pytest.fixture
def here(app):
    """The app's context, with a project called shop."""
    with app.app_context():
        add_project(app, "shop")
        yield app


@pytest.fixture
def ctx(here, authenticator):
    """A browser of somebody who has a passkey."""
    ctx = make_context(here)
    sign_up(ctx, authenticator)
    return ctx


def test_passkey_signs_its_owner_in(ctx, authenticator):
    opened = sign_in(ctx, authenticator)

    signed_in = find_signed_in(ctx, opened.token)
    assert signed_in is not None
    assert (signed_in.email, signed_in.auth_time, signed_in.sid) == ("ada@example.com", ctx.now, opened.sid)
    assert events(ctx) == [("user.signed_up", None), ("session.opened", None)]
    passkey = ctx.session.scalars(select(Passkey)).one()
    assert (passkey.sign_count, passkey.last_used_at) == (1, ctx.now)


def test_session_is_stored_without_what_opens_it(ctx, authenticator):
    opened = sign_in(ctx, authenticator)

    digests = ctx.session.scalars(select(LoginSession.digest)).all()
    assert digest(opened.token) in {bytes(each) for each in digests}
    assert opened.token not in repr(opened)


@pytest.mark.parametrize(
    ("backup_eligible", "acr", "amr"),
    [
        pytest.param(False, "phrh", ("hwk", "user", "mfa"), id="this device only"),
        pytest.param(True, "phr", ("pop", "user", "mfa"), id="synced"),
    ],
)
def test_assurance_is_honest(here, backup_eligible, acr, amr):
    ctx = make_context(here)
    authenticator = SoftwareAuthenticator(origin="http://localhost", backup_eligible=backup_eligible)
    sign_up(ctx, authenticator)

    signed_in = find_signed_in(ctx, sign_in(ctx, authenticator).token)

    assert signed_in is not None
    assert (signed_in.acr, signed_in.amr) == (acr, amr)


def test_options_cost_one_statement_and_finish_four(ctx, authenticator):
    engine = engine_of(ctx.sender)
    signed_in = find_signed_in(ctx, sign_in(ctx, authenticator).token)
    assert signed_in is not None
    sign_out(ctx, signed_in)
    with count_statements(engine) as options:
        ceremony = begin_login(ctx)
    response = authenticator.get(ceremony.options)

    with count_statements(engine) as finish:
        finish_login(ctx, handle=ceremony.handle, response=response, current_token=None)

    assert options.count == 1, options
    assert finish.count == 4, finish


def test_finding_a_session_costs_one_statement(ctx, authenticator):
    opened = sign_in(ctx, authenticator)

    with count_statements(engine_of(ctx.sender)) as seen:
        find_signed_in(ctx, opened.token)

    assert seen.count == 1, seen


def test_twenty_equal_finishes_open_one_session(ctx, authenticator):
    ceremony = begin_login(ctx)
    response = authenticator.get(ceremony.options)
    app, browser = ctx.sender, ctx.origin.browser

    def finish(_number):
        with app.app_context():
            try:
                finish_login(
                    make_context(app, browser=browser),
                    handle=ceremony.handle,
                    response=response,
                    current_token=None,
                )
            except PageExpired:
                return "used up"
            return "signed in"

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(finish, range(20)))

    assert sorted(answers) == ["signed in"] + ["used up"] * 19
    assert [event for event, _ in events(ctx)].count("session.opened") == 1


def test_two_ceremonies_at_once_cannot_share_a_counter(ctx, authenticator):
    ceremonies = [begin_login(ctx) for _ in range(8)]
    responses = [authenticator.get(each.options, tampering=Tampering(sign_count=7)) for each in ceremonies]
    app, browser = ctx.sender, ctx.origin.browser

    def finish(number):
        with app.app_context():
            try:
                finish_login(
                    make_context(app, browser=browser),
                    handle=ceremonies[number].handle,
                    response=responses[number],
                    current_token=None,
                )
            except PasskeyRejected as refusal:
                return refusal.reason
            return "signed in"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(finish, range(8)))

    assert sorted(answers) == ["counter"] * 7 + ["signed in"]


def test_new_session_replaces_the_one_before(ctx, authenticator):
    first = sign_in(ctx, authenticator)

    second = sign_in(ctx, authenticator, current_token=first.token)

    assert second.token != first.token
    assert second.sid != first.sid
    assert find_signed_in(ctx, first.token) is None
    assert find_signed_in(ctx, second.token) is not None


def test_planted_token_never_becomes_a_session(ctx, authenticator):
    planted = "A" * 43

    opened = sign_in(ctx, authenticator, current_token=planted)

    assert opened.token != planted
    assert find_signed_in(ctx, planted) is None


def test_session_belongs_to_its_project(ctx, authenticator):
    opened = sign_in(ctx, authenticator)
    add_project(ctx.sender, "other")

    assert find_signed_in(make_context(ctx.sender, "other"), opened.token) is None


@pytest.mark.parametrize("token", [None, "", "x", "\0", "\ud800", "x" * 10_000])
def test_no_token_no_session(ctx, token):
    assert find_signed_in(ctx, token) is None


def test_session_ends_when_it_is_not_used(ctx, authenticator, clock):
    opened = sign_in(ctx, authenticator)
    idle = ctx.settings.session_idle_lifetime

    almost = replace(ctx, now=clock() + idle - timedelta(seconds=1))
    too_late = replace(ctx, now=almost.now + idle + timedelta(seconds=1))

    assert find_signed_in(almost, opened.token) is not None
    assert find_signed_in(too_late, opened.token) is None


def test_session_ends_however_often_it_is_used(ctx, authenticator):
    opened = sign_in(ctx, authenticator)
    now, last = ctx.now, ctx.now + ctx.settings.session_lifetime

    while now < last:
        assert find_signed_in(replace(ctx, now=now), opened.token) is not None
        now += timedelta(days=2)

    assert find_signed_in(replace(ctx, now=last), opened.token) is None


def test_use_is_noted_every_five_minutes(ctx, authenticator):
    opened = sign_in(ctx, authenticator)
    engine = engine_of(ctx.sender)

    soon = replace(ctx, now=ctx.now + timedelta(minutes=4, seconds=59))
    later = replace(ctx, now=ctx.now + timedelta(minutes=5))
    with count_statements(engine) as first:
        find_signed_in(soon, opened.token)
    with count_statements(engine) as second, transaction(later):
        find_signed_in(later, opened.token)

    assert (first.count, second.count) == (1, 2)
    seen = select(LoginSession.last_seen_at).where(LoginSession.sid == opened.sid)
    assert ctx.session.scalars(seen).one() == later.now


def test_sign_out_ends_the_session_once(ctx, authenticator):
    opened = sign_in(ctx, authenticator)
    signed_in = find_signed_in(ctx, opened.token)
    assert signed_in is not None
    heard = []

    def hear(_sender, **payload):
        heard.append(payload)

    with signals.user_logged_out.connected_to(hear):
        sign_out(ctx, signed_in)
        with transaction(ctx) as work:
            end_session(ctx, work, session_id=signed_in.session_id)

    assert find_signed_in(ctx, opened.token) is None
    assert heard == [{"project": "shop", "sid": opened.sid}]
    assert events(ctx)[-1] == ("session.ended", None)


def test_sign_in_is_announced(ctx, authenticator):
    heard = []

    def hear(_sender, **payload):
        heard.append(payload)

    with signals.user_logged_in.connected_to(hear):
        opened = sign_in(ctx, authenticator)

    sub = ctx.session.scalars(select(User.sub)).one()
    assert heard == [
        {
            "project": "shop",
            "user_id": opened.user_id,
            "sub": sub,
            "sid": opened.sid,
            "amr": ["hwk", "user", "mfa"],
        }
    ]


def test_inactive_user_stays_out(ctx, authenticator):
    opened = sign_in(ctx, authenticator)
    ctx.session.execute(update(User).values(state="inactive"))
    ctx.session.commit()

    with pytest.raises(Forbidden):
        sign_in(ctx, authenticator)

    assert find_signed_in(ctx, opened.token) is None
    assert ctx.session.scalars(select(Passkey.sign_count)).one() == 1


def test_passkey_of_another_project_is_unknown(ctx, authenticator):
    add_project(ctx.sender, "other")
    other = make_context(ctx.sender, "other")

    with pytest.raises(PasskeyRejected) as refused:
        sign_in(other, authenticator)

    assert refused.value.reason == "unknown passkey"
    assert "Other" in refused.value.message


def test_host_project_has_no_sign_in_of_ours(here):
    add_project(here, "guests", type="host")

    with pytest.raises(NotFound):
        begin_login(make_context(here, "guests"))
