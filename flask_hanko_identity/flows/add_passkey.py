"""One more passkey for somebody who is signed in (Web Authentication Level 3, section 7.1)."""

from typing import Any

from sqlalchemy import select

from ..errors import Conflict
from ..errors import PageExpired
from ..protocol.passkey_input import RelyingParty
from ..protocol.passkeys import registration_options
from ..protocol.passkeys import verify_registration
from ..storage import User
from ..storage.passkeys import CeremonyKind
from ..text import gettext
from .ceremonies import TIMEOUT
from .ceremonies import CeremonyOptions
from .ceremonies import attempt
from .ceremonies import begin
from .ceremonies import relying_party
from .context import Context
from .credentials import free_name
from .credentials import known_credentials
from .credentials import refuse_known
from .credentials import shown_name
from .credentials import store_passkey
from .credentials import suggest_name
from .freshness import require_fresh
from .login_sessions import SignedIn
from .notices import send_notice
from .passkeys import user_name
from .passkeys import was_it_you
from .ways_in import lock_user

MOST = 50
"""Passkeys that one user may have: an exclude list has to fit into what authenticators are sent."""

_HINTS = {"here": ("client-device",), "elsewhere": ("security-key", "hybrid")}
"""What the browser proposes first, by where the person wants the passkey."""

_users: Any = User.__table__


def begin_add(ctx: Context, signed_in: SignedIn, *, place: object = None) -> CeremonyOptions:
    """Ask for a passkey that the person does not have yet.

    :param place: ``here`` for this device, ``elsewhere`` for a phone or a security key; anything else is no wish.
    :raises StepUpRequired: if the sign-in is too old.
    :raises Conflict: if they have as many as anybody may have.
    """
    require_fresh(ctx, signed_in)
    handle: bytes = ctx.session.execute(
        select(_users.c.user_handle).where(_users.c.id == signed_in.user_id)
    ).scalar_one()
    credentials = known_credentials(ctx, user_id=signed_in.user_id)
    _refuse_more(len(credentials))
    name = user_name(signed_in)

    def options(rp: RelyingParty, challenge: bytes) -> dict[str, Any]:
        return registration_options(
            rp=rp,
            challenge=challenge,
            timeout=TIMEOUT,
            user_handle=bytes(handle),
            user_name=name,
            display_name=shown_name(ctx, user_name=signed_in.name or name),
            exclude=credentials,
            hints=_HINTS.get(place, ()) if isinstance(place, str) else (),
        )

    return begin(
        ctx,
        kind=CeremonyKind.ADD,
        options=options,
        user_id=signed_in.user_id,
        data={"session": signed_in.session_id},
    )


def finish_add(ctx: Context, signed_in: SignedIn, *, handle: object, response: object) -> str:
    """Keep the new passkey, and return its name.

    The sign-in had to be fresh when the ceremony began, which lives five minutes itself. To ask again here would
    leave the person with a passkey that opens nothing.

    :param handle: the ceremony's, as the browser gave it back.
    :param response: ``PublicKeyCredential.toJSON()``, unchecked.
    :raises PageExpired: if the ceremony cannot be finished any more, or began in another sign-in.
    :raises PasskeyRejected: if the passkey does not prove itself, or is registered already.
    """
    with attempt(ctx, kind=CeremonyKind.ADD, handle=handle) as (work, ceremony):
        if (ceremony.user_id, ceremony.data["session"]) != (signed_in.user_id, signed_in.session_id):
            raise PageExpired(
                gettext("You signed in anew since this began. Nothing was saved; reload the page and try again.")
            )
        verified = verify_registration(response, challenge=ceremony.challenge, rp=relying_party(ctx))
        lock_user(ctx, signed_in.user_id)
        refuse_known(ctx, verified)
        _refuse_more(len(known_credentials(ctx, user_id=signed_in.user_id)))
        name = free_name(ctx, suggest_name(ctx, verified), user_id=signed_in.user_id)
        user_handle: bytes = ctx.session.execute(
            select(_users.c.user_handle).where(_users.c.id == signed_in.user_id)
        ).scalar_one()
        passkey_id = store_passkey(ctx, verified, user_id=signed_in.user_id, user_handle=bytes(user_handle), name=name)
        work.record(
            "passkey.added",
            f"user:{signed_in.sub}",
            actor=f"user:{signed_in.sub}",
            data={"passkey": passkey_id, "name": name, "sid": signed_in.sid},
        )
        send_notice(
            ctx,
            work,
            user_id=signed_in.user_id,
            subject=gettext("A passkey was added"),
            sentences=[
                gettext(
                    "The passkey “%(name)s” now opens your account at %(project)s.",
                    name=name,
                    project=ctx.project.name,
                ),
                was_it_you(),
            ],
        )
    return name


def _refuse_more(count: int) -> None:
    """Let nobody have more passkeys than can be named in one exclude list.

    :raises Conflict: if it is full.
    """
    if count >= MOST:
        raise Conflict(gettext("You have %(most)d passkeys, and more cannot be kept. Remove one first.", most=MOST))
