"""Our migrations, on both databases, alone and beside the host's own."""

import multiprocessing
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData
from sqlalchemy import create_engine
from sqlalchemy import inspect
from sqlalchemy import text

from flask_hanko_identity import ConfigurationError
from flask_hanko_identity.storage import Base
from flask_hanko_identity.storage import migrate
from flask_hanko_identity.storage.base import VERSION_TABLE
from flask_hanko_identity.storage.base import mirror_tables

OURS = {table.name for table in Base.metadata.sorted_tables}
CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    return request.getfixturevalue("postgresql_url")


@pytest.fixture
def empty(empty_url):
    engine = create_engine(empty_url)
    yield engine
    engine.dispose()


def differences(engine, *, ignore=frozenset()):
    """What Alembic would change in the database."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _parents: kind != "table" or name not in {VERSION_TABLE, *ignore},
            },
        )
        return compare_metadata(context, Base.metadata)


def downgrade(engine):
    config = Config()
    config.set_main_option("script_location", str(migrate.DIRECTORY))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")


def tables(engine):
    return set(inspect(engine).get_table_names())


def add_row(engine):
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO hanko_organization (public_id, name, created_at) VALUES ('acme', 'Acme', '2026-01-01')")
        )


def test_an_empty_database_gets_every_table(empty):
    migrate.upgrade(empty)

    assert tables(empty) == OURS | {VERSION_TABLE}
    assert migrate.current(empty) == migrate.head()


def test_the_migrations_make_what_the_models_say(empty):
    migrate.upgrade(empty)

    assert differences(empty) == []


def test_names_of_keys_and_indexes_are_those_of_the_models(empty, tmp_path):
    migrate.upgrade(empty)
    by_models = create_engine(f"sqlite:///{tmp_path / 'models.sqlite'}")
    Base.metadata.create_all(by_models)

    def names(engine):
        look = inspect(engine)
        found: set[Any] = set()
        for table in OURS:
            found |= {(table, "foreign key", each["name"]) for each in look.get_foreign_keys(table)}
            found |= {(table, "unique", each["name"]) for each in look.get_unique_constraints(table)}
            found |= {
                (table, "index", each["name"])
                for each in look.get_indexes(table)
                if "duplicates_constraint" not in each
            }
        return found

    assert names(empty) == names(by_models)
    by_models.dispose()


def test_running_again_changes_nothing(empty):
    migrate.upgrade(empty)
    add_row(empty)

    migrate.upgrade(empty)

    with empty.connect() as connection:
        assert connection.scalar(text("SELECT name FROM hanko_organization")) == "Acme"


def test_before_the_first_upgrade_there_is_no_revision(empty):
    assert migrate.current(empty) is None


def test_tables_of_create_all_are_taken_over_with_their_rows(empty):
    metadata = MetaData(naming_convention=CONVENTION)
    mirror_tables(metadata)
    metadata.create_all(empty)
    add_row(empty)

    migrate.upgrade(empty)

    assert migrate.current(empty) == migrate.head()
    assert differences(empty) == []
    with empty.connect() as connection:
        assert connection.scalar(text("SELECT name FROM hanko_organization")) == "Acme"


def test_tables_that_differ_are_not_taken_over(empty):
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE hanko_user (id INTEGER PRIMARY KEY, name TEXT)"))

    with pytest.raises(ConfigurationError, match="hanko_"):
        migrate.upgrade(empty)

    assert tables(empty) - {VERSION_TABLE} == {"hanko_user"}
    assert migrate.current(empty) is None


def test_a_downgrade_takes_everything_of_ours_and_nothing_else(empty):
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE book (id INTEGER PRIMARY KEY)"))
    migrate.upgrade(empty)

    downgrade(empty)

    assert tables(empty) == {"book", VERSION_TABLE}
    migrate.upgrade(empty)
    assert tables(empty) == OURS | {"book", VERSION_TABLE}


def _upgrade(url, start, errors):
    engine = create_engine(url)
    start.wait(20)
    try:
        migrate.upgrade(engine)
    except Exception as error:
        errors.put(repr(error))
    engine.dispose()


def test_workers_that_start_at_once_do_it_once(empty_url, empty):
    processes = multiprocessing.get_context("fork")
    start, errors = processes.Barrier(4), processes.Queue()
    workers = [processes.Process(target=_upgrade, args=(empty_url, start, errors)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    assert errors.empty(), errors.get()
    assert migrate.current(empty) == migrate.head()
