"""Adding the extension: what it takes, what it refuses, and what it leaves in the app."""

from dataclasses import FrozenInstanceError

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import MetaData
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column

from flask_hanko_identity import ConfigurationError
from flask_hanko_identity import HankoIdentity
from flask_hanko_identity.extension import IdentityState
from flask_hanko_identity.storage import Project
from tests.databases import copy_sqlite
from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SECRET = "0123456789abcdef0123456789abcdef"
DISCOVERY = "/identity/shop/.well-known/openid-configuration"


def host(**config):
    """An app with a database in memory, to which nothing was added."""
    app = Flask("host")
    app.config.update(
        TESTING=True,
        SECRET_KEY=SECRET,
        SQLALCHEMY_DATABASE_URI="sqlite://",
        HANKO_IDENTITY_BASE_URL="https://id.example.com/identity",
        **config,
    )
    return app


def test_the_constructor_adds_it():
    app = host()
    db = SQLAlchemy(app)

    HankoIdentity(app, db=db)

    assert isinstance(app.extensions["hanko_identity"], IdentityState)
    assert app.extensions["hanko_identity"].db is db


def test_init_app_adds_it_and_finds_the_hosts_database():
    app = host()
    db = SQLAlchemy(app)

    HankoIdentity().init_app(app)

    assert app.extensions["hanko_identity"].db is db


def test_without_a_database_it_says_what_to_pass():
    with pytest.raises(ConfigurationError, match="pass db=db"):
        HankoIdentity(host())


def test_it_is_added_once():
    app = host()
    identity = HankoIdentity(app, db=SQLAlchemy(app))

    with pytest.raises(ConfigurationError, match="already"):
        identity.init_app(app)


def test_a_refused_start_leaves_nothing_behind():
    app = host(HANKO_IDENTITY_CONSOLE_SINGUP="open")
    db = SQLAlchemy(app)

    with pytest.raises(ConfigurationError, match="HANKO_IDENTITY_CONSOLE_SIGNUP"):
        HankoIdentity(app, db=db)

    assert "hanko_identity" not in app.extensions
    assert list(app.blueprints) == []
    assert list(db.metadata.tables) == []


def test_its_state_is_frozen():
    app = host()
    HankoIdentity(app, db=SQLAlchemy(app))

    with pytest.raises(FrozenInstanceError):
        app.extensions["hanko_identity"].settings = None


def test_the_hosts_configuration_and_templates_are_left_as_they_are():
    app = host(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Strict")
    db = SQLAlchemy(app)
    config, names = dict(app.config), set(app.jinja_env.globals) | set(app.jinja_env.filters)

    HankoIdentity(app, db=db)

    assert dict(app.config) == config
    assert set(app.jinja_env.globals) | set(app.jinja_env.filters) == names
    assert len(app.template_context_processors[None]) == 1  # Flask's own
    assert app.error_handler_spec.get(None, {}) == {}


def test_there_is_one_command_group():
    app = host()
    HankoIdentity(app, db=SQLAlchemy(app))

    assert list(app.cli.commands) == ["identity"]


@ON_SQLITE
def test_the_database_may_be_added_after_the_extension(database_url):
    db = SQLAlchemy()
    identity = HankoIdentity()
    app = host()
    app.config.update(SQLALCHEMY_DATABASE_URI=database_url, HANKO_IDENTITY_BASE_URL="http://localhost/identity")

    identity.init_app(app, db=db)
    db.init_app(app)

    make_tenant(app)
    assert app.test_client().get(DISCOVERY).get_json()["issuer"] == "http://localhost/identity/shop"
    with app.app_context():
        db.engine.dispose()


@ON_SQLITE
def test_without_the_console_its_pages_are_the_hosts_404(app_factory):
    app = app_factory(HANKO_IDENTITY_CONSOLE=False)
    with app.app_context():
        add_project(app, "console")
    client = app.test_client()

    assert client.get("/identity/console/").status_code == 404
    assert "hanko_console" not in app.blueprints
    assert client.get("/identity/console/login").status_code == 200
    refused = client.get("/identity/console/login?request=unknown")
    assert refused.status_code == 400
    assert "Back to the console" not in refused.text


class TestTwoApps:
    """In one process, each with a database of its own, by one extension object or two."""

    @pytest.fixture(params=["one object", "two objects"])
    def apps(self, request, sqlite_template, tmp_path):
        identity = HankoIdentity()
        apps = []
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            app = host()
            app.config.update(
                SQLALCHEMY_DATABASE_URI=copy_sqlite(sqlite_template, folder),
                SECRET_KEY=f"{SECRET} of app number {number}",
                HANKO_IDENTITY_BASE_URL=f"http://localhost/identity{number}",
            )
            extension = identity if request.param == "one object" else HankoIdentity()
            extension.init_app(app, db=SQLAlchemy(app))
            apps.append(app)
        yield apps
        for app in apps:
            with app.app_context():
                app.extensions["sqlalchemy"].engine.dispose()

    def test_serve_their_own_projects_only(self, apps):
        one, other = apps
        make_tenant(one, "shop")
        make_tenant(other, "library")

        found = {
            (number, slug): app.test_client().get(f"/identity{number}/{slug}/jwks").status_code
            for number, app in enumerate(apps)
            for slug in ("shop", "library")
        }

        assert found == {(0, "shop"): 200, (0, "library"): 404, (1, "shop"): 404, (1, "library"): 200}

    def test_have_issuers_and_keys_of_their_own(self, apps):
        for number, app in enumerate(apps):
            make_tenant(app, "shop", number=number)

        issuers = [
            app.test_client().get(f"/identity{number}/shop/.well-known/openid-configuration").get_json()["issuer"]
            for number, app in enumerate(apps)
        ]
        kids = [
            {key["kid"] for key in app.test_client().get(f"/identity{number}/shop/jwks").get_json()["keys"]}
            for number, app in enumerate(apps)
        ]

        assert issuers == ["http://localhost/identity0/shop", "http://localhost/identity1/shop"]
        assert kids[0].isdisjoint(kids[1])


def test_two_apps_may_share_a_database_object():
    db = SQLAlchemy()

    for _ in range(2):
        app = host()
        db.init_app(app)
        HankoIdentity(app, db=db)


class Base(DeclarativeBase):
    """Base of a host with classes named as ours are."""


class User(Base):
    """The host's own."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class HostProject(Base):
    """The host's own, named as one of our tables would be without a prefix."""

    __tablename__ = "project"
    id: Mapped[int] = mapped_column(primary_key=True)


def test_the_host_may_have_classes_of_the_same_names(app_factory, database_url, clock):
    def prepare(app, db):
        with app.app_context():
            Base.metadata.create_all(db.engine)
            db.session.add(User(id=1, name="A customer"))
            db.session.commit()

    app = app_factory(prepare)
    make_tenant(app)
    sub = make_user(app)
    relying_party = connect(app)
    sign_in_browser(app, relying_party.browser, sub)

    assert relying_party.userinfo(relying_party.tokens()["access_token"]).get_json()["sub"] == sub
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        assert session.scalars(select(User.name)).all() == ["A customer"]
        assert session.scalars(select(Project.slug)).all() == ["shop"]


def test_a_host_table_may_point_to_ours():
    app = host()
    db = SQLAlchemy(app)
    HankoIdentity(app, db=db)
    db.Table(
        "review",
        db.Column("id", db.Integer, primary_key=True),
        db.Column("user_id", db.ForeignKey("hanko_user.id")),
    )

    with app.app_context():
        db.create_all()


def test_a_host_table_with_one_of_our_names_is_refused_by_name():
    app = host()
    db = SQLAlchemy(app)
    db.Table("hanko_user", db.Column("id", db.Integer, primary_key=True))

    with pytest.raises(ConfigurationError, match="hanko_user"):
        HankoIdentity(app, db=db)


def test_a_host_schema_is_for_the_hosts_tables_alone():
    app = host()
    db = SQLAlchemy(app, metadata=MetaData(schema="shop"))
    db.Table("author", db.Column("id", db.Integer, primary_key=True))
    HankoIdentity(app, db=db)
    db.Table("book", db.Column("author_id", db.ForeignKey("shop.author.id"), primary_key=True))

    names = [table.fullname for table in db.metadata.sorted_tables]

    assert "shop.author" in names and "shop.book" in names
    assert "hanko_user" in names and "hanko_identity_version" in names
    assert [name for name in names if name.startswith("shop.hanko")] == []


@pytest.mark.parametrize("when", ["before", "after", "never"])
def test_a_host_with_csrf_protect_keeps_it_and_we_keep_ours(app_factory, when):
    def prepare(app, db):
        if when == "before":
            CSRFProtect(app)
        app.add_url_rule("/order", "order", lambda: "Ordered.", methods=["POST"])

    app = app_factory(prepare)
    if when == "after":
        CSRFProtect(app)
    make_tenant(app)
    visitor = Visitor(app.test_client())

    signed_up = visitor.sign_up()
    relying_party = connect(app, browser=visitor.client)
    tokens = relying_party.tokens()

    assert signed_up.status_code == 200
    assert relying_party.userinfo(tokens["access_token"]).status_code == 200
    assert visitor.client.post("/order").status_code == (200 if when == "never" else 400)
    visitor.open("profile")
    assert visitor.submit("sign-out").status_code == 303
