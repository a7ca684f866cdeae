"""Projects, before they are ready."""

import pytest
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.flows.projects import create_project
from flask_hanko_identity.flows.projects import rename_project
from flask_hanko_identity.flows.projects import set_brand
from flask_hanko_identity.flows.rows import AlreadyDone
from flask_hanko_identity.protocol.names import suggest_slug
from flask_hanko_identity.signals import project_changed
from flask_hanko_identity.storage import Organization
from flask_hanko_identity.storage import Project
from tests.management import at_once
from tests.management import events
from tests.management import make_context
from tests.management import make_organization
from tests.management import make_project

LOOK = {"accent": "#0A7F5B", "background": "#ffffff", "corners": "square"}


@pytest.fixture(autouse=True)
def in_app(app):
    with app.app_context():
        yield


def count(app):
    return make_context(app).session.scalar(select(func.count(Project.id)))


def test_it_starts_as_a_tenant_to_be_made_ready(app):
    told = []
    with project_changed.connected_to(lambda _, **payload: told.append(payload)):
        project = create_project(
            make_context(app), organization=make_organization(app), name="Bücher & Co", type="host", brand=LOOK
        )

    assert (project.slug, project.type, project.status) == ("bucher-co", "host", "initializing")
    assert project.issuer == "http://localhost/identity/bucher-co"
    assert project.brand == {"accent": "#0a7f5b", "background": "#ffffff", "corners": "square"}
    assert told == [{"project": "bucher-co"}]
    assert events(app, subject="project:bucher-co") == ["project.created"]


@pytest.mark.parametrize(
    "slug",
    ["", "ab", "a" * 64, "Shop", "shop_1", "-shop", "shop-", "shop.1", "console", "static", "jwks", "a/b", "é" * 5, 7],
)
def test_a_slug_that_is_no_part_of_an_address_is_refused(app, slug):
    with pytest.raises(InvalidInput) as refusal:
        create_project(make_context(app), organization=make_organization(app), name="Shop", slug=slug)

    assert refusal.value.field == "slug"
    assert count(app) == 0


def test_a_taken_slug_is_told(app):
    make_project(app, "shop")

    with pytest.raises(Conflict) as refusal:
        create_project(make_context(app), organization=make_organization(app), name="Other", slug="shop")

    assert refusal.value.field == "slug"
    assert not isinstance(refusal.value, AlreadyDone)


def test_a_name_that_is_taken_gets_another_slug(app):
    make_project(app, "shop")

    project = create_project(make_context(app), organization=make_organization(app), name="Shop")

    assert project.slug.startswith("shop-")
    assert project.issuer.endswith("/" + project.slug)


@pytest.mark.parametrize("name", ["Shop", "Console", "商店", "  --  ", "x" * 100, "My Shop!", "static"])
def test_every_name_suggests_a_slug_that_can_be_used(app, name):
    slug = suggest_slug(name)

    assert make_project(app, slug).slug == slug


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"type": "other"}, "type"),
        ({"type": ["host"]}, "type"),
        ({"brand": {**LOOK, "accent": "red;}</style>"}}, "accent"),
        ({"brand": {**LOOK, "accent": "#fff"}}, "accent"),
        ({"brand": {**LOOK, "accent": "#0a7f5b\n"}}, "accent"),
        ({"brand": {**LOOK, "background": "url(//x)"}}, "background"),
        ({"brand": {**LOOK, "corners": "@import"}}, "corners"),
        ({"brand": {"accent": "#000000"}}, "background"),
        ({"submission": "a b"}, None),
    ],
)
def test_a_value_that_will_not_do_writes_nothing(app, values, field):
    """F11 for the look."""
    with pytest.raises(InvalidInput) as refusal:
        create_project(make_context(app), **{"organization": make_organization(app), "name": "Shop", **values})

    assert refusal.value.field == field
    assert count(app) == 0


def test_a_form_sent_twice_makes_one(app):
    organization = make_organization(app)
    first = create_project(make_context(app), organization=organization, name="Shop", submission="form-1")

    with pytest.raises(AlreadyDone) as refusal:
        create_project(make_context(app), organization=organization, name="Shop", submission="form-1")

    assert refusal.value.existing == first.slug


def test_a_stranger_is_not_told_what_a_form_made(app):
    create_project(make_context(app), organization=make_organization(app), name="Shop", submission="form-1")

    with pytest.raises(AlreadyDone) as refusal:
        create_project(make_context(app), organization=make_organization(app), name="Mine", submission="form-1")

    assert refusal.value.existing is None


def test_four_at_once_with_one_slug_make_one(app):
    organization = make_organization(app)
    public_id = organization.public_id

    def create(_):
        ctx = make_context(app)
        owner = ctx.session.scalars(select(Organization).where(Organization.public_id == public_id)).one()
        return create_project(ctx, organization=owner, name="Shop", slug="shop").slug

    results = at_once(app, create)

    assert sorted(map(type, results), key=str) == [Conflict] * 3 + [str]
    assert count(app) == 1


def test_four_at_once_with_one_name_make_four(app):
    public_id = make_organization(app).public_id

    def create(_):
        ctx = make_context(app)
        owner = ctx.session.scalars(select(Organization).where(Organization.public_id == public_id)).one()
        return create_project(ctx, organization=owner, name="Shop").slug

    assert len(set(at_once(app, create))) == 4
    assert count(app) == 4


def test_its_name_and_look_change_and_its_issuer_stays(app):
    project = make_project(app, "shop")
    issuer = project.issuer

    project = rename_project(make_context(app), project, name="Better Shop")
    project = set_brand(make_context(app), project, **LOOK)

    assert (project.name, project.issuer, project.brand["corners"]) == ("Better Shop", issuer, "square")
    assert make_context(app, "shop").project.brand["corners"] == "square"
    assert events(app, subject="project:shop") == ["project.created", "project.renamed", "project.brand_changed"]


def test_one_that_is_gone_is_not_changed(app):
    project = make_project(app, "shop")
    ctx = make_context(app)
    ctx.session.execute(delete(Project))
    ctx.session.commit()

    with pytest.raises(NotFound):
        rename_project(make_context(app), project, name="Better")
    with pytest.raises(NotFound):
        ctx = make_context(app)
        gone = make_organization(app)
        ctx.session.execute(delete(Organization))
        ctx.session.commit()
        create_project(ctx, organization=gone, name="Shop")
