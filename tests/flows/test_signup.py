"""Sign-up: user and passkey at once, or nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity import signals
from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import Forbidden
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.errors import PasskeyRejected
from flask_hanko_identity.flows import signup
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.passlinks import create_invitation
from flask_hanko_identity.flows.signup import begin_signup
from flask_hanko_identity.flows.signup import finish_signup
from flask_hanko_identity.storage import Membership
from flask_hanko_identity.storage import Organization
from flask_hanko_identity.storage import Passkey
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.users import find_user_by_email
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import Tampering
from tests.authenticator import from_base64url
from tests.queries import count_statements
from tests.sign_in import ORIGIN
from tests.sign_in import add_project
from tests.sign_in import engine_of
from tests.sign_in import events
from tests.sign_in import make_context
from tests.sign_in import sign_in
from tests.sign_in import sign_up


@pytest.fixture
def here(app):
    """The app's context, with a project called shop and the console's own."""
    with app.app_context():
        add_project(app, "shop")
        add_project(app, "console")
        yield app


@pytest.fixture
def ctx(here):
    return make_context(here)


@pytest.fixture
def console(here):
    return make_context(here, "console")


def secret_of(link: str) -> str:
    return link.rpartition("/")[2]


def count(ctx, model):
    return ctx.session.scalar(select(func.count()).select_from(model))


def test_sign_up_makes_user_passkey_and_session(ctx):
    authenticator = SoftwareAuthenticator.synced(
        origin=ORIGIN, aaguid=bytes.fromhex("ea9b8d664d011d213ce4b6b48cb575d4")
    )

    opened = sign_up(ctx, authenticator, email="Ada@Example.COM")

    user = ctx.session.scalars(select(User)).one()
    passkey = ctx.session.scalars(select(Passkey)).one()
    assert (user.email, user.email_verified) == ("Ada@example.com", False)
    assert find_user_by_email(ctx.session, project_id=user.project_id, email=user.email) is None
    assert user.user_handle == passkey.user_handle == authenticator.credentials[0].user_handle
    assert len(user.user_handle) == 64
    assert (passkey.name, passkey.algorithm) == ("Google Password Manager", -7)
    assert (passkey.backup_eligible, passkey.backup_state) == (True, True)
    assert (passkey.rp_id, passkey.transports) == ("localhost", ["hybrid", "internal"])
    signed_in = find_signed_in(ctx, opened.token)
    assert signed_in is not None
    assert (signed_in.sub, signed_in.acr) == (user.sub, "phr")


def test_passkey_without_known_maker_is_named_after_the_platform(ctx, authenticator):
    sign_up(ctx, authenticator)

    assert ctx.session.scalars(select(Passkey.name)).one() == "Passkey on Linux"


def test_options_ask_for_a_discoverable_verified_unattested_passkey(ctx):
    options = begin_signup(ctx, email="ada@example.com").options

    assert options["attestation"] == "none"
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8, -257]
    assert options["rp"] == {"id": "localhost", "name": "Shop"}
    assert options["user"]["name"] == "ada@example.com"
    assert len(from_base64url(options["user"]["id"])) == 64
    assert len(from_base64url(options["challenge"])) == 32
    assert options["extensions"] == {"credProps": True}


def test_options_cost_one_statement(ctx):
    with count_statements(engine_of(ctx.sender)) as seen:
        begin_signup(ctx, email="ada@example.com")

    assert seen.count == 1, seen


def test_finish_costs_seven_statements(ctx, authenticator):
    ceremony = begin_signup(ctx, email="ada@example.com")
    response = authenticator.create(ceremony.options)

    with count_statements(engine_of(ctx.sender)) as seen:
        finish_signup(ctx, handle=ceremony.handle, response=response, current_token=None)

    assert seen.count == 7, seen


def test_address_may_be_claimed_by_several(ctx):
    subs = set()
    for _ in range(2):
        opened = sign_up(ctx, SoftwareAuthenticator(origin=ORIGIN))
        signed_in = find_signed_in(ctx, opened.token)
        assert signed_in is not None
        subs.add(signed_in.sub)

    assert len(subs) == 2


def test_handles_tell_nothing_and_differ(ctx, console, authenticator):
    handles = {begin_signup(ctx, email="ada@example.com").options["user"]["id"] for _ in range(5)}

    assert len(handles) == 5


WRONG_ADDRESSES: list[object] = [None, "", "ada", "ada@", "a@b@c", "a\0@example.com", "\ud800@example.com", 7, [], {}]


@pytest.mark.parametrize("email", [*WRONG_ADDRESSES, "x" * 250 + "@example.com"], ids=lambda email: ascii(email)[:30])
def test_wrong_address_is_refused(ctx, email):
    with pytest.raises(InvalidInput) as refused:
        begin_signup(ctx, email=email)

    assert refused.value.field == "email"


def test_abandoned_sign_up_leaves_no_user(ctx):
    begin_signup(ctx, email="ada@example.com")

    assert count(ctx, User) == 0


def test_failed_sign_up_leaves_no_user(ctx, authenticator):
    with pytest.raises(PasskeyRejected):
        sign_up(ctx, authenticator, tampering=Tampering(origin="http://evil.test"))

    assert (count(ctx, User), count(ctx, Passkey)) == (0, 0)
    assert events(ctx) == [("passkey.rejected", "origin")]


def test_crash_at_the_end_leaves_no_user(ctx, authenticator, monkeypatch):
    def crash(*_args, **_kwargs):
        raise RuntimeError("crash")

    monkeypatch.setattr(signup, "open_session", crash)
    with pytest.raises(RuntimeError, match="crash"):
        sign_up(ctx, authenticator)

    assert (count(ctx, User), count(ctx, Passkey)) == (0, 0)


def test_credential_is_registered_once(ctx, authenticator):
    sign_up(ctx, authenticator)
    twin = SoftwareAuthenticator(origin=ORIGIN)
    ceremony = begin_signup(ctx, email="eve@example.com")
    response = twin.create(ceremony.options)
    stolen = authenticator.credentials[0].credential_id
    row = ctx.session.scalars(select(Passkey)).one()
    row.credential_id = twin.credentials[0].credential_id
    ctx.session.commit()

    with pytest.raises(PasskeyRejected) as refused:
        finish_signup(ctx, handle=ceremony.handle, response=response, current_token=None)

    assert refused.value.reason == "registered already"
    assert stolen != row.credential_id
    assert count(ctx, User) == 1


def test_credential_registered_in_the_same_moment_is_a_conflict(ctx, authenticator, monkeypatch):
    sign_up(ctx, authenticator)
    monkeypatch.setattr(signup, "refuse_known", lambda *_: None)
    twin = SoftwareAuthenticator(origin=ORIGIN)
    ceremony = begin_signup(ctx, email="eve@example.com")
    response = twin.create(ceremony.options)
    row = ctx.session.scalars(select(Passkey)).one()
    row.credential_id = twin.credentials[0].credential_id
    ctx.session.commit()

    with pytest.raises(Conflict):
        finish_signup(ctx, handle=ceremony.handle, response=response, current_token=None)

    assert count(ctx, User) == 1


def test_sign_up_is_announced_after_the_commit(ctx, authenticator):
    heard = []

    def hear(_sender, **payload):
        heard.append((payload["project"], ctx.session.in_transaction()))

    with signals.user_signed_up.connected_to(hear):
        sign_up(ctx, authenticator)

    assert heard == [("shop", False)]


def test_closed_project_takes_nobody(here):
    add_project(here, "club", signup="closed")

    with pytest.raises(Forbidden):
        begin_signup(make_context(here, "club"), email="ada@example.com")


def test_host_project_takes_nobody(here):
    add_project(here, "guests", type="host")

    with pytest.raises(NotFound):
        begin_signup(make_context(here, "guests"), email="ada@example.com")


class TestConsole:
    def test_needs_an_invitation(self, console):
        with pytest.raises(Forbidden):
            begin_signup(console, email="ada@example.com")

    def test_invited_person_gets_an_organization(self, console, authenticator):
        link = create_invitation(console, email="ada@example.com")

        opened = sign_up(console, authenticator, email="else@example.com", invitation=secret_of(link))

        user = console.session.scalars(select(User)).one()
        assert (user.email, user.email_verified) == ("ada@example.com", False)
        assert find_user_by_email(console.session, project_id=user.project_id, email="ada@example.com") is user
        membership = console.session.scalars(select(Membership)).one()
        assert (membership.user_id, membership.role) == (opened.user_id, "owner")

    def test_open_console_needs_none(self, app_factory, authenticator):
        app = app_factory(HANKO_IDENTITY_CONSOLE_SIGNUP="open")
        with app.app_context():
            add_project(app, "console")
            console = make_context(app, "console")

            sign_up(console, authenticator)

            assert count(console, Organization) == 1

    def test_invitation_works_once(self, console):
        secret = secret_of(create_invitation(console, email=None))
        first = SoftwareAuthenticator(origin=ORIGIN)
        second = SoftwareAuthenticator(origin=ORIGIN)
        late = begin_signup(console, email="eve@example.com", invitation=secret)

        sign_up(console, first, email="ada@example.com", invitation=secret)

        with pytest.raises(PageExpired):
            begin_signup(console, email="eve@example.com", invitation=secret)
        with pytest.raises(PageExpired):
            finish_signup(console, handle=late.handle, response=second.create(late.options), current_token=None)
        assert console.session.scalars(select(User.email)).all() == ["ada@example.com"]

    def test_failed_ceremony_does_not_spend_the_invitation(self, console, authenticator):
        secret = secret_of(create_invitation(console, email="ada@example.com"))
        with pytest.raises(PasskeyRejected):
            sign_up(console, authenticator, invitation=secret, tampering=Tampering(cross_origin=True))

        sign_up(console, authenticator, invitation=secret)

        assert count(console, User) == 1

    def test_invitation_works_for_seven_days(self, console, clock):
        secret = secret_of(create_invitation(console, email="ada@example.com"))

        clock.advance(days=7, seconds=-1)
        begin_signup(make_context(console.sender, "console"), email="", invitation=secret)
        clock.advance(seconds=1)

        with pytest.raises(PageExpired):
            begin_signup(make_context(console.sender, "console"), email="", invitation=secret)

    @pytest.mark.parametrize("secret", ["x", "\0", "\ud800", "x" * 1000])
    def test_unknown_invitation_is_refused(self, console, secret):
        with pytest.raises(PageExpired):
            begin_signup(console, email="ada@example.com", invitation=secret)

    def test_invitation_is_for_the_console_only(self, console, ctx):
        secret = secret_of(create_invitation(console, email="ada@example.com"))

        with pytest.raises(PageExpired):
            begin_signup(ctx, email="ada@example.com", invitation=secret)
        with pytest.raises(NotFound):
            create_invitation(ctx, email="ada@example.com")

    def test_second_invitation_brings_a_person_back_who_lost_every_passkey(self, console, clock):
        lost, new = SoftwareAuthenticator(origin=ORIGIN), SoftwareAuthenticator(origin=ORIGIN)
        first = create_invitation(console, email="Ada@example.com")
        before = sign_up(console, lost, invitation=secret_of(first))
        again = create_invitation(console, email="ada@EXAMPLE.com")

        ceremony = begin_signup(console, email="", invitation=secret_of(again))
        excluded = [each["id"] for each in ceremony.options["excludeCredentials"]]
        after = finish_signup(
            console, handle=ceremony.handle, response=new.create(ceremony.options), current_token=before.token
        )

        assert after.user_id == before.user_id
        assert (count(console, User), count(console, Passkey), count(console, Organization)) == (1, 2, 1)
        assert [from_base64url(each) for each in excluded] == [lost.credentials[0].credential_id]
        assert find_signed_in(console, before.token) is None
        assert sign_in(console, new).user_id == before.user_id
        assert events(console)[-2] == ("passkey.added", None)

    def test_ceremony_of_five_minutes(self, console, authenticator, clock):
        secret = secret_of(create_invitation(console, email="ada@example.com"))
        ceremony = begin_signup(console, email="", invitation=secret)
        late = make_context(console.sender, "console", browser=console.origin.browser)
        response = authenticator.create(ceremony.options)

        clock.advance(minutes=5, seconds=1)
        late = make_context(console.sender, "console", browser=console.origin.browser)

        assert late.now - console.now == timedelta(minutes=5, seconds=1)
        with pytest.raises(PageExpired):
            finish_signup(late, handle=ceremony.handle, response=response, current_token=None)
