"""Sign-in, sign-up and verification by mail, below HTTP."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import Forbidden
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.flows.authorize import PendingRequest
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.passlink_requests import ask
from flask_hanko_identity.flows.passlink_requests import create_verification
from flask_hanko_identity.flows.passlink_requests import find_asked
from flask_hanko_identity.flows.passlink_requests import is_offered
from flask_hanko_identity.flows.passlink_uses import use_code
from flask_hanko_identity.flows.passlink_uses import use_link
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.storage import EmailAddress
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import Membership
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage import Project
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.passlinks import PasslinkPurpose
from tests.by_mail import ADA
from tests.by_mail import EVE
from tests.by_mail import later
from tests.by_mail import signed_in_by
from tests.mails import Outbox
from tests.sign_in import add_project
from tests.sign_in import count_rows
from tests.sign_in import make_context
from tests.sign_in import sign_up


@pytest.fixture
def outbox():
    return Outbox()


@pytest.fixture
def ctx(app, outbox):
    """A browser in front of a project with one user, whose address an admin entered."""
    with app.app_context():
        add_project(app, "shop")
        ctx = replace(make_context(app), mailer=outbox)
        create_user(ctx, email=ADA)
        yield ctx


def address_of(ctx, email=ADA):
    return ctx.session.scalars(select(EmailAddress).where(EmailAddress.address == email)).one()


def user_of(ctx, email=ADA):
    return ctx.session.scalars(select(User).where(User.email == email)).one()


def close_signup(ctx):
    ctx.session.execute(update(Project).values(signup="closed"))
    ctx.session.commit()
    ctx.snapshots.forget()
    return later(ctx)


class TestSignIn:
    @pytest.mark.parametrize("way", ["link", "code"])
    def test_a_mail_signs_its_reader_in(self, ctx, outbox, way):
        handle = ask(ctx, email="Ada@EXAMPLE.com")
        if way == "link":
            used = use_link(ctx, outbox.secret, current_token=None)
        else:
            used = use_code(ctx, handle, code=outbox.code, current_token=None)

        signed_in = signed_in_by(ctx, used)
        assert (signed_in.email, signed_in.acr, signed_in.amr) == (ADA, "1", ("otp",))
        assert (outbox.mails[0].to, outbox.mails[0].template) == ("Ada@example.com", "sign_in")

    def test_the_address_is_verified_from_then_on(self, ctx, outbox, clock):
        assert address_of(ctx).verified_at is None
        ask(ctx, email=ADA)
        use_link(ctx, outbox.secret, current_token=None)

        first = address_of(ctx).verified_at
        assert (first, address_of(ctx).held_as, user_of(ctx).email_verified) == (ctx.now, ADA, True)

        clock.advance(hours=1)
        ask(later(ctx), email=ADA)
        use_link(later(ctx), outbox.secret, current_token=None)
        assert address_of(ctx).verified_at == first

    def test_the_session_before_ends(self, ctx, outbox):
        ask(ctx, email=ADA)
        first = use_link(ctx, outbox.secret, current_token=None).opened
        assert first is not None
        handle = ask(ctx, email=ADA)

        second = use_code(ctx, handle, code=outbox.code, current_token=first.token)

        assert find_signed_in(ctx, first.token) is None
        assert signed_in_by(ctx, second).email == ADA

    def test_what_was_waiting_goes_on(self, ctx, outbox):
        pending = PendingRequest("h" * 43, "Bookshop", None, frozenset(), ())
        ask(ctx, email=ADA, pending=pending, page="emails")

        used = use_link(ctx, outbox.secret, current_token=None)

        assert (used.purpose, used.request, used.page) == (PasslinkPurpose.SIGN_IN, "h" * 43, "emails")

    def test_an_address_that_only_was_claimed_signs_nobody_in(self, ctx, outbox, authenticator):
        """Whoever signed up with the address of somebody else must not get them into that account."""
        sign_up(ctx, authenticator, email=EVE)

        ask(ctx, email=EVE)

        assert outbox.mails[-1].template == "sign_up"

    def test_an_inactive_user_is_as_nobody(self, ctx, outbox):
        ctx.session.execute(update(User).values(state="inactive"))
        ctx.session.commit()

        ask(ctx, email=ADA)

        assert outbox.mails[-1].template == "no_account"
        assert "link" not in outbox.mails[-1].values

    def test_who_was_shut_out_in_between_stays_out(self, ctx, outbox):
        ask(ctx, email=ADA)
        ctx.session.execute(update(User).values(state="inactive"))
        ctx.session.commit()

        with pytest.raises(Forbidden):
            use_link(ctx, outbox.secret, current_token=None)

    def test_an_address_that_was_given_up_in_between_is_no_way_in(self, ctx, outbox):
        ask(ctx, email=ADA)
        ctx.session.delete(address_of(ctx))
        ctx.session.commit()

        with pytest.raises(PageExpired):
            use_link(ctx, outbox.secret, current_token=None)
        assert count_rows(ctx.sender, LoginSession) == 0


class TestSignUp:
    @pytest.mark.parametrize("way", ["link", "code"])
    def test_a_mail_makes_an_account_with_a_verified_address(self, ctx, outbox, way):
        handle = ask(ctx, email=EVE)
        assert (outbox.mails[-1].template, count_rows(ctx.sender, User)) == ("sign_up", 1)
        if way == "link":
            used = use_link(ctx, outbox.secret, current_token=None)
        else:
            used = use_code(ctx, handle, code=outbox.code, current_token=None)

        signed_in = signed_in_by(ctx, used)
        assert (used.purpose, signed_in.email, signed_in.acr) == (PasslinkPurpose.SIGN_UP, EVE, "1")
        assert user_of(ctx, EVE).email_verified
        assert (address_of(ctx, EVE).held_as, address_of(ctx, EVE).verified_at) == (EVE, ctx.now)

    def test_two_mails_make_one_account(self, ctx, outbox):
        ask(ctx, email=EVE)
        first = outbox.secret
        ask(ctx, email=EVE)

        one = signed_in_by(ctx, use_link(ctx, outbox.secret, current_token=None))
        other = signed_in_by(ctx, use_link(ctx, first, current_token=None))

        assert one.user_id == other.user_id
        assert count_rows(ctx.sender, User) == 2

    def test_closed_in_between(self, ctx, outbox):
        ask(ctx, email=EVE)

        with pytest.raises(Forbidden):
            use_link(close_signup(ctx), outbox.secret, current_token=None)
        assert count_rows(ctx.sender, User) == 1

    def test_closed_sign_up_writes_a_mail_without_a_link(self, ctx, outbox):
        closed = close_signup(ctx)

        handle = ask(closed, email=EVE)

        assert (outbox.mails[-1].template, find_asked(closed, handle).email) == ("no_account", EVE)
        assert not {"link", "code"} & set(outbox.mails[-1].values)
        link = closed.session.scalars(select(Passlink)).one()
        assert (link.user_id, link.purpose) == (None, PasslinkPurpose.SIGN_IN)

    def test_in_the_console_it_brings_an_organization(self, app_factory, outbox):
        app = app_factory(HANKO_IDENTITY_CONSOLE_SIGNUP="open")
        with app.app_context():
            add_project(app, "console")
            ctx = replace(make_context(app, "console"), mailer=outbox)
            ask(ctx, email=ADA)

            use_link(ctx, outbox.secret, current_token=None)

            assert count_rows(app, Membership) == 1


class TestVerification:
    @pytest.fixture
    def owner(self, ctx, authenticator):
        """Somebody who claims an address."""
        return sign_up(ctx, authenticator, email=EVE).user_id

    @pytest.mark.parametrize("way", ["link", "code"])
    def test_an_address_is_verified(self, ctx, outbox, owner, way):
        handle = create_verification(ctx, user_id=owner, address=EVE)
        if way == "link":
            used = use_link(ctx, outbox.secret, current_token=None)
        else:
            used = use_code(ctx, handle, code=outbox.code, current_token=None)

        assert (used.purpose, used.opened, used.page) == (PasslinkPurpose.VERIFY, None, "emails")
        assert (address_of(ctx, EVE).held_as, user_of(ctx, EVE).email_verified) == (EVE, True)

    def test_somebody_else_holds_it_by_now(self, ctx, outbox, owner):
        create_verification(ctx, user_id=owner, address=EVE)
        secret = outbox.secret
        ask(ctx, email=EVE)
        use_link(ctx, outbox.secret, current_token=None)

        with pytest.raises(Conflict):
            use_link(ctx, secret, current_token=None)
        held = ctx.session.scalars(select(EmailAddress.user_id).where(EmailAddress.held_as == EVE)).all()
        assert len(held) == 1 and owner not in held

    def test_of_somebody_else(self, ctx, owner):
        with pytest.raises(NotFound):
            create_verification(ctx, user_id=owner, address=ADA)


class TestWhere:
    @pytest.mark.parametrize(
        ("acr_values", "offered"),
        [((), True), (("1",), True), (("unknown",), True), (("phr",), False), (("phrh",), False), (("phr", "1"), True)],
    )
    def test_not_where_an_app_asks_for_more(self, ctx, outbox, acr_values, offered):
        pending = PendingRequest("h" * 43, "Bookshop", None, frozenset(), acr_values)

        assert is_offered(ctx, pending) is offered
        if not offered:
            with pytest.raises(Forbidden):
                ask(ctx, email=ADA, pending=pending)
            assert outbox.mails == []

    @pytest.mark.parametrize("sign_in", [{"passlinks": False}, {"passlinks": True}, {}])
    def test_where_the_project_has_it(self, ctx, sign_in):
        ctx.session.execute(update(Project).values(sign_in=sign_in))
        ctx.session.commit()
        ctx.snapshots.forget()

        assert is_offered(later(ctx), None) is sign_in.get("passlinks", True)

    def test_not_without_a_mail_server(self, ctx, outbox):
        outbox.is_on = False

        with pytest.raises(Forbidden):
            ask(ctx, email=ADA)

    def test_not_where_the_host_signs_people_in(self, ctx):
        add_project(ctx.sender, "guests", type="host")

        with pytest.raises(NotFound):
            ask(replace(make_context(ctx.sender, "guests"), mailer=ctx.mailer), email=ADA)

    @pytest.mark.parametrize("email", ["", "ada", "ada@", "a\0@example.com", "\ud800@example.com", None, 7, "x" * 300])
    def test_what_is_no_address(self, ctx, outbox, email):
        with pytest.raises(InvalidInput):
            ask(ctx, email=email)
        assert outbox.mails == []
