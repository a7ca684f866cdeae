"""Our own static files, and Bootstrap's out of the Bootstrap-Flask package; nothing from another host."""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint
from flask import Response
from flask import send_from_directory
from werkzeug.exceptions import NotFound

_OURS = Path(__file__).parent.parent
_BOOTSTRAP = Path(str(files("flask_bootstrap"))) / "static" / "bootstrap5"
_VENDOR = {
    "bootstrap.min.css": ("css", "bootstrap.min.css"),
    "bootstrap-icons.svg": ("icons", "bootstrap-icons.svg"),
}


def make_static_blueprint() -> Blueprint:
    """``hanko_static``: stylesheets, scripts and icons."""
    blueprint = Blueprint("hanko_static", __name__, template_folder=str(_OURS / "templates"))

    @blueprint.get("/static/<path:filename>")
    def static(filename: str) -> Response:
        return _cached(send_from_directory(_OURS / "static" / "hanko_identity", filename))

    @blueprint.get("/static/vendor/<filename>")
    def vendor(filename: str) -> Response:
        if filename not in _VENDOR:
            raise NotFound
        folder, name = _VENDOR[filename]
        return _cached(send_from_directory(_BOOTSTRAP / folder, name))

    return blueprint


def _cached(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
