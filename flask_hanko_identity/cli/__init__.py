"""``flask identity …``: the command line, thin over the flows. Every command takes ``--json``."""

from flask.cli import AppGroup

from .apps import apps
from .database import db
from .installation import check
from .installation import encryption
from .installation import init
from .installation import purge
from .keys import keys
from .organizations import organizations
from .projects import projects
from .users import invite
from .users import users

__all__ = ["make_commands"]


def make_commands() -> AppGroup:
    """The group that ``init_app`` adds to the host's command line."""
    group = AppGroup("identity", help="Manage the OpenID Connect provider of this app.")
    for command in (init, check, db, invite, organizations, projects, apps, users, keys, encryption, purge):
        group.add_command(command)
    return group
