"""Mails that tell somebody what was changed on their account, so that they notice what they did not do."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from ..storage import User
from .context import Context
from .mail import Mail
from .unit_of_work import Work

_users: Any = User.__table__


def send_notice(ctx: Context, work: Work, *, user_id: int, subject: str, sentences: Sequence[str]) -> None:
    """Write to the user's primary address, if it is verified; an address that is not may be a stranger's.

    :param subject: also the title of the mail.
    :param sentences: what happened, and what to do if it was somebody else.
    """
    if not ctx.mailer.is_on:
        return
    address = ctx.session.scalar(select(_users.c.email).where(_users.c.id == user_id, _users.c.email_verified))
    if address is None:
        return
    values = {
        "title": subject,
        "sentences": list(sentences),
        "when": ctx.now,
        "where": ctx.origin.ip_address or "",
    }
    work.mail(Mail(address, subject, "notice", values))
