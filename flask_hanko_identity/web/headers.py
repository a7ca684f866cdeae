"""What every response of ours carries, and the limits of what we read."""

from flask import Blueprint
from flask import Response
from flask import request
from werkzeug.exceptions import BadRequest
from werkzeug.exceptions import NotFound
from werkzeug.exceptions import RequestURITooLarge

from .cookies import write_cookies
from .errors import register_error_handlers
from .requests import MAX_PARAMETERS
from .requests import MAX_URL

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
# No form-action: Chromium applies it to where the answer of a form redirects, and consent ends at the app.

MAX_BODY = 64 * 1024
"""Bytes."""


def protect(blueprint: Blueprint) -> None:
    """Give a blueprint our limits, headers, cookies and error pages; the host's own views are not touched."""
    blueprint.before_request(_limit)
    blueprint.after_request(_secure)
    register_error_handlers(blueprint)


def _limit() -> None:
    if len(request.path) + len(request.query_string) > MAX_URL:
        raise RequestURITooLarge
    # No database stores NUL, and no page has it in its address.
    if "\0" in request.path:
        raise NotFound
    try:
        parameters = sum(1 for _ in request.args.items(multi=True))
    except UnicodeDecodeError:
        raise BadRequest from None
    if parameters > MAX_PARAMETERS:
        raise BadRequest
    request.max_content_length = MAX_BODY
    request.max_form_parts = MAX_PARAMETERS
    request.max_form_memory_size = MAX_BODY


def _secure(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _POLICY)
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    return write_cookies(response)
