"""The addresses of a person (product S18; E18 of the threats)."""

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.flows.emails import MOST_ADDRESSES
from flask_hanko_identity.flows.emails import add_address
from flask_hanko_identity.flows.emails import find_address
from flask_hanko_identity.flows.emails import list_addresses
from flask_hanko_identity.flows.emails import make_primary
from flask_hanko_identity.flows.emails import remove_address
from flask_hanko_identity.flows.emails import verify_address
from flask_hanko_identity.flows.freshness import StepUpRequired
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.signals import user_email_changed
from flask_hanko_identity.storage import EmailAddress
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage.users import find_user_by_email
from tests.evidence import in_parallel
from tests.profiles import enter
from tests.profiles import give_passkey
from tests.sign_in import add_project
from tests.sign_in import events


@pytest.fixture(autouse=True)
def shop(app):
    with app.app_context():
        add_project(app, "shop")
        yield


@pytest.fixture
def ada(app):
    return enter(app)


def verify(person, email):
    ctx = person.ctx
    user_id = person.user.id
    with transaction(ctx) as work:
        return verify_address(ctx, work, user_id=user_id, email=email)


def addresses(person):
    return [(each.address, each.verified, each.primary) for each in list_addresses(person.ctx, user_id=person.user.id)]


def a_second_one(person, email="ada@work.example"):
    added = add_address(person.ctx, person.login, email=email)
    assert verify(person, email)
    person.postbox.mails.clear()
    return added


class TestAdding:
    def test_an_address_is_worth_nothing_at_first(self, ada):
        added = add_address(ada.ctx, ada.login, email=" Ada@WORK.example".strip())

        assert addresses(ada) == [("ada@example.com", True, True), ("Ada@work.example", False, False)]
        assert ada.user.email == "ada@example.com"
        row = ada.ctx.session.get(EmailAddress, added.id)
        assert (row.held_as, row.verified_at) == (None, None)

    def test_the_primary_address_is_told(self, ada):
        add_address(ada.ctx, ada.login, email="ada@work.example")

        assert ada.postbox.sent == [("ada@example.com", "An e-mail address was added to your account")]
        mail = ada.postbox.mails[0]
        assert mail.template == "notice"
        assert set(mail.values) == {"title", "sentences", "when", "where"}
        assert "ada@work.example" in mail.values["sentences"][0]

    def test_one_that_is_not_verified_is_told_nothing(self, app):
        bob = enter(app, "bob@example.com", verified=False)

        add_address(bob.ctx, bob.login, email="bob@work.example")

        assert bob.postbox.sent == []

    @pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com", "ada@EXAMPLE.com"])
    def test_not_twice(self, ada, email):
        with pytest.raises(Conflict) as refused:
            add_address(ada.ctx, ada.login, email=email)

        assert refused.value.field == "email"
        assert len(addresses(ada)) == 1

    def test_not_too_many(self, ada):
        for number in range(MOST_ADDRESSES - 1):
            add_address(ada.ctx, ada.login, email=f"ada{number}@example.com")

        with pytest.raises(Conflict):
            add_address(ada.ctx, ada.login, email="one@more.example")

    @pytest.mark.parametrize(
        "email", ["", "ada", "ada@", "a\0@example.com", "\ud800@example.com", "x" * 300, "a b@c.de"]
    )
    def test_not_what_is_none(self, ada, email):
        with pytest.raises(InvalidInput):
            add_address(ada.ctx, ada.login, email=email)

        assert len(addresses(ada)) == 1

    def test_whether_somebody_else_has_it_is_not_told(self, app, ada):
        enter(app, "bob@example.com")

        add_address(ada.ctx, ada.login, email="bob@example.com")

        assert addresses(ada)[1] == ("bob@example.com", False, False)

    def test_a_stale_sign_in_is_not_enough(self, ada, clock):
        clock.advance(minutes=5)

        with pytest.raises(StepUpRequired):
            add_address(ada.ctx, ada.login, email="ada@work.example")

        assert len(addresses(ada)) == 1


class TestVerifying:
    def test_it_is_held_from_then_on(self, ada):
        add_address(ada.ctx, ada.login, email="Ada@work.example")

        assert verify(ada, "ada@work.example")

        assert addresses(ada)[1] == ("Ada@work.example", True, False)
        holder = find_user_by_email(ada.ctx.session, project_id=ada.ctx.project.id, email="ADA@work.example")
        assert holder is not None
        assert holder.sub == ada.sub
        assert ada.user.email == "ada@example.com"

    def test_the_copy_of_the_primary_one_follows(self, app, clock):
        bob = enter(app, "bob@example.com", verified=False)
        clock.advance(minutes=1)

        verify(bob, "bob@example.com")

        assert (bob.user.email_verified, bob.user.updated_at) == (True, clock())

    def test_twice_changes_nothing(self, ada, clock):
        a_second_one(ada)
        before = [tuple(row) for row in ada.ctx.session.execute(select(EmailAddress.__table__))]
        clock.advance(minutes=1)

        assert verify(ada, "ada@work.example")

        assert [tuple(row) for row in ada.ctx.session.execute(select(EmailAddress.__table__))] == before

    def test_one_that_was_removed_stays_gone(self, ada):
        assert not verify(ada, "ada@work.example")

    def test_one_that_somebody_else_holds_is_refused(self, app, ada):
        bob = enter(app, "bob@example.com")
        add_address(ada.ctx, ada.login, email="bob@example.com")

        with pytest.raises(Conflict):
            verify(ada, "bob@example.com")

        assert addresses(ada)[1] == ("bob@example.com", False, False)
        assert bob.user.email_verified

    def test_two_at_once_give_one_holder(self, app):
        people = [enter(app, f"person{number}@example.com") for number in range(4)]
        for person in people:
            add_address(person.ctx, person.login, email="wanted@example.com")

        def claim(number):
            with app.app_context():
                try:
                    return verify(people[number], "wanted@example.com")
                except Conflict:
                    return False

        assert sorted(in_parallel(claim, times=4)) == [False, False, False, True]
        held = select(func.count()).select_from(EmailAddress).where(EmailAddress.held_as == "wanted@example.com")
        assert people[0].ctx.session.scalar(held) == 1

    def test_the_same_address_in_another_project_is_another_one(self, app, ada):
        add_project(app, "club")
        twin = enter(app, "bob@example.com", slug="club")
        add_address(twin.ctx, twin.login, email="ada@example.com")

        assert verify(twin, "ada@example.com")


class TestMakingPrimary:
    def test_the_copy_moves_in_the_same_step(self, ada, clock):
        added = a_second_one(ada)
        clock.advance(minutes=1)
        heard = []

        with user_email_changed.connected_to(lambda sender, **values: heard.append(values)):
            make_primary(ada.ctx, ada.login, address_id=added.id)

        assert addresses(ada) == [("ada@work.example", True, True), ("ada@example.com", True, False)]
        assert (ada.user.email, ada.user.email_verified, ada.user.updated_at) == ("ada@work.example", True, clock())
        assert heard == [{"project": "shop", "user_id": ada.user.id, "sub": ada.sub}]
        assert "email.primary_changed" in [event for event, _ in events(ada.ctx)]

    def test_old_and_new_are_told(self, ada):
        added = a_second_one(ada)

        make_primary(ada.ctx, ada.login, address_id=added.id)

        assert [to for to, _ in ada.postbox.sent] == ["ada@example.com", "ada@work.example"]
        assert {subject for _, subject in ada.postbox.sent} == {"Your e-mail address was changed"}

    def test_only_one_that_is_verified(self, ada):
        added = add_address(ada.ctx, ada.login, email="ada@work.example")

        with pytest.raises(Conflict):
            make_primary(ada.ctx, ada.login, address_id=added.id)

        assert ada.user.email == "ada@example.com"

    def test_a_stale_sign_in_is_not_enough(self, ada, clock):
        added = a_second_one(ada)
        clock.advance(minutes=5)

        with pytest.raises(StepUpRequired):
            make_primary(ada.ctx, ada.login, address_id=added.id)

        assert ada.user.email == "ada@example.com"

    def test_a_host_without_mail_tells_nobody(self, ada):
        added = a_second_one(ada)
        ada.postbox.is_on = False

        make_primary(ada.ctx, ada.login, address_id=added.id)

        assert ada.postbox.sent == []


class TestRemoving:
    def test_it_is_free_for_others(self, app, ada):
        added = a_second_one(ada)

        remove_address(ada.ctx, ada.login, address_id=added.id)

        assert addresses(ada) == [("ada@example.com", True, True)]
        bob = enter(app, "bob@example.com")
        add_address(bob.ctx, bob.login, email="ada@work.example")
        assert verify(bob, "ada@work.example")

    def test_both_addresses_are_told(self, ada):
        added = a_second_one(ada)

        remove_address(ada.ctx, ada.login, address_id=added.id)

        assert [to for to, _ in ada.postbox.sent] == ["ada@example.com", "ada@work.example"]

    def test_one_that_was_never_verified_is_told_nothing(self, ada):
        added = add_address(ada.ctx, ada.login, email="stranger@example.com")
        ada.postbox.mails.clear()

        remove_address(ada.ctx, ada.login, address_id=added.id)

        assert [to for to, _ in ada.postbox.sent] == ["ada@example.com"]

    def test_links_to_it_are_dead(self, ada, clock):
        added = a_second_one(ada)
        ctx, user_id = ada.ctx, ada.user.id
        with transaction(ctx):
            for number, email in enumerate(("ADA@work.example", "ada@example.com")):
                ctx.session.add(
                    Passlink(
                        project_id=ctx.project.id,
                        digest=bytes([number]) * 32,
                        purpose="sign-in",
                        user_id=user_id,
                        email=email,
                        data={},
                        created_at=clock(),
                        expires_at=clock.advance(minutes=1),
                    )
                )

        remove_address(ada.ctx, ada.login, address_id=added.id)

        found = ada.ctx.session.execute(select(Passlink.email, Passlink.used_at.is_(None)).order_by(Passlink.id))
        assert [tuple(row) for row in found] == [("ADA@work.example", False), ("ada@example.com", True)]

    def test_not_the_primary_one(self, ada):
        a_second_one(ada)

        with pytest.raises(Conflict, match="primary"):
            remove_address(ada.ctx, ada.login, address_id=list_addresses(ada.ctx, user_id=ada.user.id)[0].id)

    def test_not_the_last_way_in(self, app):
        bob = enter(app, "bob@example.com", verified=False)
        added = a_second_one(bob, "bob@work.example")

        with pytest.raises(Conflict, match="sign in"):
            remove_address(bob.ctx, bob.login, address_id=added.id)
        assert len(addresses(bob)) == 2

        give_passkey(bob)
        remove_address(bob.ctx, bob.login, address_id=added.id)
        assert len(addresses(bob)) == 1

    def test_a_stale_sign_in_is_not_enough(self, ada, clock):
        added = a_second_one(ada)
        clock.advance(minutes=5)

        with pytest.raises(StepUpRequired):
            remove_address(ada.ctx, ada.login, address_id=added.id)

        assert len(addresses(ada)) == 2


class TestOthers:
    @pytest.mark.parametrize("change", [make_primary, remove_address])
    def test_addresses_of_another_user_are_not_there(self, app, ada, change):
        bob = enter(app, "bob@example.com")
        added = a_second_one(bob, "bob@work.example")

        with pytest.raises(NotFound):
            change(ada.ctx, ada.login, address_id=added.id)
        with pytest.raises(NotFound):
            find_address(ada.ctx, user_id=ada.user.id, address_id=added.id)

        assert addresses(bob) == [("bob@example.com", True, True), ("bob@work.example", True, False)]

    @pytest.mark.parametrize("change", [make_primary, remove_address])
    def test_nor_are_those_of_another_project(self, app, ada, change):
        add_project(app, "club")
        twin = enter(app, slug="club")
        added = a_second_one(twin)

        with pytest.raises(NotFound):
            change(ada.ctx, ada.login, address_id=added.id)

    @pytest.mark.parametrize("number", [0, -1, 2**63 - 1])
    def test_nor_is_what_never_was(self, ada, number):
        with pytest.raises(NotFound):
            find_address(ada.ctx, user_id=ada.user.id, address_id=number)


def test_what_was_done_to_addresses_is_in_the_journal_without_them(ada):
    added = a_second_one(ada)
    remove_address(ada.ctx, ada.login, address_id=added.id)

    assert [event for event, _ in events(ada.ctx) if event.startswith("email.")] == ["email.added", "email.removed"]
