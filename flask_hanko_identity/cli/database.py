"""``flask identity db …``: our own migrations."""

import click
from flask.cli import AppGroup
from sqlalchemy import Engine

from ..storage import migrate
from ..text import gettext
from .reports import Report
from .reports import command
from .reports import context

db = AppGroup("db", help="Our tables in the host's database, and their migrations.")


@command(db, "upgrade")
def upgrade() -> Report:
    """Bring our tables to the newest revision."""
    migrate.upgrade(_engine())
    return Report({"revision": migrate.head()}, [gettext("The tables are up to date.")])


@command(db, "current")
def current() -> Report:
    """Show the revision of our tables, and the newest."""
    now, newest = migrate.current(_engine()), migrate.head()
    line = gettext("Revision %(now)s, newest %(newest)s.", now=now or gettext("none"), newest=newest)
    return Report({"revision": now, "head": newest, "up_to_date": now == newest}, [line])


@command(db, "stamp")
@click.option("--revision", default="head", show_default=True, help="What to note.")
def stamp(revision: str) -> Report:
    """Note that our tables are up to date, where the host's own migration made them."""
    migrate.stamp(_engine(), revision)
    now = migrate.current(_engine())
    return Report({"revision": now}, [gettext("Noted revision %(now)s.", now=now)])


def _engine() -> Engine:
    ctx = context()
    engine = ctx.session.get_bind().engine
    ctx.session.rollback()  # so that one connection is enough
    return engine
