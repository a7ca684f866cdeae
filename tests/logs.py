"""No secret in any log at any level."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from tests.authenticator import to_base64url

OTHER_PARTIES = ("aiosmtpd", "asyncio", "httpcore", "httpx", "mail", "playwright", "urllib3")
"""Loggers of the tests' own clients, which do see tokens."""


class Canaries:
    """Secrets that must not come up in a log."""

    def __init__(self) -> None:
        self._spellings: dict[str, str] = {}
        self._lines: list[str] = []

    def add(self, secret: str | bytes) -> None:
        """Watch for ``secret``, in the lines already written too."""
        if len(secret) < 6:
            raise ValueError("So short a secret would be found by chance.")
        if isinstance(secret, bytes):
            spellings = {to_base64url(secret), secret.hex(), repr(secret)[2:-1]}
        else:
            spellings = {secret, quote(secret, safe="")}
        self._spellings.update(dict.fromkeys(spellings, repr(secret)))

    def found(self) -> list[str]:
        """A line per leak: the secret and where it was written."""
        return [
            f"{secret} in {line}"
            for line in self._lines
            for spelling, secret in self._spellings.items()
            if spelling in line
        ]

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Read along with every logger, at the level it sets itself or else at DEBUG."""
        root, original = logging.getLogger(), logging.Logger.handle
        level = root.level

        def read_along(logger: logging.Logger, record: logging.LogRecord) -> None:
            self._read(record)
            original(logger, record)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(logging.Logger, "handle", read_along)
            root.setLevel(logging.DEBUG)
            try:
                yield
            finally:
                root.setLevel(level)

    def _read(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] in OTHER_PARTIES:
            return
        # Now rather than at the end, so as not to keep what the arguments refer to alive.
        extras = {name: value for name, value in vars(record).items() if name not in _USUAL}
        self._lines.append(f"{record.name}: {_FORMATTER.format(record)} {extras or ''}")


_FORMATTER = logging.Formatter("%(levelname)s %(message)s")
_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime"}
