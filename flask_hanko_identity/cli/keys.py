"""``flask identity keys …``: the keys that sign ID tokens."""

import click
from flask.cli import AppGroup

from ..flows.keys import rotate_keys
from ..protocol.signing import ALGORITHMS
from ..protocol.signing import key_state
from ..text import gettext
from .reports import Report
from .reports import command
from .reports import context_of

keys = AppGroup("keys", help="Keys that sign a project's tokens.")


@command(keys, "list")
@click.option("--project", required=True, metavar="SLUG")
def list_all(project: str) -> Report:
    """List a project's signing keys with their state: next, active or retired."""
    ctx = context_of(project)
    rows = [
        {
            "kid": key.kid,
            "algorithm": key.algorithm,
            "state": key_state(key, ctx.now),
            "activates_at": key.activates_at.isoformat(),
            "retires_at": key.retires_at and key.retires_at.isoformat(),
        }
        for key in ctx.project.keys
    ]
    lines = [f"{row['kid']}  {row['algorithm']:8}  {row['state']:8}  {row['activates_at']}" for row in rows]
    return Report({"project": ctx.project.slug, "keys": rows}, lines or [gettext("There are no keys yet.")])


@command(keys, "rotate")
@click.option("--project", required=True, metavar="SLUG")
@click.option("--algorithm", type=click.Choice(ALGORITHMS), help="All unless given.")
@click.option("--at-once", is_flag=True, help="Sign with the new keys now, before apps could learn them.")
def rotate(project: str, algorithm: str | None, at_once: bool) -> Report:
    """Publish new signing keys, which sign once apps had time to learn them."""
    ctx = context_of(project)
    added = rotate_keys(ctx, algorithm=algorithm, at_once=at_once)
    rows = [{"kid": key.kid, "algorithm": key.algorithm, "activates_at": key.activates_at.isoformat()} for key in added]
    lines = [f"{row['kid']}  {row['algorithm']:8}  {row['activates_at']}" for row in rows]
    return Report({"project": ctx.project.slug, "keys": rows}, lines)
