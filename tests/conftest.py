"""Fixtures: clean databases, real servers, a browser, an app, and an ear on the logs."""

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from playwright.sync_api import Browser
from playwright.sync_api import BrowserContext
from playwright.sync_api import Page
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy import create_engine

from flask_hanko_identity import HankoIdentity
from tests import browser as chromium
from tests import databases
from tests import servers
from tests.authenticator import SoftwareAuthenticator
from tests.clock import Clock
from tests.logs import Canaries
from tests.mails import MailServer
from tests.mails import serve_mail

BASE_URL = "http://localhost/identity"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        servers.open_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        servers.close_run()


# Whatever a test does


@pytest.fixture(autouse=True)
def canaries() -> Iterator[Canaries]:
    """``canaries.add(secret)`` fails the test should the secret turn up in a log record."""
    canaries = Canaries()
    with canaries.watch():
        yield canaries
    if leaks := canaries.found():
        pytest.fail("\n".join(["Secrets were logged.", *leaks]), pytrace=False)


@pytest.fixture
def clock() -> Clock:
    """The time as the app under test sees it."""
    return Clock()


@pytest.fixture
def authenticator() -> SoftwareAuthenticator:
    """Passkeys without a browser, at the origin of ``BASE_URL``."""
    return SoftwareAuthenticator(origin="http://localhost")


# Databases


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.make_sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def migrated_postgresql() -> Iterator[databases.MigratedPostgresql]:
    with databases.migrated_postgresql() as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database without rows; each test runs once on either kind.

    For one kind only: ``@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)``.
    """
    if request.param == "sqlite":
        return databases.copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path)
    database: databases.MigratedPostgresql = request.getfixturevalue("migrated_postgresql")
    return database.clean()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A plain engine on ``database_url``, without an app."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """An empty PostgreSQL database of this test's own, not migrated."""
    name = f"empty_{databases.worker_number()}"
    yield servers.create_database(name)
    servers.drop_database(name)


@pytest.fixture
def redis_url() -> str:
    """An empty Redis database, one per worker."""
    url = servers.redis_url(databases.worker_number())
    with Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    """A mail server; ``app_factory(**smtp.config)`` makes a host that sends by it."""
    with serve_mail() as server:
        yield server


# The host


@pytest.fixture
def app_factory(database_url: str, clock: Clock, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Makes host apps on the test's database: ``app_factory(HANKO_IDENTITY_RP_NAME="Ours")``.

    ``prepare(app, db)`` runs before the extension is added, for a host with more to it.
    """
    apps: list[Flask] = []

    def make(prepare: Callable[[Flask, SQLAlchemy], None] | None = None, **config: Any) -> Flask:
        app = Flask("host", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
        app.config.update(
            TESTING=True,
            SECRET_KEY="a secret key for tests only",
            SQLALCHEMY_DATABASE_URI=database_url,
            HANKO_IDENTITY_BASE_URL=BASE_URL,
        )
        app.config.update(config)
        db = SQLAlchemy()
        db.init_app(app)
        apps.append(app)
        if prepare is not None:
            prepare(app, db)
        HankoIdentity(app, db=db, clock=clock)
        return app

    yield make
    for app in apps:
        dispose_engines(app)


@pytest.fixture
def app(app_factory: Callable[..., Flask]) -> Flask:
    """The plainest host."""
    return app_factory()


def dispose_engines(app: Flask) -> None:
    """Let go of the app's connections, so that the database can be cleaned."""
    with app.app_context():
        db: SQLAlchemy = app.extensions["sqlalchemy"]
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


# The browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium per worker."""
    with chromium.launch() as browser:
        yield browser


@pytest.fixture
def complaints() -> chromium.Complaints:
    """Script errors and CSP violations in this test's pages; what is left at the end fails the test."""
    return chromium.Complaints()


@pytest.fixture
def new_page(browser: Browser, complaints: chromium.Complaints) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser context of its own; options are Playwright's for ``new_context``."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        complaints.listen_to(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
    if complaints:
        pytest.fail("\n".join(["The page complained.", *complaints]), pytrace=False)
