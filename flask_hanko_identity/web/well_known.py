"""Documents at the root of the host, where a path is inserted after ``/.well-known/…`` (RFC 8414, section 3.1)."""

from urllib.parse import urlsplit

from flask import Blueprint
from flask import Response

from ..protocol.metadata import discovery_bytes
from ..settings import Settings
from .context import ready_context
from .errors import answers_json
from .oidc import metadata_response


def make_well_known_blueprint(settings: Settings) -> Blueprint:
    """``hanko_well_known``: registered without our prefix."""
    blueprint = Blueprint("hanko_well_known", __name__)
    path = urlsplit(settings.base_url).path

    @blueprint.get(f"/.well-known/oauth-authorization-server{path}/<slug>")
    @answers_json
    def authorization_server(slug: str) -> Response:
        return metadata_response(discovery_bytes(ready_context(slug).project))

    return blueprint
