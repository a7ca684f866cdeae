"""How many statements something costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from flask_hanko_identity.storage import snapshots

BOOKKEEPING = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SAVEPOINT", "RELEASE")


@dataclass
class StatementCount:
    """What ``count_statements`` saw, in order."""

    statements: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.statements)

    def __str__(self) -> str:
        return "\n".join(" ".join(statement.split()) for statement in self.statements)


@contextmanager
def count_statements(engine: Engine) -> Iterator[StatementCount]:
    """Collect the SQL sent through ``engine``, less transaction bookkeeping."""
    seen = StatementCount()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.lstrip().upper().startswith(BOOKKEEPING):
            seen.statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    lifetime = snapshots.LIFETIME
    # On a busy machine a second may pass in the middle, and what was at hand would be read anew.
    snapshots.LIFETIME = 3600
    try:
        yield seen
    finally:
        snapshots.LIFETIME = lifetime
        event.remove(engine, "before_cursor_execute", note)
