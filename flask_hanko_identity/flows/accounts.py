"""The accounts that one browser is signed in with at the same time, and the choice among them.

A session is known here by its secret token, which the browser keeps for each account, and works only in the browser
that it began in. The cookie that names the browser alone opens nothing: it may be older than the sign-in, so that
somebody else may have seen it (session fixation, row B02 of the threats).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from sqlalchemy import select
from sqlalchemy import update

from ..crypto import digest
from ..crypto import random_text
from ..errors import PageExpired
from ..storage import LoginSession
from ..storage import User
from ..storage.users import UserState
from ..text import gettext
from . import pending
from .context import Context
from .login_sessions import SignedIn
from .login_sessions import end_sessions
from .login_sessions import find_signed_in
from .sessions import live
from .unit_of_work import transaction

MOST = 8
"""Accounts that one browser can be signed in with."""

_sessions: Any = LoginSession.__table__
_users: Any = User.__table__


@dataclass(frozen=True, slots=True)
class Account:
    """An account that the browser is signed in with."""

    sid: str
    sub: str
    email: str | None
    name: str | None
    token: str = field(repr=False)


def list_accounts(ctx: Context, tokens: Sequence[str]) -> list[Account]:
    """The accounts whose sessions live, in the order of their tokens. One query, or none."""
    by_digest = {digest(token): token for token in tokens[: MOST + 1]}
    if not by_digest or not ctx.origin.browser:
        return []
    rows = ctx.session.execute(
        select(_sessions.c.digest, _sessions.c.sid, _users.c.sub, _users.c.email, _users.c.claims)
        .join(_users, _users.c.id == _sessions.c.user_id)
        .where(*_here(ctx), _sessions.c.digest.in_(by_digest), _users.c.state == UserState.ACTIVE)
    )
    found = {bytes(row.digest): row for row in rows}
    accounts = []
    for each, token in by_digest.items():
        if (row := found.get(each)) is not None:
            name = row.claims.get("name") if isinstance(row.claims, dict) else None
            accounts.append(Account(row.sid, row.sub, row.email, name if isinstance(name, str) else None, token))
    return accounts


def find_account(ctx: Context, tokens: Sequence[str], *, sub: str) -> SignedIn | None:
    """The session of the account with this ``sub``."""
    token = next((account.token for account in list_accounts(ctx, tokens) if account.sub == sub), None)
    return find_signed_in(ctx, token)


def choose_account(ctx: Context, tokens: Sequence[str], *, sid: str, handle: str | None) -> tuple[str, list[str]]:
    """Go on as one of the accounts. When its person authenticated stays as it was; its token is a new one.

    :param handle: of the authorization request that the choice is for, if there is one.
    :return: the session's new token, and the tokens of the other accounts.
    :raises PageExpired: if the session is over, or the request is.
    """
    with transaction(ctx) as work:
        accounts = list_accounts(ctx, tokens)
        chosen = next((account for account in accounts if account.sid == sid), None)
        token = random_text()
        if chosen is None or not _rename(ctx, chosen.token, token):
            raise PageExpired(gettext("This account is no longer signed in here. Sign in again."))
        if handle is not None:
            pending.note_choice(ctx, handle, sid=sid)
        work.record("session.chosen", f"user:{chosen.sub}", actor=f"user:{chosen.sub}", data={"sid": sid})
    return token, [account.token for account in accounts if account is not chosen]


def sign_out_of_all(ctx: Context, tokens: Sequence[str]) -> int:
    """End the sessions of all accounts in this browser; gives how many there were."""
    with transaction(ctx) as work:
        sids = [account.sid for account in list_accounts(ctx, tokens)]
        return end_sessions(ctx, work, _sessions.c.sid.in_(sids))


def _here(ctx: Context) -> tuple[Any, ...]:
    return (*live(ctx), _sessions.c.browser_digest == digest(ctx.origin.browser))


def _rename(ctx: Context, old: str, new: str) -> bool:
    """Give a session another token; of two who do it at once, one is told that it is over."""
    renamed = ctx.session.execute(
        update(_sessions)
        .where(*_here(ctx), _sessions.c.digest == digest(old))
        .values(digest=digest(new), last_seen_at=ctx.now)
    )
    return bool(renamed.rowcount)  # type: ignore[attr-defined]
