"""What we ask of the host's SQLite connections, and how a transaction that writes begins."""

import sqlite3
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection
from sqlalchemy import Engine
from sqlalchemy import event
from sqlalchemy.orm import Session

_WRITES = "hanko_identity_writes"
_TUNED = "hanko_identity_tuned"
_prepared: WeakSet[Engine] = WeakSet()


def prepare_engine(engine: Engine, *, tune_sqlite: bool) -> None:
    """Give every connection of a SQLite engine WAL, ``synchronous=FULL`` and foreign keys; a second call does nothing.

    A connection is tuned when it is next taken from the pool, so that those count which the host opened before us.
    """
    if engine.dialect.name != "sqlite" or not tune_sqlite or engine in _prepared:
        return
    _prepared.add(engine)
    event.listen(engine, "checkout", _tune)


def begin_write(session: Session) -> None:
    """Start a transaction that is going to write.

    One that the host has begun (to load its own user, say, or to note when it came) is committed first: its view may
    be old, and what it changed must not be lost should ours be rolled back.
    """
    if session.in_transaction():
        if is_writing(session):
            raise RuntimeError("A transaction was begun inside another.")
        session.commit()
    try:
        begin_immediate(session.connection(execution_options={_WRITES: True}))
    except BaseException:
        session.rollback()
        raise


def begin_immediate(connection: Connection) -> None:
    """Take SQLite's write lock now. Elsewhere nothing needs to be done.

    A transaction that reads first and writes later fails at once when another has written in between.
    """
    if connection.dialect.name != "sqlite":
        return
    if not connection.in_transaction():
        connection.begin()
    if getattr(connection.connection.dbapi_connection, "in_transaction", False):
        # The host emits its own BEGIN by an event, as SQLAlchemy's documentation shows for savepoints.
        connection.exec_driver_sql("COMMIT")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def is_writing(session: Session) -> bool:
    """Whether ``begin_write`` began the transaction that the session is in."""
    return session.in_transaction() and _WRITES in session.connection().get_execution_options()


def _tune(connection: Any, record: Any, proxy: Any) -> None:
    if _TUNED in record.info:
        return
    cursor = connection.cursor()
    try:
        # Refused while another process does the same to a new file; it is then done for us too.
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
    finally:
        cursor.close()
    record.info[_TUNED] = True
