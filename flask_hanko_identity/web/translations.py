"""Flask-Babel behind our texts, where the host has it."""

from pathlib import Path
from typing import Any

from flask import current_app
from flask import has_app_context

from ..text import use_translator

try:
    from flask_babel import Domain
except ImportError:  # the host has no Flask-Babel
    Domain = None

DIRECTORY = Path(__file__).parent.parent / "translations"


def use_flask_babel() -> None:
    """Let the host's Flask-Babel choose the language of our texts, from our own domain."""
    if Domain is None:
        return
    domain: Any = Domain(translation_directories=[str(DIRECTORY)], domain="hanko_identity")

    def translate(singular: str, plural: str | None, num: int | None) -> str:
        if not has_app_context() or "babel" not in current_app.extensions:
            return singular if plural is None or num == 1 else plural
        translations = domain.get_translations()
        if plural is None:
            return str(translations.ugettext(singular))
        return str(translations.ungettext(singular, plural, num))

    use_translator(translate)
