"""Our own migrations, with our own version table: the host's stay untouched."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy import Engine
from sqlalchemy import inspect

from ..errors import ConfigurationError
from .base import VERSION_TABLE
from .base import Base
from .engines import begin_immediate

DIRECTORY = Path(__file__).parent.parent / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring our tables to ``revision``. Several workers may call this at once: the first does it, the rest wait.

    Tables that the host's ``create_all`` made, and that are as this version wants them, are taken over as they are.

    :raises ConfigurationError: if there are such tables and they differ.
    """
    _run(engine, lambda config: _upgrade(config, revision))


def stamp(engine: Engine, revision: str = "head") -> None:
    """Note that our tables are at ``revision``, for a host whose own migration made them."""
    _run(engine, lambda config: command.stamp(config, revision))


def current(engine: Engine) -> str | None:
    """The revision that the database is at, or None before the first."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


def head() -> str:
    """The newest revision that this version of the package brings."""
    revision = ScriptDirectory(str(DIRECTORY)).get_current_head()
    if revision is None:
        raise RuntimeError("The package was installed without its migrations.")
    return revision


def _upgrade(config: Config, revision: str) -> None:
    connection: Connection = config.attributes["connection"]
    ours = {table.name for table in Base.metadata.sorted_tables}
    context = MigrationContext.configure(
        connection,
        opts={
            "version_table": VERSION_TABLE,
            "include_name": lambda name, kind, parents: kind != "table" or name in ours,
        },
    )
    present = ours & set(inspect(connection).get_table_names())
    if context.get_current_revision() is not None or not present:
        command.upgrade(config, revision)
    elif not compare_metadata(context, Base.metadata):
        command.stamp(config, "head")
    else:
        raise ConfigurationError(
            "The database has tables of ours that our migrations did not make, and they differ from what this version "
            "needs. Drop the tables whose names start with hanko_ if they are empty, and upgrade again."
        )


def _run(engine: Engine, action: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(DIRECTORY).replace("%", "%%"))
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # One at a time, whoever comes first; the lock ends with the transaction.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7219046113)")
        begin_immediate(connection)
        config.attributes["connection"] = connection
        action(config)
        connection.commit()
