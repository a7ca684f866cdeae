"""Sign-in with a passkey that names its own user (Web Authentication Level 3, section 7.2)."""

from dataclasses import replace
from typing import Any

from sqlalchemy import and_
from sqlalchemy import bindparam
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update

from ..errors import PasskeyRejected
from ..protocol.passkey_input import RelyingParty
from ..protocol.passkey_input import is_from_elsewhere
from ..protocol.passkeys import Assertion
from ..protocol.passkeys import read_assertion
from ..protocol.passkeys import request_options
from ..protocol.passkeys import verify_authentication
from ..storage import Passkey
from ..storage import User
from ..storage.passkeys import CeremonyKind
from ..text import gettext
from . import rate_limits
from .ceremonies import TIMEOUT
from .ceremonies import CeremonyOptions
from .ceremonies import attempt
from .ceremonies import begin
from .ceremonies import relying_party
from .context import Context
from .login_sessions import NewSession
from .login_sessions import open_session

_passkeys: Any = Passkey.__table__
_users: Any = User.__table__
_OWNER = select(_users.c.sub).where(_users.c.id == _passkeys.c.user_id).scalar_subquery()
_USE = (
    update(_passkeys)
    .where(
        _passkeys.c.project_id == bindparam("b_project"),
        _passkeys.c.credential_id == bindparam("b_credential"),
        _passkeys.c.user_handle == bindparam("b_handle"),
        _passkeys.c.rp_id == bindparam("b_rp"),
        _passkeys.c.backup_eligible == bindparam("b_eligible"),
        or_(
            _passkeys.c.sign_count < bindparam("b_count"),
            and_(_passkeys.c.sign_count == 0, _passkeys.c.sign_count == bindparam("b_count")),
        ),
    )
    .values(sign_count=bindparam("b_count"), backup_state=bindparam("b_state"), last_used_at=bindparam("b_now"))
    .returning(_passkeys.c.id, _passkeys.c.user_id, _passkeys.c.public_key, _passkeys.c.transports, _OWNER.label("sub"))
)


def begin_login(ctx: Context) -> CeremonyOptions:
    """Ask for any passkey of the project; whose it is only the passkey says. One statement."""

    def options(rp: RelyingParty, challenge: bytes) -> dict[str, Any]:
        return request_options(rp=rp, challenge=challenge, timeout=TIMEOUT)

    rate_limits.spend(ctx, rate_limits.SIGN_IN)
    return begin(ctx, kind=CeremonyKind.SIGN_IN, options=options)


def finish_login(ctx: Context, *, handle: object, response: object, current_token: str | None) -> NewSession:
    """Sign the passkey's owner in. Four statements, and one more where the browser was signed in before.

    :param handle: the ceremony's, as the browser gave it back.
    :param response: ``PublicKeyCredential.toJSON()``, unchecked.
    :param current_token: value of the login cookie; that session ends.
    :raises PageExpired: if the ceremony cannot be finished any more.
    :raises PasskeyRejected: if the passkey is not known or does not prove itself.
    :raises Forbidden: if its owner is not active.
    """
    with attempt(ctx, kind=CeremonyKind.SIGN_IN, handle=handle) as (work, ceremony):
        assertion = read_assertion(response)
        passkey = _use(ctx, assertion)
        assurance = verify_authentication(
            assertion,
            challenge=ceremony.challenge,
            public_key=bytes(passkey.public_key),
            rp=relying_party(ctx),
        )
        opened = open_session(
            ctx,
            work,
            user_id=passkey.user_id,
            sub=passkey.sub,
            assurance=assurance,
            replaces=current_token,
        )
        work.record(
            "session.opened",
            f"user:{passkey.sub}",
            actor=f"user:{passkey.sub}",
            data={"sid": opened.sid, "acr": assurance.acr, "passkey": passkey.id},
        )
    return replace(opened, came_from_elsewhere=is_from_elsewhere(response, passkey.transports))


def _use(ctx: Context, assertion: Assertion) -> Any:
    """Store what the passkey says of itself, on the condition that it may; undone if its signature is wrong.

    The rules stand in the statement, so that two sign-ins at once cannot both pass with one counter. Section
    7.2: the user handle is the owner's, the backup eligibility never changes, and where either counter is not
    zero, the new one is greater.
    """
    used = ctx.session.execute(
        _USE,
        {
            "b_project": ctx.project.id,
            "b_credential": assertion.credential_id,
            "b_handle": assertion.user_handle,
            "b_rp": ctx.settings.rp_id,
            "b_eligible": assertion.backup_eligible,
            "b_count": assertion.sign_count,
            "b_state": assertion.backup_state,
            "b_now": ctx.now,
        },
    ).one_or_none()
    if used is None:
        raise _refusal(ctx, assertion)
    return used


def _refusal(ctx: Context, assertion: Assertion) -> PasskeyRejected:
    known = ctx.session.execute(
        select(_passkeys.c.user_handle, _passkeys.c.rp_id, _passkeys.c.backup_eligible).where(
            _passkeys.c.project_id == ctx.project.id,
            _passkeys.c.credential_id == assertion.credential_id,
        )
    ).one_or_none()
    if known is None and _knows_owner(ctx, assertion):
        return PasskeyRejected(
            gettext("This passkey was removed from your account. Choose another one."),
            reason="removed passkey",
            is_gone=True,
        )
    if known is None:
        # Projects share an RP ID, so a passkey of another one may be offered here.
        return PasskeyRejected(
            gettext(
                "This passkey is not one for %(project)s, or was removed. Choose another one, or sign up.",
                project=ctx.project.name,
            ),
            reason="unknown passkey",
        )
    if bytes(known.user_handle) != assertion.user_handle:
        reason = "user handle"
    elif known.rp_id != ctx.settings.rp_id:
        reason = "relying party id"
    elif known.backup_eligible != assertion.backup_eligible:
        reason = "backup eligibility"
    else:
        reason = "counter"
    return PasskeyRejected(
        gettext("This passkey could not be accepted. Use another one, or ask for a sign-in link."),
        reason=reason,
    )


def _knows_owner(ctx: Context, assertion: Assertion) -> bool:
    """Whether the passkey was made for a user of this very project: user handles are random and never the same."""
    owner = select(_users.c.id).where(
        _users.c.user_handle == assertion.user_handle, _users.c.project_id == ctx.project.id
    )
    return ctx.session.execute(owner).first() is not None
