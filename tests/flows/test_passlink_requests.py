"""Sign-in, sign-up and verification by mail, below HTTP."""

from concurrent.futures import ThreadPoolExecutor
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
from flask_hanko_identity.flows.passlink_uses import WrongCode
from flask_hanko_identity.flows.passlink_uses import use_code
from flask_hanko_identity.flows.passlink_uses import use_link
from flask_hanko_identity.flows.passlinks import look_up
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.storage import EmailAddress
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import Membership
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage import Project
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.passlinks import PasslinkPurpose
from tests.mails import Outbox
from tests.sign_in import add_project
from tests.sign_in import count_rows
from tests.sign_in import make_context
from tests.sign_in import sign_up

ADA = "ada@example.com"
EVE = "eve@example.com"


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


def later(ctx, **browser):
    """The same browser some time after, or another one."""
    fresh = make_context(ctx.sender, ctx.project.slug, **({"browser": ctx.origin.browser} | browser))
    return replace(fresh, mailer=ctx.mailer)


def elsewhere(ctx):
    return later(ctx, browser="another browser")


def address_of(ctx, email=ADA):
    return ctx.session.scalars(select(EmailAddress).where(EmailAddress.address == email)).one()


def user_of(ctx, email=ADA):
    return ctx.session.scalars(select(User).where(User.email == email)).one()


def wrong(code):
    return f"{(int(code.replace(' ', '')) + 1) % 1_000_000:06d}"


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

        signed_in = find_signed_in(ctx, used.opened.token)
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
        handle = ask(ctx, email=ADA)

        second = use_code(ctx, handle, code=outbox.code, current_token=first.token).opened

        assert find_signed_in(ctx, first.token) is None
        assert find_signed_in(ctx, second.token) is not None

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

        signed_in = find_signed_in(ctx, used.opened.token)
        assert (used.purpose, signed_in.email, signed_in.acr) == (PasslinkPurpose.SIGN_UP, EVE, "1")
        assert user_of(ctx, EVE).email_verified
        assert (address_of(ctx, EVE).held_as, address_of(ctx, EVE).verified_at) == (EVE, ctx.now)

    def test_two_mails_make_one_account(self, ctx, outbox):
        ask(ctx, email=EVE)
        first = outbox.secret
        ask(ctx, email=EVE)

        one = use_link(ctx, outbox.secret, current_token=None).opened
        other = use_link(ctx, first, current_token=None).opened

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


class TestOnce:
    def test_link_works_once_and_takes_its_code_along(self, ctx, outbox):
        handle = ask(ctx, email=ADA)
        use_link(ctx, outbox.secret, current_token=None)

        for again in (
            lambda: use_link(ctx, outbox.secret, current_token=None),
            lambda: use_code(ctx, handle, code=outbox.code, current_token=None),
            lambda: find_asked(ctx, handle),
        ):
            with pytest.raises(PageExpired):
                again()

    def test_code_works_once_and_takes_its_link_along(self, ctx, outbox):
        handle = ask(ctx, email=ADA)
        use_code(ctx, handle, code=outbox.code, current_token=None)

        with pytest.raises(PageExpired):
            use_link(ctx, outbox.secret, current_token=None)

    @pytest.mark.parametrize("seconds", [599, 600])
    def test_ten_minutes(self, ctx, outbox, clock, seconds):
        handle = ask(ctx, email=ADA)
        clock.advance(seconds=seconds)
        late = later(ctx)

        if seconds < 600:
            assert use_code(late, handle, code=outbox.code, current_token=None).opened
        else:
            with pytest.raises(PageExpired):
                use_code(late, handle, code=outbox.code, current_token=None)
            with pytest.raises(PageExpired):
                use_link(late, outbox.secret, current_token=None)

    @pytest.mark.parametrize("way", ["link", "code"])
    @pytest.mark.parametrize("email", [ADA, EVE])
    def test_twenty_at_once_open_one_session(self, ctx, outbox, way, email):
        handle = ask(ctx, email=email)
        app, browser, secret, code = ctx.sender, ctx.origin.browser, outbox.secret, outbox.code

        def use(_number):
            with app.app_context():
                mine = make_context(app, browser=browser)
                try:
                    if way == "link":
                        use_link(mine, secret, current_token=None)
                    else:
                        use_code(mine, handle, code=code, current_token=None)
                except PageExpired:
                    return "used up"
                return "signed in"

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(use, range(20)))

        assert sorted(answers) == ["signed in"] + ["used up"] * 19
        assert count_rows(app, LoginSession) == 1


class TestBrowser:
    def test_link_works_where_it_was_asked_for(self, ctx, outbox):
        ask(ctx, email=ADA)

        assert look_up(ctx, outbox.secret).elsewhere is False
        assert look_up(elsewhere(ctx), outbox.secret).elsewhere is True
        with pytest.raises(PageExpired):
            use_link(elsewhere(ctx), outbox.secret, current_token=None)
        assert use_link(ctx, outbox.secret, current_token=None).opened

    @pytest.mark.parametrize("browser", ["another browser", ""])
    def test_code_works_where_it_was_asked_for(self, ctx, outbox, browser):
        handle = ask(ctx, email=ADA)

        with pytest.raises(PageExpired):
            use_code(later(ctx, browser=browser), handle, code=outbox.code, current_token=None)
        assert use_code(ctx, handle, code=outbox.code, current_token=None).opened

    def test_code_belongs_to_its_mail(self, ctx, outbox):
        first = ask(ctx, email=ADA)
        code = outbox.code
        second = ask(ctx, email=EVE)
        if outbox.code == code:  # once in a million
            second = ask(ctx, email=EVE)

        with pytest.raises(WrongCode):
            use_code(ctx, second, code=code, current_token=None)
        assert use_code(ctx, first, code=code, current_token=None).opened

    def test_another_project_knows_nothing_of_it(self, ctx, outbox):
        handle = ask(ctx, email=ADA)
        add_project(ctx.sender, "other")
        other = make_context(ctx.sender, "other", browser=ctx.origin.browser)

        for use in (
            lambda: use_code(other, handle, code=outbox.code, current_token=None),
            lambda: use_link(other, outbox.secret, current_token=None),
        ):
            with pytest.raises(PageExpired):
                use()

    def test_without_a_cookie_nothing_is_asked_for(self, ctx, outbox):
        with pytest.raises(PageExpired):
            ask(later(ctx, browser=""), email=ADA)
        assert outbox.mails == []


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
