"""The management console: where people look after organizations, projects and apps."""

from flask import Blueprint

from . import clients
from . import organizations
from . import projects


def make_console_blueprint() -> Blueprint:
    """``hanko_console``: every address of the console, below the path it is registered at."""
    blueprint = Blueprint("hanko_console", __name__)
    organization = "/organizations/<organization_id>"
    project = "/projects/<slug>"
    app = project + "/apps/<client_id>"
    for rule, view, methods in (
        ("/", organizations.home, "GET"),
        ("/organizations/new", organizations.new_organization, "GET POST"),
        (organization, organizations.organization, "GET"),
        (organization + "/settings", organizations.organization_settings, "GET POST"),
        (organization + "/projects/new", projects.new_project, "GET POST"),
        (project, projects.dashboard, "GET"),
        (project + "/status", projects.status, "GET"),
        (project + "/retry", projects.retry_project, "POST"),
        (project + "/settings", projects.project_settings, "GET POST"),
        (project + "/brand", projects.brand, "GET POST"),
        (project + "/sign-in", projects.sign_in_settings, "GET POST"),
        (project + "/apps", clients.apps, "GET"),
        (project + "/apps/connect", clients.connect_app, "GET POST"),
        (app, clients.app_settings, "GET POST"),
        (app + "/secrets", clients.new_secret, "GET POST"),
        (app + "/secrets/revoke", clients.revoke_app_secret, "POST"),
        (app + "/delete", clients.delete_app, "GET POST"),
    ):
        blueprint.add_url_rule(rule, view_func=view, methods=methods.split())
    return blueprint
