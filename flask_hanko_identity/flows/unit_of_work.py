"""One flow, one transaction: its changes, its audit events, and its signals once they are committed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from blinker import NamedSignal
from sqlalchemy import insert

from ..errors import IdentityError
from ..storage.engines import begin_write
from ..storage.journal import AuditEvent
from .context import Context
from .mail import Mail


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
            signal.send(self._ctx.sender, **payload)


@contextmanager
def transaction(ctx: Context) -> Iterator[Work]:
    """Run the body in one transaction that may write.

    It is committed when the body ends, or raises a refusal whose ``keeps_changes`` is true, and rolled back when it
    raises anything else.
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
    except BaseException:
        ctx.session.rollback()
        raise
    ctx.session.commit()
    work.committed()
