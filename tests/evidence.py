"""What a test can see from outside: all that is stored, and what happens when many ask at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from typing import TypeVar

from flask import Flask
from sqlalchemy import select

from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import Base

T = TypeVar("T")

Contents = dict[str, list[tuple[Any, ...]]]


def contents(app: Flask) -> Contents:
    """Every row of every table of ours, in a stable order."""
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def dump(app: Flask) -> bytes:
    """All that is stored, as text and as raw bytes, to look for what should not be there."""
    found = contents(app)
    raw = [value for rows in found.values() for row in rows for value in row if isinstance(value, bytes | memoryview)]
    return b"\n".join([repr(found).encode(), *(bytes(value) for value in raw)])


def events(app: Flask) -> list[str]:
    """What the journal says was done, in order."""
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        return list(session.scalars(select(AuditEvent.event).order_by(AuditEvent.id)))


def in_parallel(work: Callable[[int], T], *, times: int) -> list[T]:
    """Run ``work`` in threads that start together; each makes its own requests, as a worker would."""
    start = Barrier(times)

    def run(number: int) -> T:
        start.wait(10)
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))
