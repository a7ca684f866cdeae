"""Organizations."""

import pytest
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.flows.organizations import add_default_organization
from flask_hanko_identity.flows.organizations import create_organization
from flask_hanko_identity.flows.organizations import rename_organization
from flask_hanko_identity.flows.rows import AlreadyDone
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.signals import organization_changed
from flask_hanko_identity.storage import Membership
from flask_hanko_identity.storage import Organization
from flask_hanko_identity.storage.organizations import list_organizations
from tests.management import at_once
from tests.management import events
from tests.management import make_context
from tests.management import make_organization
from tests.management import make_project


@pytest.fixture(autouse=True)
def in_app(app):
    with app.app_context():
        yield


def test_its_maker_owns_it(app):
    make_project(app, "shop", ready=False)
    owner = create_user(make_context(app, "shop"), email="ada@example.com")
    told = []

    with organization_changed.connected_to(lambda sender, **payload: told.append((sender, payload))):
        organization = create_organization(make_context(app), name="  Acme  ", owner_id=owner.id)

    ctx = make_context(app)
    [(found, membership)] = list_organizations(ctx.session, user_id=owner.id)
    assert (found.id, found.name, membership.role) == (organization.id, "Acme", "owner")
    assert told == [(app, {"organization_id": organization.public_id})]
    assert events(app, subject=f"organization:{organization.public_id}") == ["organization.created"]


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 101, "a\u202eb", "a\u200bb", "a\0b", "a\nb", "\ud800", "\u3164", "a" * 10_000, None, 7]
)
def test_a_deceptive_or_missing_name_is_refused(app, name):
    """F09."""
    with pytest.raises(InvalidInput) as refusal:
        create_organization(make_context(app), name=name)

    assert refusal.value.field == "name"
    assert make_context(app).session.scalar(select(func.count(Organization.id))) == 0


def test_a_name_is_kept_composed(app):
    organization = create_organization(make_context(app), name="Cafe\u0301")

    assert organization.name == "Café"


def test_it_is_renamed(app):
    organization = make_organization(app, "Acme")

    renamed = rename_organization(make_context(app), organization, name="Better")

    assert renamed.name == "Better"
    assert events(app)[-1] == "organization.renamed"


def test_one_that_is_gone_is_not_renamed(app):
    organization = make_organization(app)
    ctx = make_context(app)
    ctx.session.execute(delete(Organization))
    ctx.session.commit()

    with pytest.raises(NotFound):
        rename_organization(make_context(app), organization, name="Better")


def test_a_form_sent_twice_makes_one(app):
    first = create_organization(make_context(app), name="Acme", submission="form-1")

    with pytest.raises(AlreadyDone) as refusal:
        create_organization(make_context(app), name="Acme", submission="form-1")

    assert refusal.value.existing == first.public_id


def test_a_form_sent_by_four_clicks_at_once_makes_one(app):
    results = at_once(app, lambda _: create_organization(make_context(app), name="Acme", submission="f").public_id)

    made = [result for result in results if isinstance(result, str)]
    assert len(made) == 1
    assert {getattr(result, "existing", result) for result in results} == set(made)
    assert make_context(app).session.scalar(select(func.count(Organization.id))) == 1


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("ada@example.com", "ada's organization"),
        ("a" * 64 + "@example.com", "a" * 50 + "'s organization"),
        ("\u200b@example.com", "My organization"),
    ],
)
def test_a_new_account_has_an_organization_of_its_own(app, email, name):
    make_project(app, "shop")
    owner = create_user(make_context(app, "shop"), email="owner@example.com")
    ctx = make_context(app)
    with transaction(ctx) as work:
        add_default_organization(ctx, work, user_id=owner.id, email=email)

    row = ctx.session.execute(select(Organization.name, Membership.role).join(Membership)).one()
    assert tuple(row) == (name, "owner")


def test_a_failed_sign_up_leaves_no_organization(app):
    ctx = make_context(app)
    with pytest.raises(RuntimeError), transaction(ctx) as work:
        add_default_organization(ctx, work, user_id=None, email="ada@example.com")  # type: ignore[arg-type]
        raise RuntimeError

    assert ctx.session.scalar(select(func.count(Organization.id))) == 0
    assert events(app) == []
