"""Shows a page of the console with its frame: switcher, menu, and what was just done."""

from typing import Any

from flask import Response
from flask import make_response
from flask import redirect
from flask import request
from flask import url_for
from werkzeug.wrappers import Response as Redirect

from ...storage.projects import CONSOLE_SLUG
from ...storage.projects import list_projects
from ...text import lazy_gettext
from ..pages import render
from .access import Desk

_DONE = {
    "organization-created": lazy_gettext("The organization is created. Next: create its first project."),
    "renamed": lazy_gettext("The new name is saved."),
    "brand": lazy_gettext("The new look is saved. People see it within five minutes."),
    "saved": lazy_gettext("The settings are saved."),
    "unchanged": lazy_gettext("Nothing was changed."),
    "connected-before": lazy_gettext(
        "This app is connected already, and its secret is not shown twice. If you did not keep it, make another."
    ),
    "secret-before": lazy_gettext(
        "This secret was made already and is not shown twice. Make a new one if you need it."
    ),
    "secret-revoked": lazy_gettext("The secret is revoked. It works no longer."),
    "app-deleted": lazy_gettext("The app is deleted. Its tokens work no longer."),
}
"""What ``?done=`` may say: nothing of it is kept in a session, and nothing else can be put on the page."""


def show(desk: Desk, template: str, *, status: int = 200, **values: Any) -> Response:
    """Render ``console/<template>``.

    The template has ``desk``, ``organization``, ``project`` and ``client`` (or None), ``may_write``,
    ``done``, and ``organizations`` and ``projects`` for the menus.
    """
    organizations = [organization for organization, _ in desk.organizations()]
    here = desk.maybe_organization
    page = render(
        "console/" + template,
        desk=desk,
        login=desk.login,
        organization=here,
        project=desk.maybe_project,
        client=desk.maybe_client,
        may_write=desk.may_write,
        organizations=organizations,
        projects=list_projects(desk.ctx.session, organization_id=here.id) if here is not None else [],
        console_slug=CONSOLE_SLUG,
        done=_DONE.get(request.args.get("done", "")),
        **values,
    )
    return make_response(page, status)


def go(endpoint: str, **values: Any) -> Redirect:
    """Answer a POST that succeeded: 303 to a page of the console."""
    return redirect(url_for("hanko_console." + endpoint, **values), 303)
