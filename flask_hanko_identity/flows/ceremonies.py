"""One-time passkey ceremonies: a challenge is for one browser and one purpose, and may come back once."""

import re
import secrets
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import insert
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ..crypto import digest
from ..crypto import random_text
from ..errors import Conflict
from ..errors import IdentityError
from ..errors import NotFound
from ..errors import PageExpired
from ..errors import PasskeyRejected
from ..protocol.passkey_input import RelyingParty
from ..storage import Ceremony
from ..storage.engines import begin_write
from ..storage.passkeys import CeremonyKind
from ..storage.projects import ProjectType
from ..text import gettext
from .context import Context
from .unit_of_work import Work
from .unit_of_work import transaction

LIFETIME = timedelta(minutes=5)
TIMEOUT = int(LIFETIME.total_seconds() * 1000)
"""Milliseconds that a browser may take."""

_HANDLE = re.compile(r"[0-9A-Za-z]{1,64}")
_ceremonies: Any = Ceremony.__table__

_ADD = insert(_ceremonies)
_SPEND = (
    update(_ceremonies)
    .where(
        _ceremonies.c.handle == bindparam("b_handle"),
        _ceremonies.c.project_id == bindparam("b_project"),
        _ceremonies.c.kind == bindparam("b_kind"),
        _ceremonies.c.browser_digest == bindparam("b_browser"),
        _ceremonies.c.used_at.is_(None),
        _ceremonies.c.expires_at > bindparam("b_now"),
    )
    .values(used_at=bindparam("b_now"))
    .returning(_ceremonies.c.challenge, _ceremonies.c.user_id, _ceremonies.c.data)
)

MakeOptions = Callable[[RelyingParty, bytes], dict[str, Any]]
"""Takes who asks and the challenge; returns the options for the browser."""


@dataclass(frozen=True, slots=True)
class CeremonyOptions:
    """What a browser is given: the ceremony's handle, and the options for ``navigator.credentials``."""

    handle: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ClaimedCeremony:
    """A ceremony that this request, and no other, may finish."""

    challenge: bytes
    user_id: int | None
    data: dict[str, Any]


def relying_party(ctx: Context) -> RelyingParty:
    """Who authenticators are told is asking."""
    return RelyingParty(ctx.settings.rp_id, ctx.project.name or ctx.settings.rp_name, ctx.settings.origins)


def require_own_pages(ctx: Context) -> None:
    """A project whose host signs its people in has no pages of ours for that.

    :raises NotFound: if the project is one of those.
    """
    if ctx.project.type == ProjectType.HOST:
        raise NotFound(gettext("There is no sign-in page here. Start from the app that you want to use."))


def begin(
    ctx: Context,
    *,
    kind: CeremonyKind,
    options: MakeOptions,
    user_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> CeremonyOptions:
    """Make a challenge for the browser of this context (section 13.4.3: random, and kept by us)."""
    require_own_pages(ctx)
    challenge = secrets.token_bytes(32)
    handle = random_text(128)
    with transaction(ctx):
        ctx.session.execute(
            _ADD,
            {
                "project_id": ctx.project.id,
                "handle": handle,
                "kind": kind,
                "challenge": challenge,
                "browser_digest": _browser(ctx),
                "user_id": user_id,
                "data": data or {},
                "created_at": ctx.now,
                "expires_at": ctx.now + LIFETIME,
            },
        )
    return CeremonyOptions(handle=handle, options=options(relying_party(ctx), challenge))


@contextmanager
def attempt(ctx: Context, *, kind: CeremonyKind, handle: object) -> Iterator[tuple[Work, ClaimedCeremony]]:
    """Claim a ceremony and try to finish it in one transaction.

    Where the body refuses, all that it wrote is undone; the challenge stays used up, and the refusal is
    recorded.

    :raises PageExpired: if the ceremony was used, is too old, or is for another browser, project or purpose.
    """
    with transaction(ctx) as work:
        ceremony = _claim(ctx, kind, handle)
        try:
            yield work, ceremony
        except (IdentityError, IntegrityError) as refusal:
            ctx.session.rollback()
            begin_write(ctx.session)
            _spend(ctx, kind, handle)
            reason = refusal.reason if isinstance(refusal, PasskeyRejected) else type(refusal).__name__
            work.record("passkey.rejected", f"ceremony:{kind}", data={"reason": reason})
            ctx.session.commit()
            if isinstance(refusal, IntegrityError):
                raise Conflict(gettext("Somebody else did the same at this moment. Try again.")) from refusal
            raise


def _claim(ctx: Context, kind: CeremonyKind, handle: object) -> ClaimedCeremony:
    row = _spend(ctx, kind, handle)
    if row is None:
        raise PageExpired(gettext("That took too long, or was done already. Reload the page and try again."))
    return ClaimedCeremony(challenge=bytes(row.challenge), user_id=row.user_id, data=row.data)


def _spend(ctx: Context, kind: CeremonyKind, handle: object) -> Any:
    if not isinstance(handle, str) or not _HANDLE.fullmatch(handle):
        return None
    return ctx.session.execute(
        _SPEND,
        {
            "b_handle": handle,
            "b_project": ctx.project.id,
            "b_kind": kind,
            "b_browser": _browser(ctx),
            "b_now": ctx.now,
        },
    ).one_or_none()


def _browser(ctx: Context) -> bytes:
    if not ctx.origin.browser:
        raise PageExpired(gettext("Your browser sent no cookie. Allow cookies for this site and reload the page."))
    return digest(ctx.origin.browser)
