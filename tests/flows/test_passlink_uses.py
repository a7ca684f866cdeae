"""Links and codes are used once, and only where they were asked for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.flows.passlink_requests import ask
from flask_hanko_identity.flows.passlink_requests import find_asked
from flask_hanko_identity.flows.passlink_uses import WrongCode
from flask_hanko_identity.flows.passlink_uses import use_code
from flask_hanko_identity.flows.passlink_uses import use_link
from flask_hanko_identity.flows.passlinks import look_up
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.storage import LoginSession
from tests.by_mail import ADA
from tests.by_mail import EVE
from tests.by_mail import elsewhere
from tests.by_mail import later
from tests.mails import Outbox
from tests.sign_in import add_project
from tests.sign_in import count_rows
from tests.sign_in import make_context


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

        for browser, is_elsewhere in ((ctx, False), (elsewhere(ctx), True)):
            found = look_up(browser, outbox.secret)
            assert found is not None and found.elsewhere is is_elsewhere
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
