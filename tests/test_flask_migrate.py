"""A host with Flask-Migrate: its autogenerate has nothing of ours to do, and never drops what is ours."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import flask_migrate
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column
from sqlalchemy import Integer
from sqlalchemy import MetaData
from sqlalchemy import String

from flask_hanko_identity import HankoIdentity
from flask_hanko_identity.storage import migrate
from tests.test_migrations import CONVENTION
from tests.test_migrations import differences
from tests.test_migrations import empty_url

__all__ = ["empty_url"]

# Flask-Migrate's template tries Flask-SQLAlchemy's old name first.
pytestmark = pytest.mark.filterwarnings("ignore:'get_engine' is deprecated:DeprecationWarning")


@contextmanager
def loggers_kept() -> Iterator[None]:
    """Flask-Migrate's template sets up the logging of the whole process; afterwards it is as it was."""
    root = logging.getLogger()
    every = [root, *(logging.getLogger(name) for name in root.manager.loggerDict)]
    kept = [(logger, logger.level, logger.disabled) for logger in every]
    handlers = root.handlers[:]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for logger, level, disabled in kept:
            logger.setLevel(level)
            logger.disabled = disabled


@pytest.fixture(params=[None, CONVENTION], ids=["plain", "naming convention"])
def db(request, empty_url, tmp_path):
    """The host's, within its app's context, with a ``migrations`` folder that is still without revisions."""
    db = SQLAlchemy(metadata=MetaData(naming_convention=request.param) if request.param else None)
    app = Flask("host", root_path=str(tmp_path))
    app.config.update(
        TESTING=True,
        SECRET_KEY="a secret key for tests only",
        SQLALCHEMY_DATABASE_URI=empty_url,
        HANKO_IDENTITY_BASE_URL="http://localhost/identity",
    )
    db.Table("book", Column("id", Integer, primary_key=True), Column("title", String(100), unique=True, index=True))
    db.init_app(app)
    flask_migrate.Migrate(app, db, directory=str(tmp_path / "migrations"))
    HankoIdentity(app, db=db)
    with app.app_context(), loggers_kept():
        flask_migrate.init()
        yield db
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def revise(tmp_path):
    """``flask db migrate``; gives the text of the new revision, or None if there is nothing to do."""
    versions = tmp_path / "migrations" / "versions"

    def revise():
        before = set(versions.glob("*.py"))
        flask_migrate.migrate()
        made = set(versions.glob("*.py")) - before
        return made.pop().read_text() if made else None

    return revise


def test_the_host_makes_its_own_tables_and_none_of_ours(db, revise):
    migrate.upgrade(db.engine)

    first = revise()
    flask_migrate.upgrade()

    assert "book" in first
    assert "hanko" not in first
    assert revise() is None


def test_the_host_may_make_our_tables_before_we_do(db, revise):
    first = revise()
    flask_migrate.upgrade()
    migrate.upgrade(db.engine)

    assert "hanko_user" in first
    assert revise() is None
    assert differences(db.engine, ignore={"book", "alembic_version"}) == []
    assert migrate.current(db.engine) == migrate.head()
