"""The time, as one function that tests and hosts can replace."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime

Clock = Callable[[], datetime]
"""Returns the present as an aware datetime in UTC."""


def utcnow() -> datetime:
    """The present in UTC."""
    return datetime.now(UTC)
