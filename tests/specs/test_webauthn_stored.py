"""Web Authentication Level 3: the steps that need what is stored, sections 7.2 and 13.4.3."""

import pytest
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.errors import PasskeyRejected
from flask_hanko_identity.flows.login import begin_login
from flask_hanko_identity.flows.login import finish_login
from flask_hanko_identity.flows.signup import begin_signup
from flask_hanko_identity.flows.signup import finish_signup
from flask_hanko_identity.storage import Passkey
from tests.authenticator import Flag
from tests.authenticator import Tampering
from tests.authenticator import from_base64url
from tests.sign_in import add_project
from tests.sign_in import events
from tests.sign_in import make_context
from tests.sign_in import sign_in
from tests.sign_in import sign_up

UP, UV, BE, BS, AT = (
    Flag.USER_PRESENT,
    Flag.USER_VERIFIED,
    Flag.BACKUP_ELIGIBLE,
    Flag.BACKED_UP,
    Flag.ATTESTED_CREDENTIAL_DATA,
)


class TestStoredCredential:
    """What needs the credential record: user handle, counter, backup flags, ownership of the challenge."""

    @pytest.fixture
    def here(self, app):
        with app.app_context():
            add_project(app, "shop")
            yield app

    @pytest.mark.parametrize(
        ("stored", "received", "accepted"),
        [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)],
    )
    def test_counter_rises_or_never_counted(self, here, authenticator, stored, received, accepted):
        ctx = make_context(here)
        sign_up(ctx, authenticator, tampering=Tampering(sign_count=stored))

        if accepted:
            sign_in(ctx, authenticator, tampering=Tampering(sign_count=received))
        else:
            with pytest.raises(PasskeyRejected) as refused:
                sign_in(ctx, authenticator, tampering=Tampering(sign_count=received))
            assert refused.value.reason == "counter"
            assert events(ctx)[-1] == ("passkey.rejected", "counter")

        count = ctx.session.scalars(select(Passkey.sign_count)).one()
        assert count == (received if accepted else stored)

    def test_user_handle_is_the_owners(self, here, authenticator):
        ctx = make_context(here)
        sign_up(ctx, authenticator)

        with pytest.raises(PasskeyRejected) as refused:
            sign_in(ctx, authenticator, tampering=Tampering(user_handle=b"x" * 64))
        assert refused.value.reason == "user handle"

    @pytest.mark.parametrize(("then", "now"), [(UP | UV, UP | UV | BE), (UP | UV | BE, UP | UV)])
    def test_backup_eligibility_never_changes(self, here, authenticator, then, now):
        ctx = make_context(here)
        sign_up(ctx, authenticator, tampering=Tampering(flags=then | AT))

        with pytest.raises(PasskeyRejected) as refused:
            sign_in(ctx, authenticator, tampering=Tampering(flags=now))
        assert refused.value.reason == "backup eligibility"

    def test_backup_state_may_change_and_is_stored(self, here, authenticator):
        ctx = make_context(here)
        sign_up(ctx, authenticator, tampering=Tampering(flags=UP | UV | BE | AT))

        sign_in(ctx, authenticator, tampering=Tampering(flags=UP | UV | BE | BS))

        assert ctx.session.scalars(select(Passkey.backup_state)).one() is True

    def test_passkey_made_for_another_rp_id_is_refused(self, here, authenticator):
        ctx = make_context(here)
        sign_up(ctx, authenticator)
        ctx.session.execute(update(Passkey).values(rp_id="elsewhere.test"))
        ctx.session.commit()

        with pytest.raises(PasskeyRejected) as refused:
            sign_in(ctx, authenticator)
        assert refused.value.reason == "relying party id"

    def test_challenge_lives_five_minutes(self, here, authenticator, clock):
        """Section 13.4.3."""
        ctx = make_context(here)
        sign_up(ctx, authenticator)
        for late, accepted in ((300, False), (299, True)):
            ceremony = begin_login(make_context(here, browser=ctx.origin.browser))
            response = authenticator.get(ceremony.options)
            clock.advance(seconds=late)
            then = make_context(here, browser=ctx.origin.browser)
            if accepted:
                finish_login(then, handle=ceremony.handle, response=response, current_token=None)
            else:
                with pytest.raises(PageExpired):
                    finish_login(then, handle=ceremony.handle, response=response, current_token=None)

    def test_challenge_is_for_one_kind_project_and_browser(self, here, authenticator):
        ctx = make_context(here)
        add_project(here, "other")
        sign_up(ctx, authenticator)
        login, signup = begin_login(ctx), begin_signup(ctx, email="eve@example.com")
        assertion, attestation = authenticator.get(login.options), authenticator.create(signup.options)
        other_project = make_context(here, "other", browser=ctx.origin.browser)
        other_browser = make_context(here)

        for finish, where, handle, response in (
            (finish_signup, ctx, login.handle, attestation),
            (finish_login, ctx, signup.handle, assertion),
            (finish_login, other_project, login.handle, assertion),
            (finish_login, other_browser, login.handle, assertion),
        ):
            with pytest.raises(PageExpired):
                finish(where, handle=handle, response=response, current_token=None)

    def test_challenges_are_32_random_bytes(self, here):
        ctx = make_context(here)

        challenges = {begin_login(ctx).options["challenge"] for _ in range(50)}

        assert len(challenges) == 50
        assert {len(from_base64url(each)) for each in challenges} == {32}

    def test_malformed_ceremony_burns_its_challenge(self, here, authenticator):
        ctx = make_context(here)
        sign_up(ctx, authenticator)
        ceremony = begin_login(ctx)

        with pytest.raises(PasskeyRejected):
            finish_login(ctx, handle=ceremony.handle, response=[], current_token=None)
        with pytest.raises(PageExpired):
            finish_login(ctx, handle=ceremony.handle, response=authenticator.get(ceremony.options), current_token=None)
