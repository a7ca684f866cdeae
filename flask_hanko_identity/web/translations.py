"""Flask-Babel behind our texts, where the host has it."""

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from flask import Flask
from flask import current_app
from flask import has_app_context

from ..text import use_translator

try:
    from flask_babel import Domain
    from flask_babel import get_babel
    from flask_babel import get_locale
except ImportError:  # the host has no Flask-Babel
    Domain = None

DOMAIN = "hanko_identity"
DIRECTORY = Path(__file__).parent.parent / "translations"

_domains: WeakKeyDictionary[Flask, Any] = WeakKeyDictionary()


def use_flask_babel() -> None:
    """Let the host's Flask-Babel choose the language of our texts.

    They are looked up in ``hanko_identity.mo``: ours, then those in the host's own translation directories.
    """
    if Domain is not None:
        use_translator(_translate)


def language() -> str:
    """The language of our pages in this request, as HTML wants it."""
    locale = get_locale() if _has_babel() else None
    return "en" if locale is None else str(locale).replace("_", "-")


def _translate(singular: str, plural: str | None, num: int | None) -> str:
    if not _has_babel():
        return singular if plural is None or num == 1 else plural
    translations = _domain().get_translations()
    if plural is None:
        return str(translations.ugettext(singular))
    return str(translations.ungettext(singular, plural, num))


def _has_babel() -> bool:
    return Domain is not None and has_app_context() and "babel" in current_app.extensions


def _domain() -> Any:
    app: Any = current_app
    app = app._get_current_object()
    if app not in _domains:
        _domains[app] = Domain([str(DIRECTORY), *get_babel().translation_directories], DOMAIN)
    return _domains[app]
