"""The time, as a test wishes it."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta


class Clock:
    """Called, gives an aware UTC time that moves only when told to."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = _aware(now or datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self._now

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
        """Move on, or back with a negative amount; returns the new time."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self._now

    def set(self, now: datetime) -> None:
        """Jump to ``now``."""
        self._now = _aware(now)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("A clock needs an aware time.")
    return moment.astimezone(UTC)
