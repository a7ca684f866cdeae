"""Recovery codes and enrol links (row E19 of the threats; NIST SP 800-63B-4, section 4.2)."""

import math
import re

import pytest
from sqlalchemy import select

from flask_hanko_identity.crypto import digest
from flask_hanko_identity.errors import Forbidden
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.errors import TooManyRequests
from flask_hanko_identity.flows import recovery
from flask_hanko_identity.flows.freshness import StepUpRequired
from flask_hanko_identity.flows.login_sessions import NewSession
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.passlinks import create_enrol_link
from flask_hanko_identity.flows.passlinks import create_sign_in_link
from flask_hanko_identity.flows.passlinks import look_up
from flask_hanko_identity.flows.recovery import WrongRecoveryCode
from flask_hanko_identity.flows.recovery import codes_left
from flask_hanko_identity.flows.recovery import make_codes
from flask_hanko_identity.flows.recovery import use_enrol_link
from flask_hanko_identity.flows.users import deactivate_user
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage import RecoveryCode
from tests.management import at_once
from tests.profiles import enter
from tests.queries import count_statements
from tests.sign_in import add_project
from tests.sign_in import engine_of
from tests.sign_in import events

CODES = {"recovery_codes": True}


@pytest.fixture(autouse=True)
def shop(app):
    with app.app_context():
        add_project(app, "shop", sign_in=CODES)
        yield


@pytest.fixture
def ada(app):
    return enter(app)


@pytest.fixture
def codes(ada):
    return make_codes(ada.ctx, ada.login)


def use(person, code, *, email="ada@example.com", **changes):
    return recovery.use_code(person.ctx, email=email, code=code, current_token=None, **changes)


def refusal(person, code, **changes):
    with pytest.raises(WrongRecoveryCode) as refused:
        use(person, code, **changes)
    return refused.value.message


class TestCodes:
    def test_are_ten_that_nobody_guesses(self, ada, codes):
        assert len(set(codes)) == 10
        for code in codes:
            assert re.fullmatch(r"(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code)
        assert 16 * math.log2(len(recovery._ALPHABET)) == 80

    def test_are_stored_as_digests(self, ada, codes):
        stored = {bytes(each) for each in ada.ctx.session.scalars(select(RecoveryCode.digest))}
        assert stored == {digest(code.replace("-", "")) for code in codes}
        assert ("ada@example.com", "New recovery codes were made") in ada.postbox.sent
        assert not any(code in repr(mail) for mail in ada.postbox.mails for code in codes)
        assert events(ada.ctx)[-1] == ("recovery_codes.created", None)

    def test_are_replaced_as_a_set(self, ada, codes, clock):
        clock.advance(minutes=1)
        newer = make_codes(ada.ctx, ada.login)

        assert refusal(ada, codes[0])
        assert (codes_left(ada.ctx, user_id=ada.user.id).count, codes_left(ada.ctx, user_id=ada.user.id).made_at) == (
            10,
            clock(),
        )
        assert use(ada, newer[0])

    def test_need_a_fresh_sign_in(self, ada, clock):
        clock.advance(minutes=5)
        with pytest.raises(StepUpRequired):
            make_codes(ada.ctx, ada.login)

    def test_are_there_only_where_the_project_has_them(self, app):
        add_project(app, "club")
        eve = enter(app, "eve@example.com", slug="club")
        with pytest.raises(Forbidden):
            make_codes(eve.ctx, eve.login)
        with pytest.raises(Forbidden):
            use(eve, "x", email="eve@example.com")


class TestUse:
    def test_signs_in_weakly_and_ends_every_other_session(self, ada, codes):
        opened = use(ada, codes[3])

        signed_in = find_signed_in(ada.ctx, opened.token)
        assert signed_in is not None
        assert (signed_in.sub, signed_in.acr, signed_in.amr) == (ada.sub, "1", ("otp",))
        assert find_signed_in(ada.ctx, ada.token) is None
        assert codes_left(ada.ctx, user_id=ada.user.id).count == 9
        assert events(ada.ctx)[-1] == ("recovery_code.used", None)

    def test_is_announced_by_one_mail(self, ada, codes, clock):
        clock.advance(minutes=1)
        ada.postbox.mails.clear()
        use(ada, codes[0])
        assert ada.postbox.sent == [("ada@example.com", "Your account was recovered")]
        assert "9 codes are left" in ada.postbox.mails[0].values["sentences"][0]

    def test_spends_open_links(self, ada, codes):
        link = create_sign_in_link(ada.ctx, user=ada.user).rpartition("/")[2]
        assert look_up(ada.ctx, link)
        use(ada, codes[0])
        assert look_up(ada.ctx, link) is None

    @pytest.mark.parametrize("change", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code} "])
    def test_however_it_is_typed(self, ada, codes, change):
        assert use(ada, change(codes[0]))

    def test_letters_that_look_like_digits(self, ada):
        codes = make_codes(ada.ctx, ada.login)
        while not any("0" in code or "1" in code for code in codes):
            codes = make_codes(ada.ctx, ada.login)
        code = next(code for code in codes if "0" in code or "1" in code)
        assert use(ada, code.replace("0", "o").replace("1", "l"))

    def test_works_with_an_address_that_was_never_verified(self, app):
        eve = enter(app, "eve@example.com", verified=False)
        code = make_codes(eve.ctx, eve.login)[0]
        assert use(eve, code, email="EVE@example.com").user_id == eve.user.id
        assert [mail for mail in eve.postbox.mails if mail.to == "eve@example.com"] == []

    def test_works_once(self, ada, codes):
        use(ada, codes[0])
        assert refusal(ada, codes[0])

    def test_works_once_for_two_at_once(self, app, ada, codes):
        results = at_once(app, lambda _: use(ada, codes[0]))

        assert [type(each) for each in results].count(NewSession) == 1
        assert [type(each) for each in results].count(WrongRecoveryCode) == 3

    def test_of_another_account_or_project_is_refused_alike(self, app, ada, codes):
        add_project(app, "club", sign_in=CODES)
        bob = enter(app, "bob@example.com")
        elsewhere = enter(app, "ada@example.com", slug="club")

        messages = {
            refusal(bob, codes[0], email="bob@example.com"),
            refusal(elsewhere, codes[0]),
            refusal(ada, "0000-0000-0000-0000"),
            refusal(ada, codes[0], email="nobody@example.com"),
            refusal(ada, ""),
            refusal(ada, "\0\ud800" * 5000),
        }

        assert len(messages) == 1
        assert codes_left(ada.ctx, user_id=ada.user.id).count == 10

    def test_unknown_and_known_addresses_cost_the_same(self, app, ada, codes):
        counts = set()
        for email in ("ada@example.com", "nobody@example.com"):
            with count_statements(engine_of(app)) as seen:
                refusal(ada, "0000-0000-0000-0000", email=email)
            counts.add(seen.count)
        assert len(counts) == 1, counts

    def test_eleven_guesses_are_too_many(self, ada, codes, clock):
        for _ in range(10):
            refusal(ada, "0000-0000-0000-0000")
        with pytest.raises(TooManyRequests) as refused:
            use(ada, codes[0])
        assert "Try again in" in refused.value.message
        clock.advance(hours=1, seconds=1)
        assert use(ada, codes[0])

    def test_what_is_no_address(self, ada, codes):
        with pytest.raises(InvalidInput):
            use(ada, codes[0], email="ada")

    def test_an_inactive_user_stays_out(self, ada, codes):
        deactivate_user(ada.ctx, ada.user)
        with pytest.raises(Forbidden):
            use(ada, codes[0])
        assert codes_left(ada.ctx, user_id=ada.user.id).count == 10


class TestEnrolLink:
    def secret(self, person):
        return create_enrol_link(person.ctx, user=person.user).rpartition("/")[2]

    def test_signs_in_once_and_ends_every_other_session(self, ada):
        secret = self.secret(ada)
        opened = use_enrol_link(ada.ctx, secret, current_token=None)

        recovered = find_signed_in(ada.ctx, opened.token)
        assert recovered is not None
        assert recovered.acr == "1"
        assert find_signed_in(ada.ctx, ada.token) is None
        assert ada.postbox.sent[-1] == ("ada@example.com", "Your account was recovered")
        with pytest.raises(PageExpired):
            use_enrol_link(ada.ctx, secret, current_token=None)

    def test_lives_an_hour(self, ada, clock):
        secret = self.secret(ada)
        clock.advance(minutes=59)
        assert look_up(ada.ctx, secret)
        clock.advance(minutes=1)
        with pytest.raises(PageExpired):
            use_enrol_link(ada.ctx, secret, current_token=None)

    def test_is_stored_as_a_digest(self, ada):
        secret = self.secret(ada)
        row = ada.ctx.session.scalars(select(Passlink)).one()
        assert (bytes(row.digest), row.purpose) == (digest(secret), "enrol")

    def test_of_another_project_or_purpose_is_refused(self, app, ada):
        add_project(app, "club")
        eve = enter(app, "eve@example.com", slug="club")
        for secret in (
            self.secret(eve),
            create_sign_in_link(ada.ctx, user=ada.user).rpartition("/")[2],
            "unknown",
            "",
            "a" * 5000,
            "\0",
        ):
            with pytest.raises(PageExpired):
                use_enrol_link(ada.ctx, secret, current_token=None)
        assert ada.login

    def test_an_inactive_user_stays_out(self, ada):
        secret = self.secret(ada)
        deactivate_user(ada.ctx, ada.user)
        with pytest.raises((Forbidden, PageExpired)):
            use_enrol_link(ada.ctx, secret, current_token=None)
