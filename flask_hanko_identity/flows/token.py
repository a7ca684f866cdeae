"""What apps do with codes and tokens."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError

from .. import signals
from ..errors import Conflict
from ..protocol import bearer
from ..protocol.client_authentication import NONE
from ..protocol.client_authentication import InvalidClient
from ..protocol.client_authentication import authenticate_client
from ..protocol.families import TokenReplayed
from ..protocol.provider import Provider
from ..protocol.realm import MachineRequest
from ..protocol.realm import Reply
from .context import Context
from .unit_of_work import Work
from .unit_of_work import transaction


def exchange(ctx: Context, request: MachineRequest) -> Reply:
    """Answer a token request: tokens for a code or for a refresh token.

    :raises OAuth2Error: for every refusal. The revocation of a replayed family is committed first.
    """
    try:
        with transaction(ctx) as work:
            try:
                return Provider(ctx).respond(request)
            except TokenReplayed as error:
                replayed = error
                _record_replay(ctx, work, request)
    except Conflict as error:
        raise InvalidGrantError("What was granted has just been removed.") from error
    raise replayed


def userinfo(ctx: Context, request: MachineRequest) -> dict[str, Any]:
    """The claims that an access token opens.

    :raises BearerError: if it opens nothing.
    """
    return bearer.userinfo(ctx, request)


def introspect(ctx: Context, request: MachineRequest) -> dict[str, Any]:
    """What a token is worth (RFC 7662). Only an app that can prove itself may ask.

    :raises OAuth2Error: if it cannot.
    """
    client = authenticate_client(ctx, request)
    if client.token_endpoint_auth_method == NONE:
        raise InvalidClient
    return bearer.introspect(ctx, client, request)


def revoke(ctx: Context, request: MachineRequest) -> None:
    """Revoke a token (RFC 7009).

    :raises OAuth2Error: if the app cannot prove itself or the token is another's.
    """
    client = authenticate_client(ctx, request)
    with transaction(ctx) as work:
        row = bearer.revoke(ctx, client, request)
        if row is not None:
            work.record(
                "token.revoked",
                f"user:{row.sub}",
                actor=f"client:{client.client_id}",
                data={"kind": row.kind},
            )


def _record_replay(ctx: Context, work: Work, request: MachineRequest) -> None:
    client = authenticate_client(ctx, request)
    work.record(
        "token.replayed",
        f"client:{client.client_id}",
        actor=f"client:{client.client_id}",
        data={"grant_type": request.form.get("grant_type")},
    )
    work.announce(signals.token_replayed, project=ctx.project.slug, client_id=client.client_id)
