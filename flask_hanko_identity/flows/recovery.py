"""Ways back in for somebody who lost every passkey: recovery codes, and a link that an admin made.

Both sign in weakly, end every other session, are announced by mail, and lead to a new passkey
(NIST SP 800-63B-4, section 4.2; row E19 of the threats).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import union
from sqlalchemy import update

from ..crypto import digest
from ..errors import Forbidden
from ..errors import IdentityError
from ..protocol.assurance import PASSLINK
from ..protocol.assurance import satisfies
from ..protocol.names import clean_email
from ..storage import EmailAddress
from ..storage import LoginSession
from ..storage import Passlink
from ..storage import RecoveryCode
from ..storage import User
from ..storage.passlinks import PasslinkPurpose
from ..text import gettext
from ..text import ngettext
from . import rate_limits
from .authorize import PendingRequest
from .ceremonies import require_own_pages
from .context import Context
from .freshness import require_fresh
from .login_sessions import NewSession
from .login_sessions import SignedIn
from .login_sessions import end_sessions
from .login_sessions import open_session
from .notices import send_notice
from .passlinks import BY_LINK
from .passlinks import LONGEST_SECRET
from .passlinks import link_expired
from .passlinks import works
from .unit_of_work import Work
from .unit_of_work import transaction
from .ways_in import lock_user

HOW_MANY = 10
LENGTH = 16
"""Letters and digits of a code, 5 bits each."""

# Crockford's base 32: no letter that is taken for another one or for a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": "", "\t": ""})

_addresses: Any = EmailAddress.__table__
_codes: Any = RecoveryCode.__table__
_links: Any = Passlink.__table__
_sessions: Any = LoginSession.__table__
_users: Any = User.__table__


class WrongRecoveryCode(IdentityError):
    """No account with this address has this code; which of the two is wrong is not said."""

    status_code = 422


@dataclass(frozen=True, slots=True)
class CodesLeft:
    """What somebody may know of the codes that they have."""

    count: int
    made_at: datetime | None


def is_on(ctx: Context, pending: PendingRequest | None = None) -> bool:
    """Whether people may get in with a recovery code: the project lets them, and it is enough for the app."""
    if not ctx.project.sign_in.get("recovery_codes", False):
        return False
    return pending is None or satisfies(PASSLINK, pending.acr_values)


def codes_left(ctx: Context, *, user_id: int) -> CodesLeft:
    """How many codes a user has that still work."""
    made = func.max(_codes.c.created_at, type_=_codes.c.created_at.type)
    row = ctx.session.execute(
        select(func.count(), made).where(_codes.c.user_id == user_id, _codes.c.used_at.is_(None))
    ).one()
    return CodesLeft(row[0], row[1])


def make_codes(ctx: Context, signed_in: SignedIn) -> list[str]:
    """Ten new codes in place of all that the person had. They are returned here and nowhere else.

    :raises Forbidden: if the project has none.
    :raises StepUpRequired: if the sign-in is not fresh.
    """
    _require_on(ctx, None)
    require_fresh(ctx, signed_in)
    codes = [_new_code() for _ in range(HOW_MANY)]
    with transaction(ctx) as work:
        lock_user(ctx, signed_in.user_id)
        ctx.session.execute(delete(_codes).where(_codes.c.user_id == signed_in.user_id))
        ctx.session.execute(
            insert(_codes),
            [{"user_id": signed_in.user_id, "digest": digest(_read(code)), "created_at": ctx.now} for code in codes],
        )
        work.record("recovery_codes.created", f"user:{signed_in.sub}", data={"count": HOW_MANY})
        send_notice(
            ctx,
            work,
            user_id=signed_in.user_id,
            subject=gettext("New recovery codes were made"),
            sentences=[
                gettext("Each of the new codes opens your account once. Codes that you had before no longer work."),
                gettext(
                    "If this was not you, sign in, end your other sessions, remove every passkey you do not know, and "
                    "make new codes."
                ),
            ],
        )
    return codes


def use_code(
    ctx: Context, *, email: object, code: str, current_token: str | None, pending: PendingRequest | None = None
) -> NewSession:
    """Sign somebody in with one of their codes; it is spent, and their other sessions end.

    :param email: as it was typed; an address of the account, verified or not.
    :param code: as it was typed.
    :raises InvalidInput: if that is no e-mail address.
    :raises WrongRecoveryCode: if there is no such account, or the code is not its, or was used.
    :raises TooManyRequests: if too many wrong ones came before, saying when to try again.
    :raises Forbidden: if the project has no codes, the app asks for more, or the user is not active.
    """
    require_own_pages(ctx)
    _require_on(ctx, pending)
    address = clean_email(email, "email")
    rate_limits.require_left(ctx, rate_limits.RECOVERY, account=address)
    try:
        with transaction(ctx) as work:
            user_id, sub = _spend(ctx, address, code)
            left = codes_left(ctx, user_id=user_id).count
            told = ngettext("%(num)d code is left.", "%(num)d codes are left.", left)
            opened = _recover(
                ctx,
                work,
                user_id=user_id,
                sub=sub,
                current_token=current_token,
                how=gettext("Your account at %(project)s was opened with a recovery code.", project=ctx.project.name),
                more=told,
            )
            data = {"sid": opened.sid, "acr": BY_LINK.acr, "left": left}
            work.record("recovery_code.used", f"user:{sub}", actor=f"user:{sub}", data=data)
    except WrongRecoveryCode:
        rate_limits.note(ctx, rate_limits.RECOVERY, account=address)
        raise
    rate_limits.forgive(ctx, rate_limits.RECOVERY, account=address)
    return opened


def use_enrol_link(ctx: Context, secret: str, *, current_token: str | None) -> NewSession:
    """Sign in the user for whom an admin made a link, so that they can add a passkey; their other sessions end.

    :raises PageExpired: if the link was used, is too old, or never was one.
    :raises Forbidden: if the user is not active.
    """
    require_own_pages(ctx)
    if not 0 < len(secret) <= LONGEST_SECRET:
        raise link_expired()
    owner = select(_users.c.sub).where(_users.c.id == _links.c.user_id).scalar_subquery()
    with transaction(ctx) as work:
        link = ctx.session.execute(
            update(_links)
            .where(*works(ctx, secret), _links.c.purpose == PasslinkPurpose.ENROL)
            .values(used_at=ctx.now)
            .returning(_links.c.user_id, owner.label("sub"))
        ).one_or_none()
        if link is None or link.sub is None:
            raise link_expired()
        opened = _recover(
            ctx,
            work,
            user_id=link.user_id,
            sub=link.sub,
            current_token=current_token,
            how=gettext(
                "Your account at %(project)s was opened with a link from the people who run this service.",
                project=ctx.project.name,
            ),
        )
        data = {"sid": opened.sid, "acr": BY_LINK.acr, "purpose": PasslinkPurpose.ENROL}
        work.record("passlink.used", f"user:{link.sub}", actor=f"user:{link.sub}", data=data)
    return opened


def _require_on(ctx: Context, pending: PendingRequest | None) -> None:
    if not is_on(ctx, pending):
        raise Forbidden(gettext("You cannot sign in with a recovery code here. Use a passkey."))


def _new_code() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, LENGTH, 4))


def _read(code: str) -> str:
    """A code as it is meant, however it was typed."""
    return code[:100].upper().translate(_READ_AS)


def _spend(ctx: Context, address: str, code: str) -> tuple[int, str]:
    """Use a code up, in one statement whether or not there is such an account; of two at once, one is too late."""
    # An address that is not verified may be in several accounts: the code says in which.
    candidates = union(
        select(_users.c.id).where(
            _users.c.project_id == ctx.project.id, _users.c.email.in_({address, address.lower()})
        ),
        select(_addresses.c.user_id).where(
            _addresses.c.project_id == ctx.project.id, _addresses.c.held_as == address.lower()
        ),
    )
    owner = select(_users.c.sub).where(_users.c.id == _codes.c.user_id).scalar_subquery()
    row = ctx.session.execute(
        update(_codes)
        .where(_codes.c.user_id.in_(candidates), _codes.c.digest == digest(_read(code)), _codes.c.used_at.is_(None))
        .values(used_at=ctx.now)
        .returning(_codes.c.user_id, owner.label("sub"))
    ).one_or_none()
    if row is None:
        raise WrongRecoveryCode(
            gettext("This address and this code do not go together, or the code was used before. Check both."),
            field="code",
        )
    return row.user_id, row.sub


def _recover(
    ctx: Context, work: Work, *, user_id: int, sub: str, current_token: str | None, how: str, more: str = ""
) -> NewSession:
    """Open a session, end all others with what lived by them, spend open links, and tell the person."""
    end_sessions(ctx, work, _sessions.c.user_id == user_id)
    ctx.session.execute(
        update(_links).where(_links.c.user_id == user_id, _links.c.used_at.is_(None)).values(used_at=ctx.now)
    )
    opened = open_session(
        ctx, work, user_id=user_id, sub=sub, assurance=BY_LINK, replaces=current_token, is_announced=True
    )
    send_notice(
        ctx,
        work,
        user_id=user_id,
        subject=gettext("Your account was recovered"),
        sentences=[
            f"{how} {gettext('All other sessions were ended.')} {more}".strip(),
            gettext(
                "If this was not you, sign in, end all other sessions, and remove every passkey you do not know. "
                "Then tell the people who run this service."
            ),
        ],
    )
    return opened
