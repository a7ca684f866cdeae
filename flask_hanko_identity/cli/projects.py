"""``flask identity projects …``"""

import click
from flask.cli import AppGroup

from ..errors import NotFound
from ..flows.projects import create_project
from ..flows.provision import provision
from ..storage.organizations import find_organization
from ..storage.projects import ProjectStatus
from ..storage.projects import ProjectType
from ..text import gettext
from .reports import Report
from .reports import command
from .reports import context
from .reports import get_project
from .reports import storable

projects = AppGroup("projects", help="Each project is an OpenID Connect provider of its own.")


@command(projects, "create")
@click.option("--organization", required=True, metavar="ID", help="Id of the organization that owns it.")
@click.option("--name", required=True)
@click.option("--slug", help="Its part of the issuer URL; made from the name unless given.")
@click.option(
    "--type",
    "project_type",
    default=ProjectType.IDENTITY.value,
    show_default=True,
    type=click.Choice([each.value for each in ProjectType]),
    help="Whether people sign in on our pages, or the host signs them in.",
)
def create(organization: str, name: str, slug: str | None, project_type: str) -> Report:
    """Create a project and make it ready."""
    ctx = context()
    owner = find_organization(ctx.session, storable(organization, "organization"))
    if owner is None:
        raise NotFound(gettext("There is no organization with the id “%(id)s”.", id=organization), field="organization")
    project = create_project(ctx, organization=owner, name=name, slug=slug, type=project_type)
    slug = project.slug
    status = provision(ctx, project.id)
    project = get_project(ctx, slug)
    ctx.session.refresh(project)
    data = {
        "slug": project.slug,
        "name": project.name,
        "type": project.type,
        "issuer": project.issuer,
        "status": status,
        "reason": project.status_reason,
    }
    lines = [
        gettext("Created project %(slug)s.", slug=project.slug),
        gettext("Issuer: %(issuer)s", issuer=project.issuer),
    ]
    if project.status_reason:
        lines.append(project.status_reason)
    return Report(data, lines, failed=status != ProjectStatus.READY)
