"""Sign-ins that are refused, and what they leave behind."""

import pytest
from sqlalchemy import select

from flask_hanko_identity.errors import IdentityError
from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.errors import PasskeyRejected
from flask_hanko_identity.flows.login import begin_login
from flask_hanko_identity.flows.login import finish_login
from flask_hanko_identity.storage import Passkey
from tests.authenticator import Tampering
from tests.sign_in import add_project
from tests.sign_in import events
from tests.sign_in import make_context
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


def test_refusal_leaves_nothing_but_a_burnt_challenge_and_an_event(ctx, authenticator):
    ceremony = begin_login(ctx)
    wrong = authenticator.get(ceremony.options, tampering=Tampering(signature=b"wrong"))
    right = authenticator.get(ceremony.options)

    with pytest.raises(PasskeyRejected):
        finish_login(ctx, handle=ceremony.handle, response=wrong, current_token=None)
    with pytest.raises(PageExpired):
        finish_login(ctx, handle=ceremony.handle, response=right, current_token=None)

    passkey = ctx.session.scalars(select(Passkey)).one()
    assert (passkey.sign_count, passkey.last_used_at) == (0, None)
    assert events(ctx)[-1][0] == "passkey.rejected"


def test_stolen_handle_does_not_burn_the_challenge(ctx, authenticator):
    ceremony = begin_login(ctx)
    response = authenticator.get(ceremony.options)
    thief = make_context(ctx.sender)

    with pytest.raises(PageExpired):
        finish_login(thief, handle=ceremony.handle, response=response, current_token=None)

    finish_login(ctx, handle=ceremony.handle, response=response, current_token=None)


@pytest.mark.parametrize("handle", [None, "", "x" * 65, 7, [], {}, "\0", "unknown"])
def test_wrong_handle_is_refused(ctx, authenticator, handle):
    response = authenticator.get(begin_login(ctx).options)

    with pytest.raises(IdentityError) as refused:
        finish_login(ctx, handle=handle, response=response, current_token=None)

    assert refused.value.status_code == 400


def test_browser_without_cookie_is_told(here):
    with pytest.raises(PageExpired, match="cookie"):
        begin_login(make_context(here, browser=""))
