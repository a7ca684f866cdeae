"""What every flow is given: where it runs, for whom, and when."""

from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ..crypto import KeyRing
from ..protocol.claims import ClaimsHook
from ..protocol.host_accounts import HostPerson
from ..protocol.signing import KeyStore
from ..settings import Settings
from ..storage.snapshots import ProjectSnapshot
from ..storage.snapshots import Snapshots
from .counters import Counters
from .mail import Mailer
from .mail import NoMailer


@dataclass(frozen=True, slots=True)
class Origin:
    """Who acts, and from where."""

    actor: str
    """``user:<sub>``, ``client:<client_id>``, ``command-line`` or ``system``."""
    ip_address: str | None = None
    user_agent: str | None = None
    browser: str = ""
    """Value of the browser cookie; empty outside a browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One piece of work: the session it uses, the settings, the tenant, the actor and the time."""

    session: Session
    settings: Settings
    ring: KeyRing
    keys: KeyStore
    snapshots: Snapshots
    now: datetime
    """Taken once, so that all of a piece of work happens at one time."""
    origin: Origin
    sender: Any
    """The host application, which signals name as their sender."""
    tenant: ProjectSnapshot | None = None
    mailer: Mailer = field(default_factory=NoMailer)
    counters: Counters = field(default_factory=Counters)
    """Where rate limits are counted."""
    claims_hook: ClaimsHook | None = None
    """The host's own claims, if it gave a function for them."""
    person: HostPerson | None = None
    """Whom the host has signed in; asked in projects of type host only."""
    host_gaps: tuple[str, ...] = ()
    """What this app has yet to give us for projects of type host."""

    @property
    def project(self) -> ProjectSnapshot:
        """The tenant that this work is for."""
        if self.tenant is None:
            raise RuntimeError("This work needs a project.")
        return self.tenant
