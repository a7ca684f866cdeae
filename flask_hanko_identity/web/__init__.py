"""Blueprints, pages and everything else that knows Flask."""

from flask import Blueprint
from flask import Flask

from ..settings import Settings
from ..storage.projects import CONSOLE_SLUG
from .brand import make_brand_blueprint
from .console import make_console_blueprint
from .headers import protect
from .login import make_login_blueprint
from .oidc import make_oidc_blueprint
from .passkeys import make_passkeys_blueprint
from .passlinks import make_passlinks_blueprint
from .sessions_pages import make_sessions_blueprint
from .static import make_static_blueprint
from .well_known import make_well_known_blueprint


def register_blueprints(app: Flask, settings: Settings) -> None:
    """Put our pages and endpoints into the host, below the prefix; the host's own stay as they are."""
    prefix = settings.url_prefix
    blueprints = [
        (make_static_blueprint(), prefix),
        (make_brand_blueprint(), prefix),
        (make_oidc_blueprint(), prefix),
        (make_login_blueprint(), prefix),
        (make_passkeys_blueprint(), prefix),
        (make_passlinks_blueprint(), prefix),
        (make_sessions_blueprint(), prefix),
        (make_well_known_blueprint(settings), ""),
    ]
    if settings.console:
        blueprints.append((make_console_blueprint(), prefix + "/" + CONSOLE_SLUG))
    for blueprint, where in blueprints:
        protect(blueprint)
        app.register_blueprint(blueprint, url_prefix=where or None)
    _leave_csrf_to_us(app, [blueprint for blueprint, _ in blueprints])


def _leave_csrf_to_us(app: Flask, blueprints: list[Blueprint]) -> None:
    """Exempt our views from Flask-WTF's CSRFProtect: our forms carry a token of their own; see ``csrf.py``."""

    def exempt() -> None:
        csrf = app.extensions.get("csrf")
        if csrf is not None:
            for blueprint in blueprints:
                csrf.exempt(blueprint)

    exempt()
    if "csrf" not in app.extensions:
        # The host may add it after us; what is registered here runs before its check does.
        app.before_request(exempt)
