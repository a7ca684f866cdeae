"""Organizations and projects in the console: rows S2 to S7 of the product."""

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.errors import Unavailable
from flask_hanko_identity.flows import provision
from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import Organization
from flask_hanko_identity.storage import Project
from flask_hanko_identity.storage import SigningKey
from tests.queries import count_statements
from tests.web.visitors import HOME
from tests.web.visitors import Page
from tests.web.visitors import sign_in
from tests.web.visitors import wait_for_workers


@pytest.fixture
def ada(app):
    return sign_in(app)


def count(app, model):
    with app.app_context():
        return app.extensions["hanko_identity"].session.scalar(select(func.count()).select_from(model))


def stored(app, slug):
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        return session.execute(select(Project).where(Project.slug == slug)).scalar_one()


def test_home_leads_to_the_only_organization(ada):
    response = ada.client.get(HOME + "/")

    assert response.status_code == 303
    assert response.headers["Location"] == f"{HOME}/organizations/{ada.organization_id}"


def test_home_lists_several_organizations(ada):
    ada.send("/organizations/new", name="Second & third")

    page = ada.get("/")

    assert "Second & third" in page.text
    assert len([link for link in page.links if link.endswith(ada.organization_id)]) == 2  # menu and list


def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(app, ada):
    for path in ("/", "/organizations/new", f"/organizations/{ada.organization_id}", "/projects/none"):
        response = app.test_client().get(HOME + path)

        assert (response.status_code, response.headers["Location"]) == (303, HOME + "/login")


def test_an_organization_is_created_and_owned(ada):
    response = ada.send("/organizations/new", name="Penguin")

    assert response.status_code == 303
    page = Page(ada.client.get(response.headers["Location"]))
    assert "Penguin" in page.text
    assert "Create new project" in page.text
    assert "The organization is created." in page.text


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="nothing"),
        pytest.param("   ", id="blanks"),
        pytest.param("a" * 101, id="too long"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("a\u202eb", id="turned around"),
        pytest.param("a\u200bb", id="zero width"),
    ],
)
def test_an_organization_needs_a_name_that_shows(app, ada, name):
    before = count(app, Organization)

    response = ada.send("/organizations/new", name=name)

    assert response.status_code == 422
    assert "Nothing was saved yet" in response.text
    assert count(app, Organization) == before


def test_a_form_sent_twice_makes_one_organization(app, ada):
    form = ada.get("/organizations/new").form()
    before = count(app, Organization)

    first = ada.client.post(HOME + "/organizations/new", data=form.filled(name="Once"))
    second = ada.client.post(HOME + "/organizations/new", data=form.filled(name="Once"))

    assert count(app, Organization) == before + 1
    assert second.headers["Location"] == first.headers["Location"].split("?")[0]


def test_the_menu_leads_to_renaming_the_organization(ada):
    page = ada.get(f"/organizations/{ada.organization_id}")
    assert f"{HOME}/organizations/{ada.organization_id}/settings" in page.links
    assert "Manage organization" in page.text

    response = ada.send(f"/organizations/{ada.organization_id}/settings", name="Büro №1")

    assert response.status_code == 303
    assert "Büro №1" in ada.get(f"/organizations/{ada.organization_id}").text


def test_names_show_as_text(ada):
    evil = "<script>alert(1)</script>\"'"
    ada.send(f"/organizations/{ada.organization_id}/settings", name=evil)
    slug = ada.create_project(evil)

    for path in (f"/organizations/{ada.organization_id}", f"/projects/{slug}", f"/projects/{slug}/settings"):
        page = ada.get(path)

        assert "<script>alert" not in page.html
        assert evil in page.text or "alert(1)" in page.html


def test_a_project_becomes_ready_by_itself(app, ada):
    slug = ada.create_project("My Shop")

    assert slug == "my-shop"
    page = ada.get(f"/projects/{slug}")
    assert "Ready" in page.text
    assert stored(app, slug).issuer == "http://localhost/identity/my-shop"
    assert stored(app, slug).issuer in page.html
    assert ada.client.get(f"{HOME}/projects/{slug}/status").json == {"status": "ready"}


def test_a_project_takes_type_short_name_and_look_at_once(app, ada):
    slug = ada.create_project(
        "Night", type="host", slug="night-club", accent="#FFD166", background="#1b1b2f", corners="square"
    )

    assert slug == "night-club"
    project = stored(app, slug)
    assert project.type == "host"
    assert project.brand == {"accent": "#ffd166", "background": "#1b1b2f", "corners": "square"}


def test_a_project_form_sent_twice_makes_one_project(app, ada):
    path = f"/organizations/{ada.organization_id}/projects/new"
    form = ada.get(path).form()
    before = count(app, Project)

    answers = [ada.client.post(HOME + path, data=form.filled(name="Once")) for _ in range(2)]
    wait_for_workers()

    assert [answer.headers["Location"] for answer in answers] == [HOME + "/projects/once"] * 2
    assert count(app, Project) == before + 1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        pytest.param({"name": ""}, "Give the project a name", id="no name"),
        pytest.param({"slug": "Shop"}, "lower-case", id="capital in the short name"),
        pytest.param({"slug": "console"}, "reserved", id="reserved short name"),
        pytest.param({"slug": "a/b"}, "lower-case", id="slash in the short name"),
        pytest.param({"type": "other"}, "Choose one of these", id="unknown type"),
        pytest.param({"accent": "red;}</style>"}, "six digits", id="CSS in the accent"),
        pytest.param({"accent": "#fff"}, "six digits", id="short colour"),
        pytest.param({"background": "url(//x)"}, "six digits", id="URL as background"),
        pytest.param({"background": "#ffffff\n@import"}, "six digits", id="line break"),
        pytest.param({"corners": "4px"}, "Choose one of these", id="unknown corners"),
        pytest.param({"accent": "#ffff00", "background": "#ffffff"}, "contrast is 1.1 to 1", id="pale"),
    ],
)
def test_a_project_is_refused_with_a_reason_and_not_made(app, ada, values, says):
    before = count(app, Project)

    response = ada.send(f"/organizations/{ada.organization_id}/projects/new", **{"name": "Shop", **values})

    assert response.status_code == 422
    assert says in Page(response).text
    assert count(app, Project) == before


def test_a_taken_short_name_is_said_at_its_field(ada):
    ada.create_project("Shop", slug="shop-one")

    response = ada.send(f"/organizations/{ada.organization_id}/projects/new", name="Two", slug="shop-one")

    assert response.status_code == 422
    assert "This short name is taken" in response.text
    assert 'id="slug-error"' in response.text


class TestInitialising:
    @pytest.fixture
    def stalled(self, app, ada, monkeypatch):
        """A project whose worker died at once."""
        monkeypatch.setattr("flask_hanko_identity.web.console.projects.start_provisioning", lambda _: None)
        slug = ada.create_project("Shop")
        monkeypatch.undo()
        return slug

    def test_the_dashboard_takes_up_what_was_left_behind(self, app, ada, stalled):
        page = ada.get(f"/projects/{stalled}")
        assert "Initialising" in page.text
        assert '<noscript><meta http-equiv="refresh"' in page.html
        assert f'data-poll="{HOME}/projects/{stalled}/status"' in page.html
        wait_for_workers()

        assert "Ready" in ada.get(f"/projects/{stalled}").text
        assert count(app, SigningKey) == 6  # three of this project, three of the console's

    def test_so_does_the_status(self, ada, stalled):
        assert ada.client.get(f"{HOME}/projects/{stalled}/status").json == {"status": "initializing"}
        wait_for_workers()

        assert ada.client.get(f"{HOME}/projects/{stalled}/status").json == {"status": "ready"}

    def test_a_failure_is_said_and_can_be_retried(self, app, ada, stalled, monkeypatch):
        def fail(_):
            raise Unavailable("No entropy today.")

        monkeypatch.setattr(provision, "generate", fail)
        ada.get(f"/projects/{stalled}")
        wait_for_workers()
        page = ada.get(f"/projects/{stalled}")
        assert "Failed" in page.text
        assert "try again" in page.text
        monkeypatch.undo()

        response = ada.send(f"/projects/{stalled}", form="/retry")

        assert response.status_code == 303
        assert "Ready" in ada.get(f"/projects/{stalled}").text

    def test_only_a_retry_of_what_failed_does_anything(self, app, ada):
        slug = ada.create_project("Shop")
        before = count(app, AuditEvent)

        response = ada.client.post(f"{HOME}/projects/{slug}/retry", data={"csrf_token": ada.token()})

        assert response.status_code == 303
        assert count(app, AuditEvent) == before


def test_a_project_is_renamed_and_keeps_its_issuer(app, ada):
    slug = ada.create_project("Shop")
    issuer = stored(app, slug).issuer

    ada.send(f"/projects/{slug}/settings", name="Better shop", slug="other", issuer="https://evil.test")

    assert "Better shop" in ada.get(f"/projects/{slug}").text
    assert stored(app, slug).issuer == issuer


def test_the_look_can_be_revised(app, ada):
    slug = ada.create_project("Shop")

    response = ada.send(f"/projects/{slug}/brand", accent="#7a1f5c", background="#fff5fb", corners="square")

    assert response.status_code == 303
    css = ada.client.get(f"/identity/{slug}/brand.css")
    assert css.mimetype == "text/css"
    assert css.headers["Cache-Control"] == "public, max-age=300"
    assert "Set-Cookie" not in css.headers
    assert "--hk-accent:#7a1f5c" in css.text
    assert "--hk-page:#fff5fb" in css.text
    assert "--hk-radius:0" in css.text


def test_how_people_sign_in_can_be_chosen(app, ada):
    slug = ada.create_project("Shop")
    assert ada.get(f"/projects/{slug}/sign-in").form().filled().keys() >= {"signup_open", "passlinks"}

    response = ada.send(f"/projects/{slug}/sign-in", signup_open=None, passlinks=None, recovery_codes="y")

    assert response.status_code == 303
    shop = stored(app, slug)
    assert (shop.signup, shop.sign_in) == ("closed", {"passlinks": False, "recovery_codes": True})
    assert app.test_client().get(f"/identity/{slug}/signup").status_code == 403


def test_how_people_sign_in_is_not_ours_to_choose_where_the_host_does_it(app, ada):
    slug = ada.create_project("Guests", type="host")

    response = ada.send(f"/projects/{slug}/sign-in", recovery_codes="y")

    assert (response.status_code, stored(app, slug).sign_in) == (422, None)


def test_more_projects_cost_no_more_statements(app, ada):
    slug = ada.create_project("First")
    paths = (f"/organizations/{ada.organization_id}", f"/projects/{slug}", f"/projects/{slug}/apps")
    with app.app_context():
        engine = app.extensions["hanko_identity"].db.engine

    def cost(path):
        ada.get(path)  # so that what can be at hand is at hand
        with count_statements(engine) as statements:
            ada.get(path)
        return statements.count

    before = [cost(path) for path in paths]
    for number in range(3):
        ada.create_project(f"Further {number}")
        ada.connect_app(slug, name=f"App {number}")

    assert [cost(path) for path in paths] == before
    assert max(before) <= 7


def test_what_was_done_is_said_without_a_session(app, ada):
    response = ada.send(f"/organizations/{ada.organization_id}/settings", name="New")

    page = Page(ada.client.get(response.headers["Location"]))

    assert "The new name is saved." in page.text
    assert not any("session=" in cookie for cookie in response.headers.getlist("Set-Cookie"))
    assert "Nothing else" not in ada.get("/organizations/new?done=Nothing else").text
