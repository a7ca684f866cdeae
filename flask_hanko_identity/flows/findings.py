"""What a check of the installation finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    message: str
    """What was found and, unless it is well, what to change."""


def ok(subject: str, message: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, message)


def warning(subject: str, message: str) -> Finding:
    """Worth mending; people can sign in meanwhile."""
    return Finding(Level.WARNING, subject, message)


def error(subject: str, message: str) -> Finding:
    """Unsafe, or something does not work."""
    return Finding(Level.ERROR, subject, message)
