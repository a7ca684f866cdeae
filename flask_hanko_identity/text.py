"""Every text that people read goes through here.

The texts are written in English in the code. ``web/translations.py`` puts Flask-Babel behind these functions
where the host has it; without it they show what is written.
"""

from collections.abc import Callable
from typing import Any

Translate = Callable[[str, str | None, int | None], str]
"""Takes singular, plural or None, number or None; returns the text in the person's language, placeholders kept."""


def _as_written(singular: str, plural: str | None, num: int | None) -> str:
    return singular if plural is None or num == 1 else plural


_translate: Translate = _as_written


def use_translator(translate: Translate) -> None:
    """Let ``translate`` choose the language from now on, in the whole process."""
    global _translate
    _translate = translate


def gettext(text: str, **values: object) -> str:
    """The text in the person's language, with ``%(name)s`` filled in."""
    translated = _translate(text, None, None)
    return translated % values if values else translated


def ngettext(singular: str, plural: str, num: int, **values: object) -> str:
    """As :func:`gettext`, by number; ``%(num)d`` is filled in."""
    return _translate(singular, plural, num) % {"num": num, **values}


class LazyText:
    """A text that is translated when it is shown, for labels made at import."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return gettext(self._text)

    def __mod__(self, values: Any) -> str:
        return str(str(self) % values)


def lazy_gettext(text: str) -> Any:
    """As :func:`gettext`, but at the time of showing. Typed loosely, as form labels are."""
    return LazyText(text)
