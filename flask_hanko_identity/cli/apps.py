"""``flask identity apps …``"""

from typing import Any

import click
from flask.cli import AppGroup

from ..flows.clients import connect_client
from ..storage.clients import ApplicationType
from ..text import gettext
from .reports import Report
from .reports import command
from .reports import context_of

apps = AppGroup("apps", help="Apps that people sign in to.")


@command(apps, "connect")
@click.option("--project", required=True, metavar="SLUG")
@click.option("--name", required=True)
@click.option(
    "--type",
    "application_type",
    required=True,
    type=click.Choice([each.value for each in ApplicationType]),
    help="Whether it runs on a server and can keep a secret, or on people's devices.",
)
@click.option(
    "--url", "application_uri", required=True, help="Its URL, or the package name of a native app, in lower case."
)
@click.option(
    "--redirect-uri", "redirect_uris", required=True, multiple=True, help="Where people come back to; repeatable."
)
@click.option(
    "--logout-uri",
    "post_logout_redirect_uris",
    multiple=True,
    help="Where people come back to after signing out; repeatable.",
)
@click.option(
    "--auth-method",
    "token_endpoint_auth_method",
    help="client_secret_basic (default) or client_secret_post; none for a native app.",
)
@click.option("--refresh-tokens", is_flag=True, help="Let the scope offline_access give refresh tokens.")
@click.option(
    "--no-pkce",
    "require_pkce",
    flag_value=False,
    default=True,
    help="Do not insist on PKCE; for web apps whose library lacks it.",
)
@click.option("--first-party", is_flag=True, help="Do not ask people for consent.")
def connect(project: str, **settings: Any) -> Report:
    """Connect an app and print what it needs. Its secret is shown this once."""
    ctx = context_of(project)
    connected = connect_client(ctx, **settings)
    client_id = connected.client.client_id
    data = {"issuer": ctx.project.issuer, "client_id": client_id, "client_secret": connected.secret}
    lines = [
        gettext("Issuer: %(issuer)s", issuer=ctx.project.issuer),
        gettext("Client ID: %(client_id)s", client_id=client_id),
    ]
    if connected.secret is not None:
        lines.append(gettext("Client secret: %(secret)s", secret=connected.secret))
        lines.append(gettext("The secret cannot be shown again."))
    return Report(data, lines)
