"""Blueprints, pages and everything else that knows Flask."""

from flask import Flask

from ..settings import Settings
from .brand import make_brand_blueprint
from .console import make_console_blueprint
from .headers import protect
from .login import make_login_blueprint
from .oidc import make_oidc_blueprint
from .static import make_static_blueprint
from .well_known import make_well_known_blueprint


def register_blueprints(app: Flask, settings: Settings) -> None:
    """Put our pages and endpoints into the host, below the prefix; the host's own stay as they are."""
    blueprints = [
        make_static_blueprint(),
        make_brand_blueprint(),
        make_oidc_blueprint(),
        make_login_blueprint(),
    ]
    if settings.console:
        blueprints.append(make_console_blueprint())
    well_known = make_well_known_blueprint(settings)
    csrf = app.extensions.get("csrf")
    for blueprint in [*blueprints, well_known]:
        protect(blueprint)
        if csrf is not None:
            # Our forms carry a token of their own, bound to our own cookie; see csrf.py.
            csrf.exempt(blueprint)
    for blueprint in blueprints:
        app.register_blueprint(blueprint, url_prefix=settings.url_prefix or None)
    app.register_blueprint(well_known)
