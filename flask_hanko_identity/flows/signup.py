"""Sign-up: an e-mail address and a passkey make an account, all at once or not at all."""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ..errors import Forbidden
from ..protocol.names import clean_email
from ..protocol.passkey_input import RelyingParty
from ..protocol.passkey_input import decode
from ..protocol.passkey_input import encode
from ..protocol.passkeys import DEVICE_BOUND
from ..protocol.passkeys import SYNCED
from ..protocol.passkeys import KnownCredential
from ..protocol.passkeys import registration_options
from ..protocol.passkeys import verify_registration
from ..storage import User
from ..storage.passkeys import CeremonyKind
from ..storage.passlinks import PasslinkPurpose
from ..storage.projects import CONSOLE_SLUG
from ..storage.users import find_user_by_email
from ..text import gettext
from . import rate_limits
from .ceremonies import TIMEOUT
from .ceremonies import CeremonyOptions
from .ceremonies import ClaimedCeremony
from .ceremonies import attempt
from .ceremonies import begin
from .ceremonies import relying_party
from .ceremonies import require_own_pages
from .context import Context
from .credentials import known_credentials
from .credentials import refuse_known
from .credentials import shown_name
from .credentials import store_passkey
from .credentials import suggest_name
from .login_sessions import NewSession
from .login_sessions import open_session
from .new_users import add_user
from .passlinks import OpenLink
from .passlinks import link_expired
from .passlinks import look_up
from .passlinks import spend_invitation
from .unit_of_work import Work

_users: Any = User.__table__


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose passkey is being made: a user who is there already, or one who will be."""

    user_id: int | None
    user_handle: bytes
    credentials: tuple[KnownCredential, ...] = ()


def find_invitation(ctx: Context, secret: str | None) -> OpenLink | None:
    """The invitation with which somebody may sign up here; None where none is needed and none was brought.

    :raises PageExpired: if the one that was brought does not work.
    :raises Forbidden: if sign-up is not open to everybody, and none was brought.
    """
    require_own_pages(ctx)
    if secret:
        link = look_up(ctx, secret)
        if link is None or link.purpose is not PasslinkPurpose.INVITATION:
            raise link_expired()
        return link
    if not is_open(ctx):
        raise Forbidden(gettext("You need an invitation to sign up here. Ask the people who run this service."))
    return None


def is_open(ctx: Context) -> bool:
    """Whether anybody may sign up, without an invitation."""
    if ctx.project.slug == CONSOLE_SLUG:
        return ctx.settings.console_signup == "open"
    return ctx.project.signup == "open"


def begin_signup(ctx: Context, *, email: object, invitation: str | None = None) -> CeremonyOptions:
    """Ask for a new passkey. The answer does not tell whether an account has the address already.

    :param email: as it was typed; an invitation's own address goes before it.
    :param invitation: secret of a link, if the person came by one.
    :raises InvalidInput: if that is no e-mail address.
    :raises Forbidden: if sign-up is not open here.
    :raises PageExpired: if the invitation does not work.
    """
    link = find_invitation(ctx, invitation)
    address = link.email if link is not None and link.email else clean_email(email, "email")
    rate_limits.spend(ctx, rate_limits.SIGN_UP)
    owner = _owner(ctx, link)

    def options(rp: RelyingParty, challenge: bytes) -> dict[str, Any]:
        return registration_options(
            rp=rp,
            challenge=challenge,
            timeout=TIMEOUT,
            user_handle=owner.user_handle,
            user_name=address,
            display_name=shown_name(ctx, user_name=address),
            exclude=owner.credentials,
        )

    return begin(
        ctx,
        kind=CeremonyKind.SIGN_UP,
        options=options,
        user_id=owner.user_id,
        data={
            "email": address,
            "user_handle": encode(owner.user_handle),
            "invitation": None if link is None else link.id,
            "held": link is not None and link.email is not None,
        },
    )


def finish_signup(ctx: Context, *, handle: object, response: object, current_token: str | None) -> NewSession:
    """Make the user, the passkey and the session in one transaction; in the console an organization too.

    :param handle: the ceremony's, as the browser gave it back.
    :param response: ``PublicKeyCredential.toJSON()``, unchecked.
    :param current_token: value of the login cookie; that session ends.
    :raises PageExpired: if the ceremony or the invitation cannot be used any more.
    :raises PasskeyRejected: if the passkey does not prove itself, or is registered already.
    """
    with attempt(ctx, kind=CeremonyKind.SIGN_UP, handle=handle) as (work, ceremony):
        verified = verify_registration(response, challenge=ceremony.challenge, rp=relying_party(ctx))
        refuse_known(ctx, verified)
        if ceremony.data["invitation"] is not None:
            spend_invitation(ctx, work, link_id=ceremony.data["invitation"])
        user_id, sub = _add_user(ctx, work, ceremony)
        store_passkey(
            ctx,
            verified,
            user_id=user_id,
            user_handle=decode(ceremony.data["user_handle"]),
            name=suggest_name(ctx, verified),
        )
        opened = open_session(
            ctx,
            work,
            user_id=user_id,
            sub=sub,
            assurance=SYNCED if verified.backup_eligible else DEVICE_BOUND,
            replaces=current_token,
        )
        work.record(
            "passkey.added" if ceremony.user_id else "user.signed_up",
            f"user:{sub}",
            actor=f"user:{sub}",
            data={"sid": opened.sid, "email": ceremony.data["email"]},
        )
    return opened


def _owner(ctx: Context, link: OpenLink | None) -> _Owner:
    """The user who holds the address of an invitation; every other sign-up makes a new one."""
    holder = None
    if link is not None and link.email:
        holder = find_user_by_email(ctx.session, project_id=ctx.project.id, email=link.email)
    if holder is None:
        return _Owner(None, secrets.token_bytes(64))
    return _Owner(holder.id, bytes(holder.user_handle), known_credentials(ctx, user_id=holder.id))


def _add_user(ctx: Context, work: Work, ceremony: ClaimedCeremony) -> tuple[int, str]:
    """The id and the ``sub`` of the ceremony's user, who is made now unless it is for one who is there."""
    if ceremony.user_id is not None:
        found = select(_users.c.sub).where(_users.c.id == ceremony.user_id)
        return ceremony.user_id, ctx.session.execute(found).scalar_one()
    return add_user(
        ctx,
        work,
        email=ceremony.data["email"],
        user_handle=decode(ceremony.data["user_handle"]),
        held=ceremony.data["held"],
        verified=False,
    )
