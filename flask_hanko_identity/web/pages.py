"""Renders our templates with what all of them need."""

from typing import Any

from flask import current_app
from flask import g
from flask import render_template

from ..text import gettext
from ..text import ngettext
from .csrf import csrf_token
from .translations import language


def render(template: str, **values: Any) -> str:
    """Render ``hanko_identity/<template>``.

    Each has ``project`` and ``login`` (or None), ``language``, ``has_console``, ``csrf_token()``, ``_`` and
    ``ngettext``.
    """
    values.setdefault("project", g.get("hanko_identity_project"))
    values.setdefault("login", g.get("hanko_identity_login"))
    values.setdefault("language", language())
    values.setdefault("has_console", "hanko_console" in current_app.blueprints)
    return render_template("hanko_identity/" + template, _=gettext, ngettext=ngettext, csrf_token=csrf_token, **values)
