"""What a browser says of itself, in words for people. It may say anything, so that nothing is decided by it."""

import re
from dataclasses import dataclass

_BROWSERS = (
    # Most of them also claim to be those that stand below them.
    ("Edg(?:e|A|iOS)?/", "Edge"),
    ("OPR/|OPT/|Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/|Ddg/", "DuckDuckGo"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("Chrom(?:e|ium)/|CriOS/", "Chrome"),
    ("Version/.*Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh|Mac OS X", "macOS"),
    ("Linux|X11", "Linux"),
)
_HANDHELD = ("iPhone", "iPad", "Android")


@dataclass(frozen=True, slots=True)
class Device:
    """What somebody signed in with, as far as it is known."""

    browser: str | None
    system: str | None

    @property
    def is_handheld(self) -> bool:
        """Whether it is a phone or a tablet."""
        return self.system in _HANDHELD


def read_user_agent(text: str | None) -> Device:
    """The device behind a ``User-Agent`` header (RFC 9110, section 10.1.5)."""
    return Device(_first(_BROWSERS, text or ""), _first(_SYSTEMS, text or ""))


def _first(known: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for pattern, name in known if re.search(pattern, text)), None)
