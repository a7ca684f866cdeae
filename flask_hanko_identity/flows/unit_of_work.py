"""One flow, one transaction: its changes, its audit events, and its signals once they are committed."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from blinker import NamedSignal
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from ..errors import Conflict
from ..errors import IdentityError
from ..storage.engines import begin_write
from ..storage.journal import AuditEvent
from ..text import gettext
from .context import Context
from .mail import Mail

log = logging.getLogger("flask_hanko_identity")


class Work:
    """What a transaction leaves behind when it is committed."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._signals: list[tuple[NamedSignal, dict[str, Any]]] = []
        self._mails: list[Mail] = []
        self._stale = False

    def record(
        self,
        event: str,
        subject: str,
        *,
        project_id: int | None = None,
        organization_id: int | None = None,
        data: dict[str, Any] | None = None,
        actor: str | None = None,
    ) -> str:
        """Write an audit event in this transaction.

        :param event: what was done, such as ``client.secret_rotated``.
        :param subject: what it was done to: ``client:<client_id>``, ``user:<sub>``, ``project:<slug>``, …
        :param project_id: the tenant it belongs to; the context's unless given.
        :return: its reference number.
        """
        ctx = self._ctx
        reference = secrets.token_hex(6)
        if project_id is None and ctx.tenant is not None:
            project_id = ctx.tenant.id
        ctx.session.execute(
            insert(AuditEvent.__table__),  # type: ignore[arg-type]
            {
                "project_id": project_id,
                "organization_id": organization_id,
                "event": event,
                "actor": actor or ctx.origin.actor,
                "subject": subject,
                "reference": reference,
                "ip_address": ctx.origin.ip_address,
                "user_agent": (ctx.origin.user_agent or "")[:500] or None,
                "data": data or {},
                "created_at": ctx.now,
            },
        )
        return reference

    def mail(self, mail: Mail) -> None:
        """Send a mail after the commit."""
        self._mails.append(mail)

    def announce(self, signal: NamedSignal, **payload: Any) -> None:
        """Send a signal after the commit."""
        self._signals.append((signal, payload))

    def changes_settings(self) -> None:
        """Projects, keys or clients change: this process is to read them anew."""
        self._stale = True

    def committed(self) -> None:
        """Called once the changes are in the database."""
        if self._stale:
            self._ctx.snapshots.forget()
        for mail in self._mails:
            self._ctx.mailer.send(mail, project=self._ctx.project)
        for signal, payload in self._signals:
            for receiver in signal.receivers_for(self._ctx.sender):
                try:
                    receiver(self._ctx.sender, **payload)
                except Exception:
                    # What was done is done; a receiver of the host cannot make it look as if it was not.
                    log.exception("A receiver of the signal %s failed.", signal.name)


@contextmanager
def transaction(ctx: Context) -> Iterator[Work]:
    """Run the body in one transaction that may write.

    It is committed when the body ends, or raises a refusal whose ``keeps_changes`` is true, and rolled back when it
    raises anything else.

    :raises Conflict: if another worker removed what a new row was to point to (a client, say, that this one still
        remembers).
    """
    begin_write(ctx.session)
    work = Work(ctx)
    try:
        yield work
    except IdentityError as refusal:
        if not refusal.keeps_changes:
            ctx.session.rollback()
            raise
        ctx.session.commit()
        work.committed()
        raise
    except IntegrityError as error:
        ctx.session.rollback()
        if _misses_a_row(error):
            raise Conflict(
                gettext("Something that this needs was removed a moment ago. Go back and start again.")
            ) from error
        raise
    except BaseException:
        ctx.session.rollback()
        raise
    ctx.session.commit()
    work.committed()


def _misses_a_row(error: IntegrityError) -> bool:
    """Whether it is a foreign key that was violated, and not a rule of ours."""
    return getattr(error.orig, "sqlstate", None) == "23503" or "FOREIGN KEY" in str(error.orig)
