"""Using a link, or the code that came with it: once, and only where it was asked for."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ..crypto import digest
from ..errors import Conflict
from ..errors import Forbidden
from ..errors import IdentityError
from ..errors import InvalidInput
from ..storage import Passlink
from ..storage import User
from ..storage.passlinks import PasslinkPurpose
from ..text import gettext
from ..text import ngettext
from . import rate_limits
from .ceremonies import require_own_pages
from .context import Context
from .emails import verify_address
from .login_sessions import NewSession
from .login_sessions import open_session
from .new_users import add_user
from .passlink_requests import code_expired
from .passlink_requests import code_mac_parts
from .passlink_requests import find_asked
from .passlink_requests import find_holder
from .passlinks import BY_LINK
from .passlinks import LONGEST_SECRET
from .passlinks import MOST_TRIES
from .passlinks import link_expired
from .passlinks import works
from .signup import is_open
from .unit_of_work import Work
from .unit_of_work import transaction

_links: Any = Passlink.__table__
_users: Any = User.__table__

_USABLE = (PasslinkPurpose.SIGN_IN, PasslinkPurpose.SIGN_UP, PasslinkPurpose.VERIFY)
_OWNER = select(_users.c.sub).where(_users.c.id == _links.c.user_id).scalar_subquery()
_FOUND = (
    _links.c.purpose,
    _links.c.user_id,
    _links.c.email,
    _links.c.handle,
    _links.c.data,
    _OWNER.label("sub"),
)


class WrongCode(IdentityError):
    """That was not the code. The try is counted."""

    status_code = 422
    keeps_changes = True

    def __init__(self, message: str, *, left: int) -> None:
        super().__init__(message, field="code")
        self.left = left
        """How often it can still be tried."""


@dataclass(frozen=True, slots=True)
class Used:
    """What using a link or a code led to."""

    purpose: PasslinkPurpose
    opened: NewSession | None
    """The new login session; None where an address was verified."""
    request: str | None
    """Handle of the authorization request that is waiting."""
    page: str | None
    """Key of the page of the profile that is waiting."""


def use_link(ctx: Context, secret: str, *, current_token: str | None) -> Used:
    """Do what a link is for; it is spent.

    :param current_token: value of the login cookie; that session ends if a new one is opened.
    :raises PageExpired: if the link was used, is too old, never was one, or was asked for in another browser.
    :raises Forbidden: if the user is not active, or nobody may sign up any more.
    :raises Conflict: if somebody else holds the address now.
    """
    require_own_pages(ctx)
    if not 0 < len(secret) <= LONGEST_SECRET:
        raise link_expired()
    with _calmly(), transaction(ctx) as work:
        link = ctx.session.execute(
            update(_links)
            .where(
                *works(ctx, secret),
                _links.c.purpose.in_(_USABLE),
                or_(_links.c.browser_digest.is_(None), _links.c.browser_digest == digest(ctx.origin.browser)),
            )
            .values(used_at=ctx.now)
            .returning(*_FOUND)
        ).one_or_none()
        if link is None:
            raise link_expired()
        used = _finish(ctx, work, link, current_token)
    return used


def use_code(ctx: Context, handle: str | None, *, code: str, current_token: str | None) -> Used:
    """Do what a link is for by the code beside it, in the browser that asked.

    :param handle: what :func:`~.passlink_requests.ask` gave.
    :param code: as it was typed.
    :raises InvalidInput: if it is not six digits.
    :raises WrongCode: if it is not the code, saying how many tries are left.
    :raises PageExpired: if no code can be typed there any more; after too many wrong ones the link is dead too.
    :raises TooManyRequests: if too many wrong codes came before, saying when to try again.
    :raises Forbidden: if the user is not active, or nobody may sign up any more.
    :raises Conflict: if somebody else holds the address now.
    """
    require_own_pages(ctx)
    asked = find_asked(ctx, handle)
    digits = _digits(code)
    if digits is None:
        raise InvalidInput(gettext("The code has six digits. Look at the newest mail."), field="code")
    rate_limits.require_left(ctx, rate_limits.WRONG_CODES, account=asked.email)
    try:
        with _calmly(), transaction(ctx) as work:
            link = _claim(ctx, work, asked.handle, digits)
            used = _finish(ctx, work, link, current_token)
    except WrongCode:
        rate_limits.note(ctx, rate_limits.WRONG_CODES, account=asked.email)
        raise
    rate_limits.forgive(ctx, rate_limits.WRONG_CODES, account=asked.email)
    return used


def _claim(ctx: Context, work: Work, handle: str, code: str) -> Any:
    """Count the try, then compare: so however many come at once, no more than five are compared."""
    link = ctx.session.execute(
        update(_links)
        .where(
            _links.c.handle == handle,
            _links.c.project_id == ctx.project.id,
            _links.c.purpose.in_(_USABLE),
            _links.c.browser_digest == digest(ctx.origin.browser),
            _links.c.used_at.is_(None),
            _links.c.expires_at > ctx.now,
            _links.c.attempts < MOST_TRIES,
        )
        .values(attempts=_links.c.attempts + 1)
        .returning(_links.c.id, _links.c.attempts, _links.c.code_digest, *_FOUND)
    ).one_or_none()
    if link is None:
        raise code_expired()
    if not ctx.ring.verify_mac(link.code_digest, *code_mac_parts(handle, code)):
        left = MOST_TRIES - link.attempts
        work.record("passlink.refused", f"passlink:{link.purpose}", data={"reason": "wrong code", "left": left})
        raise WrongCode(_wrong(left), left=left)
    ctx.session.execute(update(_links).where(_links.c.id == link.id).values(used_at=ctx.now))
    return link


def _finish(ctx: Context, work: Work, link: Any, current_token: str | None) -> Used:
    purpose = PasslinkPurpose(link.purpose)
    is_mailed = link.handle is not None
    request, page = link.data.get("request"), link.data.get("next")
    if purpose is PasslinkPurpose.VERIFY:
        if link.sub is None or not verify_address(ctx, work, user_id=link.user_id, email=link.email):
            raise link_expired()
        work.record("email.verified", f"user:{link.sub}", actor=f"user:{link.sub}")
        return Used(purpose, None, request, page)
    user_id, sub, event = link.user_id, link.sub, "session.opened"
    if purpose is PasslinkPurpose.SIGN_UP:
        user_id, sub, event = _newcomer(ctx, work, link.email)
    if sub is None:
        raise link_expired()
    # A link of the command line was not mailed, and shows nothing of the address.
    if is_mailed and event == "session.opened" and not verify_address(ctx, work, user_id=user_id, email=link.email):
        raise link_expired()
    opened = open_session(ctx, work, user_id=user_id, sub=sub, assurance=BY_LINK, replaces=current_token)
    work.record(event, f"user:{sub}", actor=f"user:{sub}", data={"sid": opened.sid, "acr": BY_LINK.acr})
    return Used(purpose, opened, request, page)


def _newcomer(ctx: Context, work: Work, email: str) -> tuple[int, str, str]:
    """The account for an address that was just shown to be somebody's: theirs already, or made now."""
    holder = find_holder(ctx, email)
    if holder is not None:  # they asked twice, and signed up by the other mail
        return holder.user_id, holder.sub, "session.opened"
    if not is_open(ctx):
        raise Forbidden(gettext("Nobody can sign up here any more. Ask the people who run this service."))
    user_id, sub = add_user(ctx, work, email=email, user_handle=secrets.token_bytes(64), held=True, verified=True)
    return user_id, sub, "user.signed_up"


@contextmanager
def _calmly() -> Iterator[None]:
    """Two sign-ups with one address at once: the second one is told so."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(gettext("Somebody else did the same at this moment. Try again.")) from error


def _digits(code: str) -> str | None:
    """Six digits as people type them: with spaces or a hyphen, or in the digits of their script."""
    kept = "".join(letter for letter in code[:32] if not letter.isspace() and letter != "-")
    try:
        digits = "".join(str(int(letter)) for letter in kept)
    except ValueError:
        return None
    return digits if len(digits) == 6 else None


def _wrong(left: int) -> str:
    if left == 0:
        return gettext("That was not the code, for the last time: this mail does not work any more. Ask for a new one.")
    return ngettext(
        "That is not the code. You can try %(num)d more time.",
        "That is not the code. You can try %(num)d more times.",
        left,
    )
