"""The endpoints that programs call. Each view parses, calls one flow, and renders."""

from flask import Blueprint
from flask import Response
from flask import jsonify
from flask import request
from werkzeug.exceptions import MethodNotAllowed

from ..flows import token as token_flow
from ..protocol.metadata import discovery_bytes
from ..protocol.metadata import jwks_bytes
from ..protocol.signing import JWKS_MAX_AGE
from .authorize import add_authorize_views
from .context import ready_context
from .errors import answers_json
from .logout import add_logout_views
from .requests import bearer_request
from .requests import machine_request

_ANY = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
"""Routed to the view, which answers 405 itself: else the host's error page would answer a program."""


def make_oidc_blueprint() -> Blueprint:
    """``hanko_oidc``: discovery, keys, authorization, token, userinfo, revocation, introspection, logout."""
    blueprint = Blueprint("hanko_oidc", __name__)

    @blueprint.route("/<slug>/token", methods=_ANY)
    @answers_json
    def token(slug: str) -> Response:
        _only("POST")
        reply = token_flow.exchange(ready_context(slug), machine_request())
        return jsonify(reply.body)

    @blueprint.route("/<slug>/userinfo", methods=_ANY)
    @answers_json
    def userinfo(slug: str) -> Response:
        _only("GET", "POST")
        return jsonify(token_flow.userinfo(ready_context(slug), bearer_request()))

    @blueprint.route("/<slug>/introspect", methods=_ANY)
    @answers_json
    def introspect(slug: str) -> Response:
        _only("POST")
        return jsonify(token_flow.introspect(ready_context(slug), machine_request()))

    @blueprint.route("/<slug>/revoke", methods=_ANY)
    @answers_json
    def revoke(slug: str) -> Response:
        _only("POST")
        token_flow.revoke(ready_context(slug), machine_request())
        return Response(status=200)

    @blueprint.get("/<slug>/.well-known/openid-configuration")
    @answers_json
    def discovery(slug: str) -> Response:
        return metadata_response(discovery_bytes(ready_context(slug).project))

    @blueprint.get("/<slug>/jwks")
    @answers_json
    def jwks(slug: str) -> Response:
        return metadata_response(jwks_bytes(ready_context(slug)))

    add_authorize_views(blueprint)
    add_logout_views(blueprint)
    return blueprint


def metadata_response(body: bytes) -> Response:
    """Metadata that anybody may read and keep for a while, browser scripts of other sites included."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = f"public, max-age={int(JWKS_MAX_AGE.total_seconds())}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _only(*methods: str) -> None:
    if request.method not in methods:
        raise MethodNotAllowed(valid_methods=methods)
