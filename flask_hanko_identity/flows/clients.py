"""Clients: apps are connected, their settings changed, switched off and on, and removed.

:mod:`.client_secrets` gives and takes their secrets.
"""

from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from ..crypto import random_text
from ..errors import InvalidInput
from ..protocol.client_metadata import CheckedSettings
from ..protocol.client_metadata import ClientSettings
from ..protocol.client_metadata import check_application_type
from ..protocol.client_metadata import check_settings
from ..protocol.client_metadata import merge
from ..protocol.client_metadata import settings_of
from ..signals import client_connected
from ..signals import client_updated
from ..storage import Client
from ..storage import RedirectURI
from ..storage.authorizations import Authorization
from ..storage.clients import ApplicationType
from ..storage.clients import RedirectKind
from ..storage.projects import CONSOLE_SLUG
from ..text import gettext
from .client_secrets import IssuedSecret
from .client_secrets import add_secret
from .client_secrets import create_secret
from .client_secrets import revoke_secret
from .context import Context
from .revocations import revoke_authorizations
from .rows import check_submission
from .rows import lock
from .rows import refuse_second
from .unit_of_work import Work
from .unit_of_work import transaction

__all__ = [
    "ClientSettings",
    "ConnectedClient",
    "IssuedSecret",
    "connect_client",
    "create_secret",
    "delete_client",
    "disable_client",
    "enable_client",
    "revoke_secret",
    "update_client",
]

_COLUMNS = (
    "name",
    "application_uri",
    "token_endpoint_auth_method",
    "require_pkce",
    "refresh_tokens",
    "rotate_refresh_tokens",
    "first_party",
    "id_token_signed_response_alg",
)
_ADDRESSES = {"redirect_uris": RedirectKind.LOGIN, "post_logout_redirect_uris": RedirectKind.LOGOUT}


@dataclass(frozen=True, slots=True)
class ConnectedClient:
    """A new client, and its secret if it has one: the only time that this can be read."""

    client: Client
    secret: str | None = field(repr=False)


def connect_client(
    ctx: Context,
    *,
    name: str,
    application_type: str,
    application_uri: str,
    redirect_uris: Sequence[str],
    post_logout_redirect_uris: Sequence[str] = (),
    token_endpoint_auth_method: str | None = None,
    refresh_tokens: bool = False,
    require_pkce: bool = True,
    first_party: bool = False,
    submission: str | None = None,
) -> ConnectedClient:
    """Register an app with the context's project. A web app gets a secret.

    :param application_type: ``web`` or ``native``.
    :param application_uri: its URL, or the package name of a native app, in lower case.
    :param token_endpoint_auth_method: its type's default unless given.
    :param submission: one-time id of the form.
    :raises InvalidInput: naming the setting that will not do.
    :raises AlreadyDone: if the form was sent before; ``existing`` is the ``client_id``.
    """
    application_type = check_application_type(application_type)
    settings = ClientSettings(
        name=name,
        application_uri=application_uri,
        redirect_uris=redirect_uris,
        post_logout_redirect_uris=post_logout_redirect_uris,
        token_endpoint_auth_method=token_endpoint_auth_method,
        refresh_tokens=refresh_tokens,
        require_pkce=require_pkce,
        first_party=first_party,
    )
    checked = check_settings(settings, application_type)
    submission = check_submission(submission)
    project = ctx.project
    if project.slug == CONSOLE_SLUG:
        raise InvalidInput(gettext("The console's own project takes no apps. Choose another."), field="project")
    asked = (Client.submission, Client.client_id, Client.project_id == project.id)
    try:
        with transaction(ctx) as work:
            refuse_second(ctx, submission, *asked)
            return _connect(ctx, work, checked, application_type=application_type, submission=submission)
    except IntegrityError:
        refuse_second(ctx, submission, *asked)
        raise


def update_client(ctx: Context, client: Client, changes: ClientSettings) -> dict[str, dict[str, Any]]:
    """Change settings of an app; the whole must stay consistent.

    :param changes: what is None stays.
    :return: of each setting that changed, ``before`` and ``after``.
    :raises InvalidInput: naming the setting that will not do.
    """
    with transaction(ctx) as work:
        client = lock(ctx, client)
        stored = settings_of(client)
        checked = check_settings(merge(stored, changes), client.application_type)
        before, after = asdict(stored), asdict(checked)
        changed = {
            name: {"before": before[name], "after": after[name]} for name in after if before[name] != after[name]
        }
        for name in _COLUMNS:
            setattr(client, name, after[name])
        for name, kind in _ADDRESSES.items():
            if name in changed:
                _replace_addresses(client, kind, after[name])
        if changed:
            _record(ctx, work, "client.updated", client, data={"changed": changed})
    return changed


def disable_client(ctx: Context, client: Client) -> Client:
    """Switch an app off: nobody can sign in to it, and all that it was given stops working for good."""
    with transaction(ctx) as work:
        client = lock(ctx, client)
        if client.disabled_at is None:
            client.disabled_at = ctx.now
            revoke_authorizations(ctx, Authorization.client_id == client.id)
            _record(ctx, work, "client.disabled", client)
    return client


def enable_client(ctx: Context, client: Client) -> Client:
    """Switch an app on again. People have to sign in to it anew."""
    with transaction(ctx) as work:
        client = lock(ctx, client)
        if client.disabled_at is not None:
            client.disabled_at = None
            _record(ctx, work, "client.enabled", client)
    return client


def delete_client(ctx: Context, client: Client) -> None:
    """Remove an app with all that it was given. Its ``client_id`` is never used again."""
    with transaction(ctx) as work:
        client = lock(ctx, client)
        _record(ctx, work, "client.deleted", client, data={"name": client.name})
        ctx.session.execute(delete(Client).where(Client.id == client.id))
        ctx.session.expunge(client)


def _connect(
    ctx: Context, work: Work, checked: CheckedSettings, *, application_type: str, submission: str | None
) -> ConnectedClient:
    values = asdict(checked)
    client = Client(
        project_id=ctx.project.id,
        client_id=random_text(128),
        application_type=application_type,
        submission=submission,
        created_at=ctx.now,
        **{name: values[name] for name in _COLUMNS},
    )
    for name, kind in _ADDRESSES.items():
        client.redirect_uris += [RedirectURI(kind=kind, uri=uri) for uri in values[name]]
    ctx.session.add(client)
    ctx.session.flush()
    secret = None
    if application_type == ApplicationType.WEB:
        secret = add_secret(ctx, client, label="", submission=None).secret
    work.record(
        "client.connected",
        f"client:{client.client_id}",
        project_id=client.project_id,
        organization_id=ctx.project.organization_id,
        data={"application_type": application_type, **values},
    )
    work.announce(client_connected, project=ctx.project.slug, client_id=client.client_id)
    work.changes_settings()
    return ConnectedClient(client, secret)


def _replace_addresses(client: Client, kind: RedirectKind, wanted: Sequence[str]) -> None:
    for each in [each for each in client.redirect_uris if each.kind == kind and each.uri not in wanted]:
        client.redirect_uris.remove(each)
    present = {each.uri for each in client.redirect_uris if each.kind == kind}
    client.redirect_uris += [RedirectURI(kind=kind, uri=uri) for uri in wanted if uri not in present]


def _record(ctx: Context, work: Work, event: str, client: Client, *, data: dict[str, Any] | None = None) -> None:
    work.record(
        event,
        f"client:{client.client_id}",
        project_id=client.project_id,
        organization_id=ctx.project.organization_id,
        data=data,
    )
    work.announce(client_updated, project=ctx.project.slug, client_id=client.client_id)
    work.changes_settings()
