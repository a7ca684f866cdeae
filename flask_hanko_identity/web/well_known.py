"""Documents at the root of the host, below ``/.well-known/``.

Metadata of a project, where its path is inserted (RFC 8414, section 3.1); and what browsers and password managers look
for at the host that the RP ID names.
"""

import json
from urllib.parse import urlsplit

from flask import Blueprint
from flask import Response

from ..errors import NotFound
from ..flows.ceremonies import require_own_pages
from ..protocol.metadata import discovery_bytes
from ..settings import Settings
from ..storage.projects import CONSOLE_SLUG
from ..text import gettext
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

    @blueprint.get("/.well-known/passkey-endpoints")
    @answers_json
    def passkey_endpoints() -> Response:
        # W3C, "A Well-Known URL for Relying Party Passkey Endpoints". There is one for all projects of the host.
        slug = settings.passkey_project or (CONSOLE_SLUG if settings.console else "")
        if not slug:
            raise _nothing()
        ctx = ready_context(slug)
        require_own_pages(ctx)
        url = f"{ctx.project.issuer}/profile/passkeys"
        return metadata_response(json.dumps({"enroll": url, "manage": url}).encode())

    related = _related_origins(settings)

    @blueprint.get("/.well-known/webauthn")
    @answers_json
    def related_origins() -> Response:
        # Web Authentication Level 3, section 5.11: origins of other domains that may use passkeys of our RP ID.
        if not related:
            raise _nothing()
        return metadata_response(json.dumps({"origins": related}).encode())

    return blueprint


def _related_origins(settings: Settings) -> list[str]:
    """The origins that browsers would refuse otherwise; those of apps are no web origins and not for browsers."""
    hosts = {each: urlsplit(each).hostname or "" for each in settings.origins if each.startswith("https://")}
    own = settings.rp_id
    return [origin for origin, host in hosts.items() if host != own and not host.endswith("." + own)]


def _nothing() -> NotFound:
    return NotFound(gettext("There is no such document here."))
