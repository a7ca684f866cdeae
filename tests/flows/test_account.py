"""Deleting an account (product S18; C20, F14 and E18 of the threats)."""

import pytest
from sqlalchemy import event
from sqlalchemy import func
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.flows.account import confirmation_for
from flask_hanko_identity.flows.account import delete_account
from flask_hanko_identity.flows.account import tables_of_users
from flask_hanko_identity.flows.freshness import StepUpRequired
from flask_hanko_identity.flows.organizations import create_organization
from flask_hanko_identity.flows.projects import create_project
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.signals import user_deleted
from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import Base
from flask_hanko_identity.storage import Membership
from flask_hanko_identity.storage import Organization
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage import Token
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.users import UserState
from tests.evidence import contents
from tests.evidence import dump
from tests.profiles import enter
from tests.profiles import live_a_little
from tests.sign_in import add_project
from tests.tenants import make_tenant

SCOPE = "openid email offline_access"


@pytest.fixture(autouse=True)
def shop(app):
    make_tenant(app)
    with app.app_context():
        add_project(app, "console")
        yield


@pytest.fixture
def ada(app):
    return enter(app, name="Ada Lovelace")


def delete(person, typed=None):
    login = person.login
    delete_account(person.ctx, login, confirmation=confirmation_for(login) if typed is None else typed)


def rows_of(app, user_id):
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        return {
            table.name: session.scalar(select(func.count()).select_from(table).where(owner == user_id))
            for table, owner in tables_of_users()
        }


class TestDeleting:
    def test_every_table_of_users_is_known(self):
        found = {table.name for table, _ in tables_of_users()}

        assert found == {
            table.name
            for table in Base.metadata.sorted_tables
            if any(column.name == "user_id" for column in table.columns)
        }
        assert len(found) >= 9

    def test_everything_of_the_user_goes(self, app, ada):
        live_a_little(ada)
        user_id = ada.user.id
        assert rows_of(app, user_id)["hanko_authorization"] == 1

        delete(ada)

        assert set(rows_of(app, user_id).values()) == {0}
        assert ada.ctx.session.scalar(select(func.count()).select_from(User)) == 0
        assert ada.ctx.session.scalar(select(func.count()).select_from(Token)) == 0
        stored = dump(app)
        for trace in (b"ada@example.com", b"ADA@EXAMPLE.COM", b"Ada Lovelace", b"192.0.2.7", b"X11; Linux"):
            # What the deletion itself left is the last row of the journal.
            last = contents(app)["hanko_audit_event"]
            kept = [row for row in last if "user.deleted" in row]
            assert stored.replace(repr(kept[0]).encode(), b"").count(trace) == 0, trace

    def test_also_where_sqlite_does_not_heed_foreign_keys(self, app_factory, clock):
        app = app_factory(HANKO_IDENTITY_SQLITE_TUNING=False)
        with app.app_context():
            engine = app.extensions["sqlalchemy"].engine
            if engine.dialect.name == "sqlite":
                event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA foreign_keys=OFF"))
            ada = enter(app)
            live_a_little(ada)
            user_id = ada.user.id

            delete(ada)

            assert set(rows_of(app, user_id).values()) == {0}
            assert ada.ctx.session.scalar(select(func.count()).select_from(Token)) == 0

    def test_what_it_opened_is_dead_at_once(self, app, ada):
        rp, tokens = live_a_little(ada)
        waiting = rp.code(scope=SCOPE)

        delete(ada)

        assert rp.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.introspect(tokens["access_token"]) == {"active": False}
        assert rp.introspect(tokens["refresh_token"]) == {"active": False}
        assert rp.redeem(waiting).get_json()["error"] == "invalid_grant"
        assert "/login?" in rp.authorize().headers["Location"]

    def test_nobody_else_loses_anything(self, app, ada):
        bob = enter(app, "bob@example.com")
        live_a_little(bob)
        before = contents(app)
        ada_id = ada.user.id
        live_a_little(ada)

        delete(ada)

        after = contents(app)
        for table, rows in before.items():
            if table not in ("hanko_audit_event", "hanko_user", "hanko_email_address", "hanko_login_session"):
                assert set(map(repr, rows)) <= set(map(repr, after[table])), table
        assert set(rows_of(app, ada_id).values()) == {0}
        assert bob.login.sub == bob.sub
        journal = [row for row in before["hanko_audit_event"] if f"user:{bob.sub}" in row]
        assert journal
        assert all(row in after["hanko_audit_event"] for row in journal)

    def test_the_sub_is_never_used_again(self, app, ada):
        """Row C20."""
        handle = ada.user.user_handle
        delete(ada)

        again = enter(app)

        assert again.sub != ada.sub
        assert again.user.user_handle != handle
        assert again.user.claims == {}

    def test_the_journal_keeps_the_sub_alone(self, app, ada):
        live_a_little(ada)
        ctx = ada.ctx
        with transaction(ctx) as work:
            work.record("session.opened", f"user:{ada.sub}", data={"email": "ada@example.com"})

        delete(ada)

        me = f"user:{ada.sub}"
        rows = ada.ctx.session.execute(
            select(AuditEvent.event, AuditEvent.data, AuditEvent.ip_address, AuditEvent.user_agent)
            .where((AuditEvent.subject == me) | (AuditEvent.actor == me))
            .order_by(AuditEvent.id)
        ).all()
        assert rows[-1].event == "user.deleted"
        assert len(rows) > 2
        assert all((row.data, row.ip_address, row.user_agent) == ({}, None, None) for row in rows[:-1])

    def test_an_address_that_was_only_claimed_gives_no_power_over_its_owner(self, app, ada):
        bob = enter(app, "bob@example.com", verified=True)
        live_a_little(bob)
        with transaction(ada.ctx) as work:
            work.record("passlink.created", "project:shop", data={"email": "bob@example.com"})
        ctx, table = ada.ctx, Base.metadata.tables["hanko_email_address"]
        with transaction(ctx):
            claim = {"project_id": ctx.project.id, "user_id": ada.login.user_id, "address": "bob@example.com"}
            ctx.session.execute(insert(table), {**claim, "held_as": None, "created_at": ctx.now})

        delete(ada)

        assert ada.ctx.session.scalar(select(func.count()).select_from(Passlink)) == 2
        assert b"bob@example.com" in dump(app)

    def test_it_is_told_to_the_person_and_the_host(self, ada):
        heard = []

        with user_deleted.connected_to(lambda sender, **values: heard.append(values)):
            delete(ada)

        assert heard == [{"project": "shop", "sub": ada.sub}]
        assert ada.postbox.sent == [("ada@example.com", "Your account was deleted")]

    @pytest.mark.parametrize("typed", ["", "delete", "ada@example.co", "bob@example.com", "\0", "x" * 10_000])
    def test_not_without_the_confirmation(self, ada, typed):
        with pytest.raises(InvalidInput) as refused:
            delete(ada, typed)

        assert refused.value.field == "confirmation"
        assert ada.user.state == UserState.ACTIVE

    @pytest.mark.parametrize("typed", ["ada@example.com", " ADA@example.com "])
    def test_as_people_type_it(self, ada, typed):
        delete(ada, typed)

        assert ada.ctx.session.scalar(select(func.count()).select_from(User)) == 0

    def test_not_with_a_stale_sign_in(self, ada, clock):
        clock.advance(minutes=5)

        with pytest.raises(StepUpRequired):
            delete(ada)

        assert ada.user.state == UserState.ACTIVE


class TestOwners:
    """A console account leaves no organization without an owner."""

    @pytest.fixture
    def owner(self, app):
        return enter(app, "owner@example.com", slug="console")

    def found(self, person, name="Acme"):
        return create_organization(person.ctx, name=name, owner_id=person.user.id).id

    def join(self, person, organization_id, role):
        ctx, user_id = person.ctx, person.user.id
        with transaction(ctx):
            ctx.session.add(Membership(organization_id=organization_id, user_id=user_id, role=role, created_at=ctx.now))

    def count(self, person):
        return person.ctx.session.scalar(select(func.count()).select_from(Organization))

    def test_an_empty_organization_goes_too(self, owner):
        self.found(owner)

        delete(owner)

        assert self.count(owner) == 0

    @pytest.mark.parametrize("role", ["admin", "member"])
    def test_the_last_owner_has_to_hand_over_first(self, app, owner, role):
        organization_id = self.found(owner)
        self.join(enter(app, "colleague@example.com", slug="console"), organization_id, role)

        with pytest.raises(Conflict, match="Acme.*owner first"):
            delete(owner)

        assert owner.user.state == UserState.ACTIVE

    def test_so_has_the_owner_of_projects(self, owner):
        organization = owner.ctx.session.get(Organization, self.found(owner))
        create_project(owner.ctx, organization=organization, name="Site", type="identity")

        with pytest.raises(Conflict, match="projects"):
            delete(owner)

    def test_one_of_two_owners_may_go(self, app, owner):
        organization_id = self.found(owner)
        other = enter(app, "other@example.com", slug="console")
        self.join(other, organization_id, "owner")

        delete(owner)

        assert self.count(other) == 1
        with pytest.raises(Conflict):
            organization = other.ctx.session.get(Organization, organization_id)
            assert organization is not None
            create_project(other.ctx, organization=organization, name="Site", type="identity")
            delete(other)

    def test_an_owner_who_was_shut_out_is_none(self, app, owner):
        organization_id = self.found(owner)
        other = enter(app, "other@example.com", slug="console")
        self.join(other, organization_id, "owner")
        ctx = other.ctx
        with transaction(ctx):
            ctx.session.execute(update(User).where(User.sub == other.sub).values(state=UserState.INACTIVE))

        with pytest.raises(Conflict):
            delete(owner)

    def test_a_member_may_go(self, app, owner):
        organization_id = self.found(owner)
        member = enter(app, "member@example.com", slug="console")
        self.join(member, organization_id, "member")

        delete(member)

        assert self.count(owner) == 1
