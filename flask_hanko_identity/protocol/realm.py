"""What the protocol needs to know of where it runs. ``flows.context.Context`` is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from ..crypto import KeyRing
from ..settings import Settings
from ..storage.snapshots import ProjectSnapshot
from ..storage.snapshots import Snapshots
from .claims import ClaimsHook
from .signing import KeyStore


class Realm(Protocol):
    """One tenant at one moment."""

    @property
    def session(self) -> Session: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def ring(self) -> KeyRing: ...
    @property
    def keys(self) -> KeyStore: ...
    @property
    def snapshots(self) -> Snapshots: ...
    @property
    def project(self) -> ProjectSnapshot: ...
    @property
    def now(self) -> datetime: ...
    @property
    def claims_hook(self) -> ClaimsHook | None: ...


@dataclass(frozen=True, slots=True)
class MachineRequest:
    """A form that a program posted: its header fields that matter, and each parameter once.

    :raises: nothing; ``protocol.parameters.read_once`` refuses what repeats itself before this is made.
    """

    form: Mapping[str, str]
    authorization: str | None = None
    """The ``Authorization`` header."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a program is answered: a status and a JSON object, or nothing."""

    status: int
    body: Mapping[str, object] | None
