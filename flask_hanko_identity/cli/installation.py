"""``init``, ``check``, ``encryption`` and ``purge``: the installation as a whole."""

import click
from flask import current_app
from flask.cli import AppGroup

from ..flows.check import Level
from ..flows.check import check as examine
from ..flows.encryption import reseal_all
from ..flows.passlinks import create_invitation
from ..flows.provision import ensure_console_project
from ..flows.purge import purge as delete_expired
from ..flows.users import has_users
from ..storage import migrate
from ..storage.projects import CONSOLE_SLUG
from ..storage.projects import ProjectStatus
from ..text import gettext
from ..text import ngettext
from ..web.startup import host_facts
from .reports import Report
from .reports import command
from .reports import context
from .reports import context_of
from .reports import single_command

encryption = AppGroup("encryption", help="The keys that encrypt what is stored.")

_SIGNS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.ERROR: "error  "}


@single_command("init")
@click.option("--email", help="Address of the first person of the console.")
def init(email: str | None) -> Report:
    """Create our tables and the console, and print the link with which the first person signs up.

    It may be run again at any time: it does what is left to do.
    """
    ctx = context()
    bind = ctx.session.get_bind().engine
    ctx.session.rollback()
    migrate.upgrade(bind)
    console = ensure_console_project(ctx)
    url = f"{ctx.settings.base_url}/console/"
    data = {"revision": migrate.head(), "console": url, "status": console.status, "sign_up_link": None}
    lines = [gettext("The console is at %(url)s", url=url)]
    if console.status != ProjectStatus.READY:
        lines = [console.status_reason or gettext("The console is not ready yet. Run this again.")]
    elif has_users(ctx, project_id=console.id):
        lines.append(gettext("Somebody has an account already. Invite others with: flask identity invite EMAIL"))
    else:
        if ctx.settings.console_signup == "open" and email is None:
            link = f"{console.issuer}/signup"
        else:
            link = create_invitation(context_of(CONSOLE_SLUG), email=email)
        data["sign_up_link"] = link
        lines.append(gettext("Sign up here: %(link)s", link=link))
    return Report(data, lines, failed=console.status != ProjectStatus.READY)


@single_command("check")
def check() -> Report:
    """Look for what is wrong with the settings, the database and the projects."""
    findings = examine(context(), host_facts(current_app))
    bad = any(finding.level is Level.ERROR for finding in findings)
    return Report(
        {
            "ok": not bad,
            "findings": [{"level": each.level, "subject": each.subject, "message": each.message} for each in findings],
        },
        [f"{_SIGNS[each.level]}  {each.subject}: {each.message}" for each in findings],
        failed=bad,
    )


@command(encryption, "rotate")
def rotate_encryption() -> Report:
    """Encrypt everything with the first of HANKO_IDENTITY_ENCRYPTION_KEYS.

    Put the new key first, run this, then take out the old one.
    """
    resealed = reseal_all(context())
    lines = [
        ngettext(
            "%(num)d stored key is encrypted with the first key now.",
            "%(num)d stored keys are encrypted with the first key now.",
            resealed.count,
        )
    ]
    if resealed.unreadable:
        lines.append(
            gettext(
                "These could not be opened, so keep the old keys and add the missing one: %(kids)s",
                kids=", ".join(resealed.unreadable),
            )
        )
    data = {"resealed": resealed.count, "unreadable": list(resealed.unreadable)}
    return Report(data, lines, failed=bool(resealed.unreadable))


@single_command("purge")
def purge() -> Report:
    """Delete what has expired. Run it once a day."""
    counts = delete_expired(context())
    lines = [f"{count:8d}  {name.replace('_', ' ')}" for name, count in counts.items()]
    return Report({"deleted": counts}, lines)
