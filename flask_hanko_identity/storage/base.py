"""Our own declarative base, mirrored into the host's metadata."""

from datetime import UTC
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy import Column
from sqlalchemy import DateTime
from sqlalchemy import ForeignKey
from sqlalchemy import Integer
from sqlalchemy import MetaData
from sqlalchemy import String
from sqlalchemy import Table
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from ..errors import ConfigurationError

VERSION_TABLE = "hanko_identity_version"

Id = BigInteger().with_variant(Integer, "sqlite")
"""Primary keys: 64 bits, and SQLite's own row id there."""


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, always UTC. SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Own registry: the host may also have a User, Project or Organization."""

    type_annotation_map = {datetime: UTCDateTime}  # noqa: RUF012 - SQLAlchemy reads it from the class


def foreign_key(owner: str, target: str, *, ondelete: str = "CASCADE") -> ForeignKey:
    """A foreign key with the name that our migrations give it: ``fk_<table>_<column>``.

    :param owner: ``table.column`` that holds it.
    :param target: ``table.column`` that it points to.
    """
    return ForeignKey(target, name="fk_" + owner.replace(".", "_"), ondelete=ondelete)


def mirror_tables(metadata: MetaData) -> None:
    """Copy our tables into the host's metadata, so that ``create_all`` and autogenerate see them.

    They stay in the database's default schema, whichever the host's metadata names for its own.

    :raises ConfigurationError: if the host has a table of its own with one of our names.
    """
    schema, metadata.schema = metadata.schema, None
    try:
        for table in Base.metadata.sorted_tables:
            present = metadata.tables.get(table.name)
            if present is None:
                _make_portable(table.to_metadata(metadata))
            elif _columns(present) != _columns(table):
                raise ConfigurationError(f"The host has its own table named {table.name}, which the extension needs.")
        if VERSION_TABLE not in metadata.tables:
            # Else the host's autogenerate would want to drop the table that counts our migrations.
            Table(VERSION_TABLE, metadata, Column("version_num", String(32), primary_key=True))
    finally:
        metadata.schema = schema


def _make_portable(table: Table) -> None:
    for column in table.columns:
        if isinstance(column.type, UTCDateTime):
            # What the host's autogenerate writes down must not need an import of ours.
            column.type = DateTime(timezone=True)
    for key in table.foreign_keys:
        key.column  # noqa: B018 - found now, while the default schema is the database's


def _columns(table: Any) -> list[str]:
    return sorted(column.name for column in table.columns)
