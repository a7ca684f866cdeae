"""Rows that a flow was given, read again and locked before they change; and forms that are sent twice."""

import re
from typing import Any
from typing import TypeVar

from sqlalchemy import and_
from sqlalchemy import inspect
from sqlalchemy import select
from sqlalchemy import true
from sqlalchemy.orm import InstrumentedAttribute

from ..errors import Conflict
from ..errors import InvalidInput
from ..errors import NotFound
from ..storage import Base
from ..text import gettext
from .context import Context

Row = TypeVar("Row", bound=Base)

_SUBMISSION = re.compile(r"[A-Za-z0-9_-]{1,64}")


class AlreadyDone(Conflict):
    """The form was sent a second time; the first time has done it."""

    def __init__(self, message: str, *, existing: str | None) -> None:
        super().__init__(message)
        self.existing = existing
        """Public id, slug, ``client_id`` or secret id of what was made; None where it may not be told."""


def row_id(row: Base) -> int:
    """Its primary key, also when the row itself is no longer loaded or no longer there."""
    identity = inspect(row).identity
    if identity is None:
        raise ValueError("The row was never stored.")
    return int(identity[0])


def lock(ctx: Context, row: Row) -> Row:
    """The row as it is now, locked until the end of the transaction.

    :raises NotFound: if it was deleted in the meantime.
    """
    found = ctx.session.get(type(row), row_id(row), with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(gettext("This is no longer there. Somebody may have deleted it."))
    return found


def check_submission(submission: Any) -> str | None:
    """The one-time id of a form, or None.

    :raises InvalidInput: if it does not look like one.
    """
    if submission is None:
        return None
    if not isinstance(submission, str) or not _SUBMISSION.fullmatch(submission):
        raise InvalidInput(gettext("This form cannot be used. Load the page again."))
    return submission


def refuse_second(
    ctx: Context,
    submission: str | None,
    column: InstrumentedAttribute[str | None],
    result: InstrumentedAttribute[Any],
    *where: Any,
) -> None:
    """Stop a form that was sent before.

    :param column: where the form's id is kept. It is unique, so that two at once cannot both pass.
    :param result: what to tell of the thing that the first one made.
    :param where: conditions under which the asker may be told.
    :raises AlreadyDone: if it was.
    """
    if submission is None:
        return
    row = ctx.session.execute(select(result, and_(true(), *where)).where(column == submission)).first()
    if row is None:
        return
    raise AlreadyDone(
        gettext("This form was sent before, and what it asks for is done."),
        existing=str(row[0]) if row[1] else None,
    )
