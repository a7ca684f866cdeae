"""``flask identity organizations …``"""

import click
from flask.cli import AppGroup

from ..flows.organizations import create_organization
from ..text import gettext
from .reports import Report
from .reports import command
from .reports import context

organizations = AppGroup("organizations", help="Organizations own projects.")


@command(organizations, "create")
@click.option("--name", required=True)
def create(name: str) -> Report:
    """Create an organization. Nobody is a member of it yet."""
    organization = create_organization(context(), name=name)
    data = {"id": organization.public_id, "name": organization.name}
    return Report(data, [gettext("Created organization %(id)s.", id=organization.public_id)])
