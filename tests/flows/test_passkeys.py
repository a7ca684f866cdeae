"""Several passkeys of one user: added, renamed, removed, and never the last one."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.errors import PasskeyRejected
from flask_hanko_identity.flows import add_passkey
from flask_hanko_identity.flows.add_passkey import begin_add
from flask_hanko_identity.flows.freshness import StepUpRequired
from flask_hanko_identity.flows.passkeys import accepted_credentials
from flask_hanko_identity.flows.passkeys import list_passkeys
from flask_hanko_identity.flows.passkeys import remove_passkey
from flask_hanko_identity.flows.passkeys import rename_passkey
from flask_hanko_identity.storage import Passkey
from flask_hanko_identity.storage import RecoveryCode
from tests.authenticator import AuthenticatorRefused
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import to_base64url
from tests.passkeys import make_member
from tests.passkeys import set_ways
from tests.sign_in import ORIGIN
from tests.sign_in import add_project
from tests.sign_in import events
from tests.sign_in import make_context
from tests.sign_in import sign_in

STALE = timedelta(minutes=5)


@pytest.fixture
def here(app):
    with app.app_context():
        add_project(app, "shop")
        yield app


@pytest.fixture
def ada(here):
    return make_member(here)


class TestAdding:
    def test_both_passkeys_sign_their_owner_in(self, ada):
        second = SoftwareAuthenticator.synced(origin=ORIGIN)

        ada.add(second)

        assert sign_in(ada.ctx, second).user_id == ada.login.user_id
        assert sign_in(ada.ctx, ada.authenticator).user_id == ada.login.user_id
        first, new = list_passkeys(ada.ctx, user_id=ada.login.user_id)
        assert (first.icon, first.synced, new.icon, new.synced) == ("device", False, "cloud", True)
        assert events(ada.ctx)[1][0] == "passkey.added"

    def test_device_that_has_one_is_excluded(self, ada):
        with pytest.raises(AuthenticatorRefused, match="InvalidStateError"):
            ada.add(ada.authenticator)

        (named,) = begin_add(ada.ctx, ada.login).options["excludeCredentials"]
        assert named == {
            "type": "public-key",
            "id": to_base64url(ada.authenticator.credentials[0].credential_id),
            "transports": ["hybrid", "internal"],
        }

    def test_options_are_for_the_users_own_handle(self, ada):
        second = SoftwareAuthenticator(origin=ORIGIN)

        ada.add(second)

        first = ada.authenticator.credentials[0]
        assert second.credentials[0].user_handle == first.user_handle
        assert second.credentials[0].user_name == "ada@example.com"

    @pytest.mark.parametrize(
        ("place", "hints"),
        [
            ("here", ["client-device"]),
            ("elsewhere", ["security-key", "hybrid"]),
            (None, []),
            ("x", []),
            ([], []),
        ],
    )
    def test_hints_say_what_the_person_chose(self, ada, place, hints):
        options = begin_add(ada.ctx, ada.login, place=place).options

        assert options["hints"] == hints
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert options["attestation"] == "none"
        assert options["extensions"] == {"credProps": True}

    def test_names_tell_them_apart(self, ada):
        for _ in range(2):
            ada.add()
        ada.add(SoftwareAuthenticator(origin=ORIGIN, aaguid=bytes.fromhex("bada5566a7aa401fbd9645619a55120d")))

        assert ada.names() == ["Passkey on Linux", "Passkey on Linux 2", "Passkey on Linux 3", "1Password"]

    def test_old_sign_in_cannot_begin_but_finish(self, ada, clock):
        later = ada.at(ada.ctx.now + STALE)
        with pytest.raises(StepUpRequired):
            later.add()

        almost = ada.at(ada.ctx.now + STALE - timedelta(seconds=1))
        ceremony = begin_add(almost.ctx, almost.login)
        device = SoftwareAuthenticator(origin=ORIGIN)
        much_later = ada.at(almost.ctx.now + STALE - timedelta(seconds=1))
        add_passkey.finish_add(
            much_later.ctx, ada.login, handle=ceremony.handle, response=device.create(ceremony.options)
        )

        assert len(ada.names()) == 2

    def test_there_is_an_end(self, ada, monkeypatch):
        monkeypatch.setattr(add_passkey, "MOST", 2)
        waiting = begin_add(ada.ctx, ada.login)
        ada.add()

        with pytest.raises(Conflict):
            begin_add(ada.ctx, ada.login)
        device = SoftwareAuthenticator(origin=ORIGIN)
        with pytest.raises(Conflict):
            add_passkey.finish_add(ada.ctx, ada.login, handle=waiting.handle, response=device.create(waiting.options))
        assert len(ada.names()) == 2

    def test_notice_goes_to_a_proven_address_only(self, ada):
        ada.add()
        assert ada.post.mails == []

        ada.verify_address()
        ada.add()

        (mail,) = ada.post.mails
        assert (mail.to, mail.template, mail.subject) == ("ada@example.com", "notice", "A passkey was added")
        assert "Passkey on Linux 3" in mail.values["sentences"][0]
        assert (mail.values["when"], mail.values["where"]) == (ada.ctx.now, "192.0.2.7")


class TestRenaming:
    def test_name_is_stored_recorded_and_told(self, ada):
        ada.verify_address()

        assert rename_passkey(ada.ctx, ada.login, passkey_id=ada.ids()[0], name="  Work laptop ") == "Work laptop"

        assert ada.names() == ["Work laptop"]
        assert events(ada.ctx)[-1][0] == "passkey.renamed"
        assert "“Work laptop”" in ada.post.mails[0].values["sentences"][0]

    def test_same_name_changes_nothing(self, ada):
        rename_passkey(ada.ctx, ada.login, passkey_id=ada.ids()[0], name="Passkey on Linux")

        assert events(ada.ctx)[-1][0] == "user.signed_up"

    @pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\u202eb", "a\0", None, 7, "\ud800"])
    def test_what_is_no_name_is_refused(self, ada, name):
        with pytest.raises(InvalidInput):
            rename_passkey(ada.ctx, ada.login, passkey_id=ada.ids()[0], name=name)
        assert ada.names() == ["Passkey on Linux"]


class TestRemoval:
    def test_removed_passkey_opens_nothing_and_says_so(self, ada):
        ada.verify_address()
        ada.add()

        remove_passkey(ada.ctx, ada.login, passkey_id=ada.ids()[0])

        assert ada.names() == ["Passkey on Linux 2"]
        assert events(ada.ctx)[-1][0] == "passkey.removed"
        assert ada.post.mails[-1].subject == "A passkey was removed"
        with pytest.raises(PasskeyRejected, match="was removed from your account") as refused:
            sign_in(ada.ctx, ada.authenticator)
        assert (refused.value.is_gone, refused.value.reason) == (True, "removed passkey")

    def test_passkey_of_another_project_is_not_gone(self, ada, here):
        add_project(here, "other")
        elsewhere = make_member(here, slug="other")

        with pytest.raises(PasskeyRejected, match="not one for Shop") as refused:
            sign_in(ada.ctx, elsewhere.authenticator)

        assert refused.value.is_gone is False

    def test_last_one_stays(self, ada):
        with pytest.raises(Conflict, match="last way to sign in"):
            remove_passkey(ada.ctx, ada.login, passkey_id=ada.ids()[0])
        assert len(ada.ids()) == 1

    @pytest.mark.parametrize(
        ("ways", "verified", "mail", "goes"),
        [
            ({}, True, True, True),
            ({}, False, True, False),
            ({}, True, False, False),
            ({"passlinks": False}, True, True, False),
        ],
    )
    def test_mail_is_a_way_in_where_it_reaches_them(self, ada, here, ways, verified, mail, goes):
        set_ways(here, **ways)
        if verified:
            ada.verify_address()
        ada.post.is_on = mail
        ctx = replace(make_context(here), mailer=ada.post)

        if goes:
            remove_passkey(ctx, ada.login, passkey_id=ada.ids()[0])
        else:
            with pytest.raises(Conflict):
                remove_passkey(ctx, ada.login, passkey_id=ada.ids()[0])

        assert len(ada.ids()) == (0 if goes else 1)

    @pytest.mark.parametrize(
        ("offered", "used", "goes"), [(True, False, True), (True, True, False), (False, False, False)]
    )
    def test_recovery_codes_are_a_way_in_while_they_live(self, ada, here, offered, used, goes):
        set_ways(here, recovery_codes=offered)
        row = {"user_id": ada.login.user_id, "digest": b"x" * 32, "created_at": ada.ctx.now}
        ada.ctx.session.execute(insert(RecoveryCode), {**row, "used_at": ada.ctx.now if used else None})
        ada.ctx.session.commit()
        ctx = make_context(here)

        if goes:
            remove_passkey(ctx, ada.login, passkey_id=ada.ids()[0])
        else:
            with pytest.raises(Conflict):
                remove_passkey(ctx, ada.login, passkey_id=ada.ids()[0])

    def test_passkey_for_another_rp_id_is_no_way_in(self, ada):
        ada.add()
        first, second = ada.ids()
        ada.ctx.session.execute(update(Passkey).where(Passkey.id == first).values(rp_id="elsewhere.test"))
        ada.ctx.session.commit()

        assert [each.works for each in list_passkeys(ada.ctx, user_id=ada.login.user_id)] == [False, True]
        with pytest.raises(Conflict):
            remove_passkey(ada.ctx, ada.login, passkey_id=second)
        remove_passkey(ada.ctx, ada.login, passkey_id=first)
        assert ada.ids() == [second]

    def test_two_removals_at_once_leave_one(self, ada, here):
        ada.add()

        def remove(passkey_id):
            with here.app_context():
                try:
                    remove_passkey(make_context(here), ada.login, passkey_id=passkey_id)
                except Conflict:
                    return "stays"
                return "gone"

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(remove, ada.ids()))

        assert sorted(answers) == ["gone", "stays"]
        ada.ctx.session.rollback()
        assert len(ada.ids()) == 1


class TestOwnership:
    """Rows E18 and F of the threats: a change needs a fresh sign-in of the passkey's own user."""

    @pytest.fixture
    def eve(self, here):
        return make_member(here, email="eve@example.com")

    def test_passkey_of_somebody_else_cannot_be_touched(self, ada, eve):
        eve.add()
        for change in (
            lambda: rename_passkey(eve.ctx, eve.login, passkey_id=ada.ids()[0], name="Mine"),
            lambda: remove_passkey(eve.ctx, eve.login, passkey_id=ada.ids()[0]),
        ):
            with pytest.raises(NotFound):
                change()
        assert ada.names() == ["Passkey on Linux"]

    def test_passkey_of_another_project_cannot_be_touched(self, ada, here):
        add_project(here, "other")
        other = make_context(here, "other")

        with pytest.raises(NotFound):
            rename_passkey(other, ada.login, passkey_id=ada.ids()[0], name="Mine")

    def test_old_sign_in_changes_nothing(self, ada):
        later = ada.at(ada.ctx.now + STALE)

        with pytest.raises(StepUpRequired):
            rename_passkey(later.ctx, ada.login, passkey_id=ada.ids()[0], name="Mine")
        with pytest.raises(StepUpRequired):
            remove_passkey(later.ctx, ada.login, passkey_id=ada.ids()[0])

    def test_freshness_is_this_sessions(self, ada):
        old = replace(ada.login, auth_time=ada.ctx.now - STALE)
        sign_in(ada.ctx, ada.authenticator)

        with pytest.raises(StepUpRequired):
            begin_add(ada.ctx, old)


class TestSignals:
    def test_list_names_what_works_here_and_now(self, ada):
        second = SoftwareAuthenticator(origin=ORIGIN)
        ada.add(second)
        ada.ctx.session.execute(update(Passkey).where(Passkey.id == ada.ids()[0]).values(rp_id="elsewhere.test"))
        ada.ctx.session.commit()

        known = accepted_credentials(ada.ctx, ada.login)

        assert known.credential_ids == (to_base64url(second.credentials[0].credential_id),)
        assert known.user_handle == to_base64url(second.credentials[0].user_handle)
        assert (known.rp_id, known.name, known.display_name) == (
            "localhost",
            "ada@example.com",
            "ada@example.com (Shop)",
        )

    def test_name_of_a_person_goes_before_the_address(self, ada):
        known = accepted_credentials(ada.ctx, replace(ada.login, name="Ada"))

        assert known.display_name == "Ada (Shop)"

    def test_user_handles_of_one_person_differ_between_projects(self, ada, here):
        add_project(here, "other")
        elsewhere = make_member(here, slug="other")

        handles = {accepted_credentials(each.ctx, each.login).user_handle for each in (ada, elsewhere)}

        assert len(handles) == 2


def test_sign_in_by_another_device_is_noticed(ada):
    phone = SoftwareAuthenticator.synced(origin=ORIGIN, attachment="cross-platform")
    key = SoftwareAuthenticator(origin=ORIGIN, attachment="cross-platform", transports=("nfc", "usb"))
    ada.add(phone)
    ada.add(key)

    assert sign_in(ada.ctx, phone).came_from_elsewhere is True
    assert sign_in(ada.ctx, key).came_from_elsewhere is False
    assert sign_in(ada.ctx, ada.authenticator).came_from_elsewhere is False
    assert ada.ctx.session.scalars(select(Passkey.last_used_at)).all() == [ada.ctx.now] * 3
