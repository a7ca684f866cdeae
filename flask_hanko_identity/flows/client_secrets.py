"""Secrets of web apps: several may work at once, so that one can be replaced without a pause."""

from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from ..crypto import digest
from ..crypto import random_text
from ..errors import Conflict
from ..errors import InvalidInput
from ..errors import NotFound
from ..protocol.names import clean_label
from ..signals import client_secret_changed
from ..storage import Client
from ..storage import ClientSecret
from ..storage.clients import ApplicationType
from ..text import gettext
from .context import Context
from .rows import check_submission
from .rows import lock
from .rows import refuse_second
from .rows import row_id
from .unit_of_work import Work
from .unit_of_work import transaction

MOST_SECRETS = 10
"""That work at one time, for one client."""


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A new secret: the only time that it can be read."""

    secret_id: int
    secret: str = field(repr=False)
    last4: str


def create_secret(
    ctx: Context,
    client: Client,
    *,
    label: str = "",
    keep_old_for: timedelta | None = None,
    submission: str | None = None,
) -> IssuedSecret:
    """Give a web app a further secret.

    :param label: what people know it by; may be empty.
    :param keep_old_for: how long the others still work; None leaves them as they are. It never makes one
        live longer.
    :param submission: one-time id of the form.
    :raises InvalidInput: for a native app, which cannot keep a secret (RFC 8252, section 8.5).
    :raises Conflict: if the app has as many as it may have.
    :raises AlreadyDone: if the form was sent before; ``existing`` is the secret's id.
    """
    label = clean_label(label, "label")
    submission = check_submission(submission)
    if keep_old_for is not None and keep_old_for < timedelta(0):
        raise InvalidInput(gettext("Give a time that is not negative."), field="keep_old_for")
    asked = (ClientSecret.submission, ClientSecret.id, ClientSecret.client_id == row_id(client))
    try:
        with transaction(ctx) as work:
            client = lock(ctx, client)
            refuse_second(ctx, submission, *asked)
            return _create(ctx, work, client, label=label, keep_old_for=keep_old_for, submission=submission)
    except IntegrityError:
        refuse_second(ctx, submission, *asked)
        raise


def revoke_secret(ctx: Context, client: Client, *, secret_id: int) -> None:
    """Let a secret stop working at once. The app's last one may go too: a leaked secret must not wait.

    :raises NotFound: if the app has no such secret.
    """
    with transaction(ctx) as work:
        client = lock(ctx, client)
        secret = next((each for each in client.secrets if each.id == secret_id), None)
        if secret is None:
            raise NotFound(gettext("This app has no such secret."))
        if is_live(ctx, secret):
            secret.expires_at = ctx.now
            _record(ctx, work, "client.secret_revoked", client, secret.last4)


def is_live(ctx: Context, secret: ClientSecret) -> bool:
    """Whether a secret works now."""
    return secret.expires_at is None or secret.expires_at > ctx.now


def add_secret(ctx: Context, client: Client, *, label: str, submission: str | None) -> IssuedSecret:
    """A secret of 256 bits, of which only the digest is stored; within the caller's transaction."""
    secret = random_text(256)
    row = ClientSecret(digest=digest(secret), last4=secret[-4:], label=label, created_at=ctx.now, submission=submission)
    client.secrets.append(row)
    ctx.session.flush()
    return IssuedSecret(row.id, secret, row.last4)


def _create(
    ctx: Context,
    work: Work,
    client: Client,
    *,
    label: str,
    keep_old_for: timedelta | None,
    submission: str | None,
) -> IssuedSecret:
    if client.application_type != ApplicationType.WEB:
        raise InvalidInput(gettext("A native app has no secret: it could not keep one."))
    live = [each for each in client.secrets if is_live(ctx, each)]
    if keep_old_for is not None:
        end = ctx.now + keep_old_for
        for each in live:
            each.expires_at = end if each.expires_at is None else min(each.expires_at, end)
        live = [each for each in live if is_live(ctx, each)]
    if len(live) >= MOST_SECRETS:
        raise Conflict(
            gettext("This app has %(most)d secrets already. Revoke one that is not in use.", most=MOST_SECRETS)
        )
    issued = add_secret(ctx, client, label=label, submission=submission)
    _record(ctx, work, "client.secret_created", client, issued.last4)
    return issued


def _record(ctx: Context, work: Work, event: str, client: Client, last4: str) -> None:
    work.record(
        event,
        f"client:{client.client_id}",
        project_id=client.project_id,
        organization_id=ctx.project.organization_id,
        data={"last4": last4},
    )
    work.announce(client_secret_changed, project=ctx.project.slug, client_id=client.client_id)
    work.changes_settings()
