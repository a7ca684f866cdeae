"""``flask identity users …`` and ``flask identity invite``."""

import json
from typing import Any

import click
from flask.cli import AppGroup

from ..errors import InvalidInput
from ..errors import NotFound
from ..flows.context import Context
from ..flows.passlinks import ENROL_LIFETIME
from ..flows.passlinks import INVITATION_LIFETIME
from ..flows.passlinks import SIGN_IN_LIFETIME
from ..flows.passlinks import create_enrol_link
from ..flows.passlinks import create_invitation
from ..flows.passlinks import create_sign_in_link
from ..flows.provision import ensure_console_project
from ..flows.users import create_user
from ..storage import User
from ..storage.projects import CONSOLE_SLUG
from ..storage.users import find_user_by_email
from ..text import gettext
from .reports import Report
from .reports import command
from .reports import context
from .reports import context_of
from .reports import single_command
from .reports import storable

users = AppGroup("users", help="People of a project.")


@single_command("invite")
@click.argument("email")
def invite(email: str) -> Report:
    """Print a link with which EMAIL makes a console account, or gets into it again. It works once."""
    ensure_console_project(context())
    link = create_invitation(context_of(CONSOLE_SLUG), email=email)
    seconds = int(INVITATION_LIFETIME.total_seconds())
    return Report({"email": email, "sign_up_link": link, "expires_in": seconds}, [link])


@command(users, "create")
@click.option("--project", required=True, metavar="SLUG")
@click.option("--email", required=True)
@click.option("--claims", default="{}", metavar="JSON", help='Standard claims: {"given_name": "Ada", …}.')
def create(project: str, email: str, claims: str) -> Report:
    """Create a user, who signs in by a link first."""
    ctx = context_of(project)
    user = create_user(ctx, email=email, claims=_read_claims(claims))
    data = {"project": ctx.project.slug, "sub": user.sub, "email": user.email}
    return Report(data, [gettext("Created user %(sub)s.", sub=user.sub)])


@command(users, "sign-in-link")
@click.option("--project", required=True, metavar="SLUG")
@click.option("--email", required=True)
def sign_in_link(project: str, email: str) -> Report:
    """Print a link that signs a user in, once, within ten minutes."""
    ctx = context_of(project)
    link = create_sign_in_link(ctx, user=_get_user(ctx, email))
    seconds = int(SIGN_IN_LIFETIME.total_seconds())
    return Report({"email": email, "sign_in_link": link, "expires_in": seconds}, [link])


@command(users, "enrol-link")
@click.option("--project", required=True, metavar="SLUG")
@click.option("--email", required=True)
def enrol_link(project: str, email: str) -> Report:
    """Print a link for a user who lost every passkey: it leads to a new one, once, within an hour."""
    ctx = context_of(project)
    link = create_enrol_link(ctx, user=_get_user(ctx, email))
    seconds = int(ENROL_LIFETIME.total_seconds())
    return Report({"email": email, "enrol_link": link, "expires_in": seconds}, [link])


def _get_user(ctx: Context, email: str) -> User:
    user = find_user_by_email(ctx.session, project_id=ctx.project.id, email=storable(email, "email"))
    if user is None:
        raise NotFound(gettext("No user of this project has that address."), field="email")
    return user


def _read_claims(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(gettext("This is not JSON."), field="claims") from error
