"""Sensitive changes need a sign-in that is not old: who holds the session may no longer be its owner."""

from datetime import timedelta

from ..errors import IdentityError
from ..text import gettext
from .context import Context
from .login_sessions import SignedIn

MAX_AGE = timedelta(minutes=5)
"""How long after a sign-in sensitive things can be changed."""


class StepUpRequired(IdentityError):
    """The person has to sign in again before this can be done."""

    status_code = 403


def is_fresh(ctx: Context, signed_in: SignedIn) -> bool:
    """Whether the person signed in less than five minutes ago, in this very session."""
    return ctx.now - signed_in.auth_time < MAX_AGE


def require_fresh(ctx: Context, signed_in: SignedIn) -> None:
    """Let only somebody go on who has just signed in.

    :raises StepUpRequired: if the sign-in is five minutes old or older.
    """
    if not is_fresh(ctx, signed_in):
        raise StepUpRequired(gettext("Sign in again to change this; your last sign-in was a while ago."))
