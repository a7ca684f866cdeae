"""The standard claims that can be stored for a user, and their JSON types (OpenID Connect Core 1.0, 5.1)."""

import difflib
import re
import unicodedata
from collections.abc import Callable
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidInput
from ..text import gettext

LONGEST_TEXT = 1000

Check = Callable[[str, Any], Any]

_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9+_-]*(/[A-Za-z0-9+_-]+)*")
_PHONE = re.compile(r"\+?[0-9(][0-9 ().-]{2,40}(;ext=[0-9]{1,10})?")
_ADDRESS = ("formatted", "street_address", "locality", "region", "postal_code", "country")
_OF_THE_PROVIDER = frozenset({"sub", "email", "email_verified", "updated_at"})


def check_claims(claims: Any) -> dict[str, Any]:
    """Claims that may be stored: known ones, each of its own JSON type.

    ``sub``, ``email``, ``email_verified`` and ``updated_at`` have columns of their own and are none of them.

    :raises InvalidInput: naming the claim and what it should be.
    """
    if not isinstance(claims, Mapping):
        raise InvalidInput(gettext("Claims are a JSON object."), field="claims")
    return {name: _check(name, value) for name, value in claims.items()}


def _check(name: Any, value: Any) -> Any:
    if name in _OF_THE_PROVIDER:
        raise InvalidInput(gettext("“%(name)s” is not set among the claims.", name=name), field="claims")
    check = _CHECKS.get(name) if isinstance(name, str) else None
    if check is None:
        near = difflib.get_close_matches(str(name)[:100], _CHECKS, n=1, cutoff=0)
        raise InvalidInput(gettext("There is no such claim. Did you mean “%(name)s”?", name=near[0]), field="claims")
    return check(name, value)


def _text(name: str, value: Any, *, lines: bool = False) -> str:
    if not isinstance(value, str) or not value.strip():
        # Section 5.3.2: a claim without a value is left out.
        raise _wrong(name, gettext("text that is not empty; leave it out if there is none"))
    if len(value) > LONGEST_TEXT:
        raise _wrong(name, gettext("at most %(longest)d characters long", longest=LONGEST_TEXT))
    for character in value:
        if unicodedata.category(character) in ("Cc", "Cs") and not (lines and character in "\r\n"):
            raise _wrong(name, gettext("text without control characters"))
    return value


def _lines(name: str, value: Any) -> str:
    return _text(name, value, lines=True)


def _url(name: str, value: Any) -> str:
    text = _text(name, value)
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname or " " in text:
        raise _wrong(name, gettext("a URL that starts with https:// or http://"))
    return text


def _birthdate(name: str, value: Any) -> str:
    text = _text(name, value)
    wrong = _wrong(name, gettext("a date such as 1990-12-31, 0000-12-31 without the year, or 1990"))
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?", text):
        raise wrong
    if len(text) == 10:
        try:
            # Section 5.1: year 0000 says that it is withheld; 2000 has all days of the year.
            date.fromisoformat(text if text[:4] != "0000" else "2000" + text[4:])
        except ValueError as error:
            raise wrong from error
    return text


def _matching(pattern: re.Pattern[str], example: str) -> Check:
    def check(name: str, value: Any) -> str:
        text = _text(name, value)
        if not pattern.fullmatch(text):
            raise _wrong(name, gettext("of the form %(example)s", example=example))
        return text

    return check


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, gettext("true or false"))
    return value


def _address(name: str, value: Any) -> dict[str, str]:
    """Section 5.1.1: an object of texts."""
    if not isinstance(value, Mapping) or not value or not set(value) <= set(_ADDRESS):
        raise _wrong(name, gettext("an object with some of: %(members)s", members=", ".join(_ADDRESS)))
    return {member: _lines(f"{name}.{member}", text) for member, text in value.items()}


def _wrong(name: str, form: str) -> InvalidInput:
    return InvalidInput(gettext("The claim “%(name)s” must be %(form)s.", name=name, form=form), field="claims")


_CHECKS: dict[str, Check] = {
    "name": _text,
    "given_name": _text,
    "family_name": _text,
    "middle_name": _text,
    "nickname": _text,
    "preferred_username": _text,
    "profile": _url,
    "picture": _url,
    "website": _url,
    "gender": _text,
    "birthdate": _birthdate,
    "zoneinfo": _matching(_ZONE, "Europe/Paris"),
    "locale": _matching(_LOCALE, "en-US"),
    "phone_number": _matching(_PHONE, "+1 (604) 555-1234;ext=5678"),
    "phone_number_verified": _boolean,
    "address": _address,
}
