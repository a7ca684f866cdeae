"""Migrated databases, made once per worker and clean for each test."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import create_engine

from flask_hanko_identity.storage import migrate
from flask_hanko_identity.storage.base import VERSION_TABLE
from tests import servers


def worker_number() -> int:
    """Which of the workers this process is."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def migrate_to_head(url: str) -> None:
    """Run the package's migrations."""
    engine = create_engine(url)
    try:
        migrate.upgrade(engine)
    finally:
        engine.dispose()


def make_sqlite_template(directory: Path) -> Path:
    """A migrated SQLite file, to be copied."""
    template = directory / "template.sqlite"
    migrate_to_head(f"sqlite:///{template}")
    return template


def copy_sqlite(template: Path, directory: Path) -> str:
    """The URL of a copy of ``template`` in ``directory``."""
    return f"sqlite:///{shutil.copy(template, directory / 'database.sqlite')}"


@dataclass(frozen=True, slots=True)
class MigratedPostgresql:
    """This worker's migrated PostgreSQL database."""

    url: str
    connection: psycopg.Connection

    def clean(self) -> str:
        """Empty our tables and remove any others; gives the URL."""
        tables = self.connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        statements = [
            f'DELETE FROM "{table}"' if table.startswith("hanko_") else f'DROP TABLE "{table}" CASCADE'
            for (table,) in tables.fetchall()
            if table != VERSION_TABLE
        ]
        # The role keeps foreign keys from firing, so the order does not matter.
        script = ["SET LOCAL session_replication_role = replica", *statements]
        with self.connection.transaction():
            self.connection.execute(";".join(script).encode())
        return self.url


@contextmanager
def migrated_postgresql() -> Iterator[MigratedPostgresql]:
    """Make it; gone at the end."""
    name = f"migrated_{worker_number()}"
    url = servers.create_database(name)
    migrate_to_head(url)
    libpq_url = url.replace("+psycopg", "", 1)
    with psycopg.connect(libpq_url, autocommit=True, options="-c lock_timeout=10s") as connection:
        yield MigratedPostgresql(url, connection)
    servers.drop_database(name)
