"""Mails as flows ask for them. ``web.mail`` renders and sends them, once the transaction is committed."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Protocol

from ..storage.snapshots import ProjectSnapshot


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one person in the brand of a project."""

    to: str
    subject: str
    template: str
    """Stem of two templates below ``mails``: ``<stem>.html`` and ``<stem>.txt``."""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the templates are given. Links and codes are in here, so it is never logged."""


class Mailer(Protocol):
    """Takes mails away. Must return at once, whether or not the address exists."""

    @property
    def is_on(self) -> bool:
        """Whether mails reach people: there is a server, or the outbox of debug mode."""
        ...

    def send(self, mail: Mail, *, project: ProjectSnapshot) -> None:
        """Send it, now or in a moment. Failures are logged, never raised."""
        ...


class NoMailer:
    """For work where nobody is told anything, such as commands of a host without mail."""

    is_on = False

    def send(self, mail: Mail, *, project: ProjectSnapshot) -> None:
        """Nothing is sent."""
