"""Forms and ceremonies come from our own pages, or are refused.

The token is a keyed digest of our browser cookie and the login cookies, so nothing is kept for it and the host's
session is not used. A host with ``CSRFProtect`` and one without are the same to us.
"""

from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask import g
from flask import request
from flask_wtf import FlaskForm
from wtforms import ValidationError
from wtforms.csrf.core import CSRF

from ..crypto import KeyRing
from ..errors import InvalidInput
from ..errors import RequestForged
from ..settings import Settings
from ..text import gettext
from .cookies import browser_token
from .cookies import login_token
from .cookies import sent_browser_token

MAX_BODY = 64 * 1024
"""Bytes that a ceremony or a form may hold."""


def csrf_token() -> str:
    """The token for forms and ceremonies of the page that is being made."""
    return _ring().mac("csrf", browser_token(), _login())


def csrf_token_is_valid(token: object) -> bool:
    """Whether ``token`` was made for this browser in its present state of sign-in."""
    browser = sent_browser_token()
    if not browser or not isinstance(token, str) or len(token) > 100:
        return False
    return _ring().verify_mac(token, "csrf", browser, _login())


class _BrowserCSRF(CSRF):
    """WTForms' part of the token."""

    def generate_csrf_token(self, csrf_token_field: Any) -> str:
        return csrf_token()

    def validate_csrf_token(self, form: Any, field: Any) -> None:
        if not csrf_token_is_valid(field.data):
            raise ValidationError(_expired())


class IdentityForm(FlaskForm):
    """Base of all our forms. Its token cannot be switched off by the host's configuration."""

    class Meta(FlaskForm.Meta):
        csrf = True
        csrf_class = _BrowserCSRF
        csrf_field_name = "csrf_token"

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """Forms only: Flask-WTF would read JSON of any shape too."""
            if formdata is None or hasattr(formdata, "getlist"):
                return formdata
            return request.form if request.method == "POST" else None

    def validate(self, extra_validators: Any = None) -> bool:
        """As in WTForms, but a forged form is refused outright.

        :raises RequestForged: if the token is missing or foreign, or the browser says that another site sent it.
        """
        check_origin()
        if not csrf_token_is_valid(request.form.get("csrf_token")):
            raise RequestForged(_expired())
        return bool(super().validate(extra_validators))


def check_origin(*, required: bool = False) -> None:
    """Compare what the browser says of where a request comes from with where we are.

    With ``Referrer-Policy: no-referrer`` a browser sends ``Origin: null`` with a form of our own; then
    ``Sec-Fetch-Site`` must say that it is one.

    :param required: refuse a request that says nothing, and never accept ``null``.
    :raises RequestForged: if it comes from elsewhere.
    """
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    settings = _settings()
    if site in ("cross-site", "same-site"):
        raise RequestForged(_foreign())
    if origin is None:
        if required:
            raise RequestForged(_foreign())
    elif origin == "null":
        if required or site != "same-origin":
            raise RequestForged(_foreign())
    elif origin not in (settings.origin, *settings.origins):
        raise RequestForged(_foreign())


def check_ceremony_request() -> dict[str, Any]:
    """The JSON object that one of our scripts posted.

    :raises RequestForged: if it may have come from elsewhere.
    :raises InvalidInput: if it is not a JSON object, is too large, or holds text that cannot be stored.
    """
    check_origin(required=True)
    if request.mimetype != "application/json":
        raise RequestForged(_foreign())
    if not csrf_token_is_valid(request.headers.get("X-CSRFToken")):
        raise RequestForged(_expired())
    wrong = gettext("The browser sent something that cannot be read. Reload the page and try again.")
    if (request.content_length or 0) > MAX_BODY:
        raise InvalidInput(wrong)
    try:
        data = request.get_json(force=True, silent=True)
    except RecursionError as error:
        raise InvalidInput(wrong) from error
    if not isinstance(data, dict) or not _storable(data):
        raise InvalidInput(wrong)
    return data


def _storable(value: object, depth: int = 0) -> bool:
    if depth > 32:
        return False
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return all(_storable(key) and _storable(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return all(_storable(item, depth + 1) for item in value)
    return True


def _login() -> str:
    project = g.get("hanko_identity_project")
    return (login_token(project) or "") if project is not None else ""


def _ring() -> KeyRing:
    ring: KeyRing = current_app.extensions["hanko_identity"].ring
    return ring


def _settings() -> Settings:
    settings: Settings = current_app.extensions["hanko_identity"].settings
    return settings


def _expired() -> str:
    return gettext("This page has expired, or you signed in or out in another tab. Reload it and try again.")


def _foreign() -> str:
    return gettext(
        "This request did not come from %(host)s. Open the page there and try again.",
        host=urlsplit(_settings().base_url).netloc,
    )
