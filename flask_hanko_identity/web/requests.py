"""Reads protocol requests the way the specifications count parameters."""

from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import request
from werkzeug.exceptions import BadRequest
from werkzeug.exceptions import RequestEntityTooLarge

from ..protocol.bearer import BearerError
from ..protocol.parameters import read_once
from ..protocol.realm import MachineRequest

_FORM = "application/x-www-form-urlencoded"
MAX_URL = 8 * 1024
"""Bytes of path and query together."""
MAX_PARAMETERS = 100
"""In a query, and in a form that a protocol endpoint reads."""


def authorization_pairs() -> list[tuple[str, str]]:
    """Every parameter of an authorization or logout request as often as it came, from query and form together."""
    pairs = list(request.args.items(multi=True))
    if request.method == "POST" and is_form():
        pairs += _form_pairs()
    return pairs


def is_form() -> bool:
    """Whether the body is of the one media type that protocol endpoints read."""
    return request.mimetype == _FORM


def machine_request() -> MachineRequest:
    """A program's form; parameters in the URL never count (RFC 6749, section 3.2).

    :raises InvalidRequestError: if it is not a form, or repeats a parameter.
    """
    if request.mimetype != _FORM and (request.content_length or request.mimetype):
        raise InvalidRequestError("Send the parameters as application/x-www-form-urlencoded.")
    return MachineRequest(read_once(_form_pairs()), request.headers.get("Authorization"))


def bearer_request() -> MachineRequest:
    """A request for userinfo: GET, or POST with or without a form (OpenID Connect Core 1.0, section 5.3.1).

    :raises BearerError: if a parameter is there twice.
    """
    try:
        form = read_once(_form_pairs()) if is_form() and request.method == "POST" else {}
    except InvalidRequestError as error:
        # RFC 6750, section 3: a refusal carries a challenge.
        raise BearerError("invalid_request", error.description, status_code=400) from error
    return MachineRequest(form, request.headers.get("Authorization"))


def _form_pairs() -> list[tuple[str, str]]:
    pairs = list(request.form.items(multi=True))
    # Of a body whose length was not told Werkzeug reads as much as it may, and forgets that there was more.
    if request.content_length is None and getattr(request.stream, "is_exhausted", False):
        raise RequestEntityTooLarge
    if len(pairs) > MAX_PARAMETERS:
        raise BadRequest
    return pairs
