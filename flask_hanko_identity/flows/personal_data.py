"""All that is stored about a person, as one document for them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import or_
from sqlalchemy import select

from ..storage import AuditEvent
from ..storage import Authorization
from ..storage import Client
from ..storage import Consent
from ..storage import EmailAddress
from ..storage import LoginSession
from ..storage import Membership
from ..storage import Organization
from ..storage import Passkey
from ..storage import Passlink
from ..storage import RecoveryCode
from ..storage import User
from ..storage.projects import CONSOLE_SLUG
from ..text import gettext
from .context import Context
from .freshness import require_fresh
from .login_sessions import SignedIn
from .notices import send_notice
from .unit_of_work import transaction

_addresses: Any = EmailAddress.__table__
_authorizations: Any = Authorization.__table__
_clients: Any = Client.__table__
_codes: Any = RecoveryCode.__table__
_consents: Any = Consent.__table__
_events: Any = AuditEvent.__table__
_links: Any = Passlink.__table__
_members: Any = Membership.__table__
_organizations: Any = Organization.__table__
_passkeys: Any = Passkey.__table__
_sessions: Any = LoginSession.__table__
_users: Any = User.__table__


def export(ctx: Context, signed_in: SignedIn) -> dict[str, Any]:
    """What is stored about the person, without keys, digests and secrets: JSON types only, times by ISO 8601.

    :raises StepUpRequired: if the sign-in is not fresh.
    """
    require_fresh(ctx, signed_in)
    with transaction(ctx) as work:
        found = _collect(ctx, signed_in)
        work.record("user.exported", f"user:{signed_in.sub}")
        send_notice(
            ctx,
            work,
            user_id=signed_in.user_id,
            subject=gettext("Your data was downloaded"),
            sentences=[
                gettext("A file with all that is stored about you was downloaded."),
                gettext("If it was not you, sign in, end your other sessions and look through your passkeys."),
            ],
        )
    return found


def _collect(ctx: Context, signed_in: SignedIn) -> dict[str, Any]:
    def rows(*columns: Any, where: Any = True) -> list[dict[str, Any]]:
        return _rows(ctx, select(*columns).where(where))

    user_id = signed_in.user_id
    account = rows(
        *_named(_users, "sub", "state", "email", "email_verified", "claims", "host_id"),
        *_named(_users, "created_at", "updated_at"),
        where=_users.c.id == user_id,
    )[0]
    claims = account.pop("claims")
    return {
        "issuer": ctx.project.issuer,
        "project": ctx.project.name,
        "exported_at": ctx.now.isoformat(),
        "account": account,
        "profile": claims,
        "email_addresses": rows(
            *_named(_addresses, "address", "verified_at", "created_at"), where=_addresses.c.user_id == user_id
        ),
        "passkeys": rows(
            *_named(_passkeys, "name", "aaguid", "transports", "backup_eligible", "backup_state", "rp_id"),
            *_named(_passkeys, "created_at", "last_used_at"),
            where=_passkeys.c.user_id == user_id,
        ),
        "recovery_codes": rows(*_named(_codes, "created_at", "used_at"), where=_codes.c.user_id == user_id),
        "sessions": rows(
            *_named(_sessions, "sid", "auth_time", "acr", "amr", "ip_address", "user_agent"),
            *_named(_sessions, "created_at", "last_seen_at", "expires_at", "ended_at"),
            where=_sessions.c.user_id == user_id,
        ),
        "links": rows(
            *_named(_links, "purpose", "email", "created_at", "expires_at", "used_at"),
            where=_links.c.user_id == user_id,
        ),
        "consents": _rows(
            ctx,
            select(*_named(_clients, "client_id", "name"), *_named(_consents, "scope", "granted_at"))
            .join(_clients, _clients.c.id == _consents.c.client_id)
            .where(_consents.c.user_id == user_id),
        ),
        "authorizations": _rows(
            ctx,
            select(
                *_named(_clients, "client_id", "name"),
                *_named(_authorizations, "scope", "claims", "redirect_uri", "auth_time", "acr", "amr"),
                *_named(_authorizations, "created_at", "redeemed_at", "revoked_at", "expires_at"),
            )
            .join(_clients, _clients.c.id == _authorizations.c.client_id)
            .where(_authorizations.c.user_id == user_id),
        ),
        "organizations": _rows(
            ctx,
            select(*_named(_organizations, "public_id", "name"), *_named(_members, "role", "created_at"))
            .join(_members, _members.c.organization_id == _organizations.c.id)
            .where(_members.c.user_id == user_id),
        ),
        "events": _events_of(ctx, signed_in),
    }


def _events_of(ctx: Context, signed_in: SignedIn) -> list[dict[str, Any]]:
    """What was done by the person and to them; of what they did to others, not what it was."""
    me = f"user:{signed_in.sub}"
    columns = _named(
        _events, "event", "actor", "subject", "reference", "ip_address", "user_agent", "data", "created_at"
    )
    about = select(*columns).where(or_(_events.c.subject == me, _events.c.actor == me)).order_by(_events.c.id)
    if ctx.project.slug != CONSOLE_SLUG:
        about = about.where(_events.c.project_id == ctx.project.id)
    found = _rows(ctx, about)
    for event in found:
        if event["subject"] != me:
            del event["data"]
        if event["actor"] != me:
            # Where an admin sat is none of the person's business.
            del event["ip_address"], event["user_agent"]
    return found


def _named(table: Any, *names: str) -> Iterable[Any]:
    return [table.c[name] for name in names]


def _rows(ctx: Context, statement: Any) -> list[dict[str, Any]]:
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row._mapping.items()}
        for row in ctx.session.execute(statement)
    ]
