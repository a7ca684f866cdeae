"""One-time links: they sign somebody in, or invite somebody to the console.

One that an admin made is bound to its secret and to nothing else, since it may be opened on another device than the
one that it was read on. One that somebody asked for in a browser (``passlink_requests``) works in that browser only.
Opening a link changes nothing; only the button on its page does (``passlink_uses``).
"""

from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update

from ..crypto import digest
from ..crypto import random_text
from ..errors import NotFound
from ..errors import PageExpired
from ..protocol.names import clean_email
from ..protocol.passkeys import Assurance
from ..storage import Passlink
from ..storage import User
from ..storage.passlinks import PasslinkPurpose
from ..storage.projects import CONSOLE_SLUG
from ..text import gettext
from .ceremonies import require_own_pages
from .context import Context
from .unit_of_work import Work
from .unit_of_work import transaction

SIGN_IN_LIFETIME = timedelta(minutes=10)
INVITATION_LIFETIME = timedelta(days=7)
ENROL_LIFETIME = timedelta(hours=1)

# RFC 8176, section 2: whoever opened the link had a secret that works once.
BY_LINK = Assurance("1", ("otp",))

MOST_TRIES = 5
"""Times that a code may be typed."""

LONGEST_SECRET = 100
_links: Any = Passlink.__table__


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that still works."""

    id: int
    purpose: PasslinkPurpose
    email: str | None
    """Whom it signs in, or whom it invites; None for an invitation that anybody may use."""
    expires_at: datetime
    elsewhere: bool
    """Whether another browser asked for it: it works only there, or by its code."""


def create_sign_in_link(ctx: Context, *, user: User) -> str:
    """A link that signs this user of the project in, once, within ten minutes.

    :return: its address, the only place where its secret is.
    """
    return _create(
        ctx,
        PasslinkPurpose.SIGN_IN,
        lifetime=SIGN_IN_LIFETIME,
        subject=f"user:{user.sub}",
        user_id=user.id,
        email=user.email,
    )


def create_enrol_link(ctx: Context, *, user: User) -> str:
    """A link with which this user adds a passkey, once, within an hour; their sessions end when it is used.

    :return: its address, the only place where its secret is.
    """
    return _create(
        ctx,
        PasslinkPurpose.ENROL,
        lifetime=ENROL_LIFETIME,
        subject=f"user:{user.sub}",
        user_id=user.id,
        email=user.email,
    )


def create_invitation(ctx: Context, *, email: str | None) -> str:
    """A link with which somebody makes a console account, once, within seven days.

    Where an account holds the address already, the link adds a passkey to that account instead: the way back
    for somebody who lost every one.

    :param email: the address of the account, which cannot be changed on the page; None to let them enter it.
    :return: the link's address, the only place where its secret is.
    :raises InvalidInput: if that is no e-mail address.
    :raises NotFound: if the project is not the console's.
    """
    if ctx.project.slug != CONSOLE_SLUG:
        raise NotFound(gettext("Only the console has invitations."))
    address = None if email is None else clean_email(email, "email")
    return _create(
        ctx,
        PasslinkPurpose.INVITATION,
        lifetime=INVITATION_LIFETIME,
        subject=f"project:{ctx.project.slug}",
        email=address,
    )


def look_up(ctx: Context, secret: str) -> OpenLink | None:
    """The link with this secret, if it still works. Nothing changes."""
    if not 0 < len(secret) <= LONGEST_SECRET:
        return None
    row = ctx.session.execute(
        select(_links.c.id, _links.c.purpose, _links.c.email, _links.c.expires_at, _links.c.browser_digest).where(
            *works(ctx, secret)
        )
    ).one_or_none()
    if row is None:
        return None
    elsewhere = row.browser_digest is not None and bytes(row.browser_digest) != digest(ctx.origin.browser)
    return OpenLink(row.id, PasslinkPurpose(row.purpose), row.email, row.expires_at, elsewhere)


def spend_invitation(ctx: Context, work: Work, *, link_id: int) -> None:
    """Use an invitation up, in the transaction of the sign-up that it allowed.

    :raises PageExpired: if it was used in the meantime, or is too old.
    """
    spent = ctx.session.execute(
        update(_links)
        .where(
            _links.c.id == link_id,
            _links.c.project_id == ctx.project.id,
            _links.c.purpose == PasslinkPurpose.INVITATION,
            _links.c.used_at.is_(None),
            _links.c.expires_at > ctx.now,
        )
        .values(used_at=ctx.now)
    )
    if spent.rowcount != 1:  # type: ignore[attr-defined]
        raise link_expired()
    work.record("passlink.used", f"project:{ctx.project.slug}", data={"purpose": PasslinkPurpose.INVITATION})


def link_expired() -> PageExpired:
    """The one answer to a link that does not work, whatever the cause."""
    return PageExpired(gettext("This link does not work. It was used already, or is too old. Ask for a new one."))


def _create(
    ctx: Context,
    purpose: PasslinkPurpose,
    *,
    lifetime: timedelta,
    subject: str,
    email: str | None,
    user_id: int | None = None,
) -> str:
    require_own_pages(ctx)
    secret = random_text()
    with transaction(ctx) as work:
        ctx.session.execute(
            insert(_links),
            {
                "project_id": ctx.project.id,
                "digest": digest(secret),
                "purpose": purpose,
                "user_id": user_id,
                "email": email,
                "data": {},
                "created_at": ctx.now,
                "expires_at": ctx.now + lifetime,
            },
        )
        work.record("passlink.created", subject, data={"purpose": purpose, "email": email})
    return f"{ctx.project.issuer}/link/{secret}"


def works(ctx: Context, secret: str) -> tuple[Any, ...]:
    """The conditions under which a link of this secret, at most ``LONGEST_SECRET`` long, still works."""
    return (
        _links.c.digest == digest(secret),
        _links.c.project_id == ctx.project.id,
        _links.c.used_at.is_(None),
        _links.c.expires_at > ctx.now,
        # After too many wrong codes the link beside them is dead too.
        _links.c.attempts < MOST_TRIES,
    )
