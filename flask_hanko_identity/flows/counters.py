"""Where one host app counts for its rate limits; ``rate_limits`` says what is counted."""

from collections import OrderedDict
from threading import Lock

from limits.errors import ConfigurationError as LimitsError
from limits.storage import Storage
from limits.storage import storage_from_string

from ..errors import ConfigurationError
from ..settings import PREFIX

OFF = "none"
STEP = 10
"""What is counted by samples is written down in steps of this size."""

_MOST_KEYS = 10_000
_PATIENCE = 1.0
"""Seconds that Redis may take."""


class Counters:
    """The counters of one host app in this process.

    :param shared: a Redis; None for the host's database.
    :param off: nothing is counted at all.
    """

    def __init__(self, shared: Storage | None = None, *, off: bool = False) -> None:
        self.shared = shared
        self.off = off
        self._pending: OrderedDict[str, int] = OrderedDict()
        self._used_up: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def sample(self, key: str) -> int:
        """Count one here, and tell how many are to be written down now: none, or a whole step.

        So nine of ten cost no statement; what all processes miss together is less than a step for each of them.
        """
        with self._lock:
            pending = self._pending.pop(key, 0) + 1
            if pending >= STEP:
                return STEP
            self._pending[key] = pending
            if len(self._pending) > _MOST_KEYS:
                self._pending.popitem(last=False)
            return 0

    def note_used_up(self, key: str, *, until: float) -> None:
        """Remember until when (in seconds since 1970) a key has nothing left."""
        with self._lock:
            self._used_up[key] = until
            if len(self._used_up) > _MOST_KEYS:
                self._used_up.popitem(last=False)

    def used_up_until(self, key: str, *, now: float) -> float | None:
        """Until when a key has nothing left, if that is known here."""
        until = self._used_up.get(key)
        return until if until is not None and until > now else None


def make_counters(url: str) -> Counters:
    """Counters as ``HANKO_IDENTITY_RATE_LIMIT_URL`` asks for them. Redis is not connected to yet.

    :raises ConfigurationError: if the URL cannot be used.
    """
    if not url or url == OFF:
        return Counters(off=url == OFF)
    if not url.startswith(("redis://", "rediss://", "redis+unix://")):
        raise ConfigurationError(f"{PREFIX}RATE_LIMIT_URL must be a Redis URL such as redis://localhost:6379/0.")
    try:
        storage = storage_from_string(
            url, wrap_exceptions=True, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE
        )
    except (LimitsError, ValueError) as error:
        raise ConfigurationError(
            f"{PREFIX}RATE_LIMIT_URL cannot be used ({type(error).__name__}). Is the package redis installed?"
        ) from error
    if not isinstance(storage, Storage):
        raise ConfigurationError(f"{PREFIX}RATE_LIMIT_URL must name a Redis without async.")
    return Counters(storage)
