"""Our own cookies; Flask's session cookie is the host's and stays untouched.

One names the browser (whatever project it visits), so that a pending request, a ceremony and a form work only where
they began. One for each project names the login session, and one more those of other accounts that are signed in at
the same time. All are HttpOnly, SameSite=Lax, without a Domain, and
``__Host-`` on https (RFC 6265bis, section 4.1.3.2).
"""

import re
from collections.abc import Sequence
from datetime import timedelta

from flask import Response
from flask import current_app
from flask import g
from flask import request

from ..crypto import random_text
from ..settings import Settings
from ..storage.snapshots import ProjectSnapshot

_TOKEN = re.compile(r"[0-9A-Za-z]{43}")
_TOKENS = re.compile(r"[0-9A-Za-z]{43}(?:\.[0-9A-Za-z]{43}){0,15}")
_BROWSER_AGE = 400 * 24 * 3600
_LATER = re.compile(r"[0-9]{1,12}\.[0-9A-Za-z_-]{43}")


def browser_token() -> str:
    """The value that names this browser, made now if it has none. Never call it on a cross-site POST."""
    token = sent_browser_token()
    if not token:
        token = random_text()
        g.hanko_identity_browser = token
        _outbox()[_browser_name()] = (token, _BROWSER_AGE)
    return token


def sent_browser_token() -> str:
    """The value that names this browser, or an empty text if it brought none."""
    made: str | None = g.get("hanko_identity_browser")
    return made or _read(_browser_name()) or ""


def login_token(project: ProjectSnapshot) -> str | None:
    """The value of the project's login cookie, if it has the form of one: the new one once it was set or cleared."""
    name = _login_name(project)
    if name in _outbox():
        return _outbox()[name][0] or None
    return _read(name)


def set_login_token(project: ProjectSnapshot, token: str) -> None:
    """Sign the browser in: the cookie goes out with this response, for as long as a session may last."""
    _outbox()[_login_name(project)] = (token, int(_settings().session_lifetime.total_seconds()))


def clear_login_token(project: ProjectSnapshot) -> None:
    """Sign the browser out."""
    _outbox()[_login_name(project)] = ("", 0)


def other_login_tokens(project: ProjectSnapshot) -> list[str]:
    """What the login cookie held for the other accounts that are signed in here, the last one first."""
    name = _others_name(project)
    value = _outbox()[name][0] if name in _outbox() else request.cookies.get(name, "")
    return value.split(".") if _TOKENS.fullmatch(value) else []


def set_other_login_tokens(project: ProjectSnapshot, tokens: Sequence[str]) -> None:
    """Keep them in the browser; none of them takes the cookie away."""
    age = int(_settings().session_lifetime.total_seconds()) if tokens else 0
    _outbox()[_others_name(project)] = (".".join(tokens), age)


def later_note(project: ProjectSnapshot) -> str | None:
    """The note that somebody does not want to be offered something now, if it has the form of one."""
    value = request.cookies.get(_later_name(project))
    return value if value and _LATER.fullmatch(value) else None


def set_later_note(project: ProjectSnapshot, note: str, age: timedelta) -> None:
    """Keep such a note in the browser."""
    _outbox()[_later_name(project)] = (note, int(age.total_seconds()))


def write_cookies(response: Response) -> Response:
    """Put the cookies of this request on its response."""
    outbox: dict[str, tuple[str, int]] | None = g.get("hanko_identity_cookies")
    for name, (value, age) in (outbox or {}).items():
        response.set_cookie(
            name, value, max_age=age, path="/", secure=_settings().secure, httponly=True, samesite="Lax"
        )
    return response


def _settings() -> Settings:
    settings: Settings = current_app.extensions["hanko_identity"].settings
    return settings


def _outbox() -> dict[str, tuple[str, int]]:
    if "hanko_identity_cookies" not in g:
        g.hanko_identity_cookies = {}
    outbox: dict[str, tuple[str, int]] = g.hanko_identity_cookies
    return outbox


def _read(name: str) -> str | None:
    value = request.cookies.get(name)
    return value if value and _TOKEN.fullmatch(value) else None


def _browser_name() -> str:
    settings = _settings()
    return ("__Host-" if settings.secure else "") + settings.cookie_name


def _login_name(project: ProjectSnapshot) -> str:
    return f"{_browser_name()}-{project.slug}"


def _others_name(project: ProjectSnapshot) -> str:
    return f"{_browser_name()}.others-{project.slug}"


def _later_name(project: ProjectSnapshot) -> str:
    # The dot keeps it apart from the login cookie of a project that is called "later-…".
    return f"{_browser_name()}.later-{project.slug}"
