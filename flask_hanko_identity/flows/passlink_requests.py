"""Asking for a link by mail: to sign in, to sign up, or to verify an address.

The browser that asked is given a handle, and the address a mail with a link and a code. The answer, the work and the
shape of what follows are the same whether or not anybody has the address (row E16 of the threats): it is the mail that
tells its reader.
"""

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import insert
from sqlalchemy import select

from ..crypto import digest
from ..crypto import random_text
from ..errors import Forbidden
from ..errors import NotFound
from ..errors import PageExpired
from ..errors import TooManyRequests
from ..protocol.assurance import PASSLINK
from ..protocol.assurance import satisfies
from ..protocol.names import clean_email
from ..storage import EmailAddress
from ..storage import Passlink
from ..storage import User
from ..storage.passlinks import PasslinkPurpose
from ..storage.users import UserState
from ..text import gettext
from . import rate_limits
from .authorize import PendingRequest
from .ceremonies import require_own_pages
from .context import Context
from .mail import Mail
from .passlinks import MOST_TRIES
from .passlinks import SIGN_IN_LIFETIME
from .signup import is_open
from .unit_of_work import transaction

_HANDLE = re.compile(r"[0-9A-Za-z]{1,64}")
_addresses: Any = EmailAddress.__table__
_links: Any = Passlink.__table__
_users: Any = User.__table__

_ADD = insert(_links)
_HOLDER = (
    select(_users.c.id, _users.c.sub, _users.c.state)
    .join(_addresses, _addresses.c.user_id == _users.c.id)
    .where(_addresses.c.project_id == bindparam("b_project"), _addresses.c.held_as == bindparam("b_address"))
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A link that was asked for in this browser, as its page shows it."""

    handle: str
    email: str
    purpose: PasslinkPurpose
    data: dict[str, Any] = field(repr=False)
    """What was waiting: ``request`` and ``next``, as :func:`ask` was given them."""


@dataclass(frozen=True, slots=True)
class _Holder:
    user_id: int
    sub: str
    is_active: bool


def is_offered(ctx: Context, pending: PendingRequest | None) -> bool:
    """Whether people may sign in by mail here: the project and the host let them, and it is enough for the app."""
    if not ctx.project.sign_in.get("passlinks", True) or not ctx.mailer.is_on:
        return False
    return pending is None or satisfies(PASSLINK, pending.acr_values)


def ask(ctx: Context, *, email: object, pending: PendingRequest | None = None, page: str | None = None) -> str:
    """Send somebody a mail with which they sign in, or sign up.

    :param email: as it was typed.
    :param pending: the authorization request that is waiting.
    :param page: key of the page of the profile that is waiting.
    :return: the handle by which this browser shows the page for the code.
    :raises InvalidInput: if that is no e-mail address.
    :raises Forbidden: if people cannot sign in by mail here, or the app asks for more.
    :raises TooManyRequests: if it was asked too often, saying when to try again.
    """
    require_own_pages(ctx)
    if not is_offered(ctx, pending):
        raise Forbidden(gettext("You cannot sign in by e-mail here. Use a passkey."))
    address = clean_email(email, "email")
    _require_browser(ctx)
    rate_limits.spend(ctx, rate_limits.PASSLINKS, account=address)
    data = {"request": None if pending is None else pending.handle, "next": page}
    return _send(ctx, address, data)


def create_verification(ctx: Context, *, user_id: int, address: str) -> str:
    """Send a mail with which a user of the project shows that one of their addresses is theirs.

    :return: the handle by which this browser shows the page for the code.
    :raises NotFound: if the user has no such address.
    :raises Forbidden: if no mails are sent here.
    :raises TooManyRequests: if it was asked too often, saying when to try again.
    """
    require_own_pages(ctx)
    if not ctx.mailer.is_on:
        raise Forbidden(gettext("No mails are sent here."))
    _require_browser(ctx)
    owner = ctx.session.execute(
        select(_users.c.sub)
        .join(_addresses, _addresses.c.user_id == _users.c.id)
        .where(
            _addresses.c.project_id == ctx.project.id,
            _addresses.c.user_id == user_id,
            _addresses.c.address == address,
        )
    ).scalar()
    if owner is None:
        raise NotFound(gettext("This address is not one of yours."))
    rate_limits.spend(ctx, rate_limits.PASSLINKS, account=address)
    link = _NewLink()
    with transaction(ctx) as work:
        _add(ctx, link, PasslinkPurpose.VERIFY, address, user_id=user_id, data={"request": None, "next": "emails"})
        work.record("passlink.requested", f"user:{owner}", data={"purpose": PasslinkPurpose.VERIFY})
        subject = gettext("Is this your address?")
        work.mail(Mail(address, subject, "verify", link.values(ctx, address)))
    return link.handle


def verify_newcomer(ctx: Context, *, user_id: int) -> None:
    """Let somebody who signed up with a passkey verify their address; until then it is no way back in.

    Nothing happens where no mail can be sent.
    """
    if not ctx.mailer.is_on:
        return
    address = ctx.session.scalar(select(_users.c.email).where(_users.c.id == user_id, ~_users.c.email_verified))
    if address is not None:
        with suppress(TooManyRequests):
            create_verification(ctx, user_id=user_id, address=address)


def find_asked(ctx: Context, handle: str | None) -> Asked:
    """What was asked for in this browser, while its code can still be typed.

    :raises PageExpired: if there is no such thing, or no longer.
    """
    row = None
    if handle and _HANDLE.fullmatch(handle) and ctx.origin.browser:
        row = ctx.session.execute(
            select(_links.c.handle, _links.c.email, _links.c.purpose, _links.c.data).where(
                _links.c.handle == handle,
                _links.c.project_id == ctx.project.id,
                _links.c.browser_digest == digest(ctx.origin.browser),
                _links.c.used_at.is_(None),
                _links.c.expires_at > ctx.now,
                _links.c.attempts < MOST_TRIES,
            )
        ).one_or_none()
    if row is None:
        raise code_expired()
    return Asked(row.handle, row.email, PasslinkPurpose(row.purpose), row.data)


def find_holder(ctx: Context, address: str) -> _Holder | None:
    """The user who holds an address in the project."""
    row = ctx.session.execute(_HOLDER, {"b_project": ctx.project.id, "b_address": address.lower()}).one_or_none()
    return None if row is None else _Holder(row.id, row.sub, row.state == UserState.ACTIVE)


def code_expired() -> PageExpired:
    """The one answer to a code that cannot be typed any more."""
    return PageExpired(
        gettext(
            "There is nothing to type a code for: it was used already, is too old, was typed wrong too often, or was "
            "asked for in another browser. Ask for a new mail."
        )
    )


def code_mac_parts(handle: str, code: str) -> tuple[str, str, str]:
    """What the keyed digest of a code is made of: six digits alone could be guessed from what is stored."""
    return "passlink code", handle, code


@dataclass(frozen=True, slots=True)
class _NewLink:
    handle: str = field(default_factory=lambda: random_text(128))
    secret: str = field(default_factory=random_text, repr=False)
    code: str = field(default_factory=lambda: f"{secrets.randbelow(1_000_000):06d}", repr=False)

    def values(self, ctx: Context, address: str) -> dict[str, Any]:
        """What the mail's templates are given."""
        return {
            "email": address,
            "link": f"{ctx.project.issuer}/link/{self.secret}",
            "code": f"{self.code[:3]} {self.code[3:]}",
            "minutes": int(SIGN_IN_LIFETIME.total_seconds() // 60),
            "where": ctx.origin.ip_address or "",
        }


def _send(ctx: Context, address: str, data: dict[str, Any]) -> str:
    link = _NewLink()
    with transaction(ctx) as work:
        holder = find_holder(ctx, address)
        project = ctx.project.name
        if holder is not None and holder.is_active:
            purpose, user_id, subject = PasslinkPurpose.SIGN_IN, holder.user_id, f"user:{holder.sub}"
            mail = Mail(
                address, gettext("Sign in to %(project)s", project=project), "sign_in", link.values(ctx, address)
            )
        elif holder is None and is_open(ctx):
            purpose, user_id, subject = PasslinkPurpose.SIGN_UP, None, f"project:{ctx.project.slug}"
            mail = Mail(
                address, gettext("Sign up for %(project)s", project=project), "sign_up", link.values(ctx, address)
            )
        else:
            # A decoy: nobody is ever told its secrets, and it belongs to nobody.
            purpose, user_id, subject = PasslinkPurpose.SIGN_IN, None, f"project:{ctx.project.slug}"
            mail = Mail(
                address,
                gettext("There is no account for you at %(project)s", project=project),
                "no_account",
                {"email": address, "where": ctx.origin.ip_address or ""},
            )
        is_decoy = mail.template == "no_account"
        _add(ctx, link, purpose, address, user_id=user_id, data=data, code=random_text() if is_decoy else None)
        work.record("passlink.requested", subject, data={"purpose": purpose, "template": mail.template})
        work.mail(mail)
    return link.handle


def _add(
    ctx: Context,
    link: _NewLink,
    purpose: PasslinkPurpose,
    address: str,
    *,
    user_id: int | None,
    data: dict[str, Any],
    code: str | None = None,
) -> None:
    ctx.session.execute(
        _ADD,
        {
            "project_id": ctx.project.id,
            "digest": digest(link.secret),
            "purpose": purpose,
            "user_id": user_id,
            "email": address,
            "handle": link.handle,
            "browser_digest": digest(ctx.origin.browser),
            "code_digest": ctx.ring.mac(*code_mac_parts(link.handle, code or link.code)),
            "attempts": 0,
            "data": data,
            "created_at": ctx.now,
            "expires_at": ctx.now + SIGN_IN_LIFETIME,
        },
    )


def _require_browser(ctx: Context) -> None:
    if not ctx.origin.browser:
        raise PageExpired(gettext("Your browser sent no cookie. Allow cookies for this site and reload the page."))
