"""The one place where an error becomes a page, a JSON object or nothing but a reference in the log."""

import logging
import math
import secrets
from collections.abc import Callable
from typing import Any
from typing import TypeVar

from authlib.oauth2 import OAuth2Error
from flask import Blueprint
from flask import Response
from flask import current_app
from flask import jsonify
from flask import make_response
from flask import redirect
from flask import request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from ..errors import HostFunctionFailed
from ..errors import IdentityError
from ..errors import PasskeyRejected
from ..errors import TooManyRequests
from ..flows.freshness import StepUpRequired
from ..protocol.errors import RequestRefused
from ..text import gettext
from .pages import render
from .profile_page import step_up_url

log = logging.getLogger("flask_hanko_identity")

View = TypeVar("View", bound=Callable[..., Any])


def answers_json(view: View) -> View:
    """Mark a view as one that a program calls: its errors are JSON."""
    view.answers_json = True  # type: ignore[attr-defined]
    return view


def register_error_handlers(blueprint: Blueprint) -> None:
    """Render the errors of our own views; the host's handlers keep the rest."""
    blueprint.register_error_handler(IdentityError, _identity_error)
    blueprint.register_error_handler(StepUpRequired, _step_up)
    blueprint.register_error_handler(RequestRefused, _request_refused)
    blueprint.register_error_handler(OAuth2Error, _oauth_error)
    blueprint.register_error_handler(HTTPException, _http_error)
    blueprint.register_error_handler(Exception, _unexpected)


def error_page(
    message: str, *, status: int, title: str | None = None, details: list[tuple[str, str]] | None = None
) -> Response:
    """A page that says what went wrong, what to do, and the number under which the log knows it.

    :param details: what was received and what was registered, never a secret. The log has them; the page shows them
        in debug mode only.
    """
    reference = secrets.token_hex(6)
    log.warning("%s %s: %s [%s] %s", status, request.endpoint, message, reference, details or "")
    page = render(
        "error.html",
        title=title or gettext("That did not work"),
        message=message,
        reference=reference,
        details=(details or []) if current_app.debug else [],
        status=status,
    )
    return make_response(page, status)


def _identity_error(error: IdentityError) -> Response:
    if _wants_json():
        body: dict[str, Any] = {"error": type(error).__name__, "message": error.message}
        if error.field:
            body["field"] = error.field
        if isinstance(error, PasskeyRejected) and error.is_gone:
            body["is_gone"] = True
        response = make_response(jsonify(body), error.status_code)
    else:
        response = error_page(error.message, status=error.status_code)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    return response


def _step_up(error: StepUpRequired) -> AnyResponse:
    location = step_up_url()
    if _wants_json():
        body = {"error": type(error).__name__, "message": error.message, "location": location}
        return make_response(jsonify(body), error.status_code)
    return redirect(location, 303)


def _request_refused(error: RequestRefused) -> Response:
    return error_page(error.message, status=400, details=error.details)


def _oauth_error(error: OAuth2Error) -> Response:
    if not _wants_json():
        return error_page(error.description or error.error or "", status=400)
    body = {"error": error.error}
    if error.description:
        body["error_description"] = error.description
    response = make_response(jsonify(body), error.status_code)
    for name, value in error.get_headers():
        if name == "WWW-Authenticate":
            response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response(request.environ)  # type: ignore[return-value]
    if _wants_json():
        code = "temporarily_unavailable" if status == 503 else "invalid_request"
        response = make_response(jsonify(error=code, error_description=error.name), status)
    else:
        response = error_page(_sentence(status), status=status, title=error.name)
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _sentence(status: int) -> str:
    if status == 404:
        return gettext("There is no such page. Check the address.")
    if status == 413:
        return gettext("That was too much at once. Send less.")
    return gettext("The request could not be understood. Go back, reload the page and try again.")


def _unexpected(error: Exception) -> Response:
    state = current_app.extensions["hanko_identity"]
    state.db.session.rollback()
    reference = secrets.token_hex(6)
    unavailable = isinstance(error, OperationalError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
    # The statement's parameters may hold what nobody should read, so the error's text stays out of the log.
    log.error(
        "%s in %s [%s]",
        type(error).__name__,
        request.endpoint,
        reference,
        exc_info=None if unavailable else error,
    )
    status = 503 if unavailable or isinstance(error, HostFunctionFailed) else 500
    if unavailable:
        message = gettext("We cannot reach our database right now. Try again in a moment.")
    else:
        message = gettext("Something went wrong on our side. Try again; if it stays so, tell us the number below.")
    if _wants_json():
        body = {
            "error": "temporarily_unavailable" if unavailable else "server_error",
            "error_description": f"Reference {reference}",
        }
        response = make_response(jsonify(body), status)
    else:
        page = render(
            "error.html",
            title=gettext("That did not work"),
            message=message,
            reference=reference,
            details=[],
            status=status,
        )
        response = make_response(page, status)
    if unavailable:
        response.headers["Retry-After"] = "2"
    return response


def _wants_json() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return bool(getattr(view, "answers_json", False))
