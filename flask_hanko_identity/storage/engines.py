"""What we ask of the host's database connections, and how a transaction that writes begins."""

from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection
from sqlalchemy import Engine
from sqlalchemy import event
from sqlalchemy.orm import Session

_WRITES = "hanko_identity_writes"
_prepared: WeakSet[Engine] = WeakSet()


def prepare_engine(engine: Engine, *, tune_sqlite: bool) -> None:
    """Attach what our transactions need to an engine; a second call does nothing.

    SQLite only: our writers begin with ``BEGIN IMMEDIATE``, since a transaction that reads first and writes later
    fails at once when another has written in between. With ``tune_sqlite``, each new connection gets WAL,
    ``synchronous=FULL``, foreign keys and a busy timeout of five seconds.
    """
    if engine.dialect.name != "sqlite" or engine in _prepared:
        return
    _prepared.add(engine)
    event.listen(engine, "begin", _begin_immediate)
    if tune_sqlite:
        event.listen(engine, "connect", _tune)


def begin_write(session: Session) -> None:
    """Start a transaction that is going to write.

    A transaction in which the session has only read (the host loading its own user, say) is ended first, since its
    view may be old. One in which something waits to be written is joined.
    """
    if session.in_transaction():
        if is_writing(session):
            raise RuntimeError("A transaction was begun inside another.")
        if session.new or session.dirty or session.deleted:
            return
        session.commit()
    session.connection(execution_options={_WRITES: True})


def is_writing(session: Session) -> bool:
    """Whether ``begin_write`` began the transaction that the session is in."""
    return session.in_transaction() and _WRITES in session.connection().get_execution_options()


def _begin_immediate(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _tune(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA busy_timeout=5000")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
    finally:
        cursor.close()
