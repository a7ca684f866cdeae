"""The look of a project's pages: a stylesheet of its own, as our security policy allows nothing inline."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from flask import Response

from .context import context

DEFAULT_BRAND = {"accent": "#0f6a68", "background": "#f5f6f8", "corners": "round"}

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_BLACK = "#000000"
_INK = "#16212e"
_WHITE = "#ffffff"
_DARK_SURFACE = "#17202a"
_DARK_PAGE = "#0e141b"
_DEFAULT_DARK_ACCENT = "#5cc8bf"
"""As in ``identity.css``: chosen by eye, where other accents get a computed shade."""
TEXT_CONTRAST = 4.5
"""Web Content Accessibility Guidelines 2.2, success criterion 1.4.3."""
_RADII = {"round": ("14px", "9px"), "square": ("0", "0")}


def make_brand_blueprint() -> Blueprint:
    """``hanko_brand``: one stylesheet for each project."""
    blueprint = Blueprint("hanko_brand", __name__)

    @blueprint.get("/<slug>/brand.css")
    def stylesheet(slug: str) -> Response:
        response = Response(brand_css(context(slug).project.brand), mimetype="text/css")
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    return blueprint


def brand_css(brand: Mapping[str, Any]) -> str:
    """The variables that ``identity.css`` takes from a brand.

    Nothing but checked colours and our own words gets in. Where the chosen accent could not be read on white,
    or in the dark, a lighter or darker shade of it stands in.
    """
    accent, background = (_colour(brand, name) for name in ("accent", "background"))
    radius, small = _RADII.get(str(brand.get("corners")), _RADII["round"])
    dark_page = background if luminance(background) < 0.05 else mix(background, _DARK_PAGE, 0.97)
    dark_accent = shade_for(accent, _DARK_SURFACE, TEXT_CONTRAST)
    if accent == DEFAULT_BRAND["accent"]:
        dark_accent = _DEFAULT_DARK_ACCENT
    light = {**_accents(accent, shade_for(accent, _WHITE, TEXT_CONTRAST), _WHITE), **_page(background)}
    light.update({"radius": radius, "radius-small": small})
    dark = {**_accents(dark_accent, dark_accent, _DARK_SURFACE), **_page(dark_page)}
    return f":root{{{_declare(light)}}}\n@media (prefers-color-scheme:dark){{:root{{{_declare(dark)}}}}}\n"


def mail_colours(brand: Mapping[str, Any]) -> dict[str, str]:
    """A brand's colours for mails, which can read no stylesheet of ours: for light and (``dark_…``) for dark."""
    accent, page = (_colour(brand, name) for name in ("accent", "background"))
    dark_accent = shade_for(accent, _DARK_SURFACE, TEXT_CONTRAST)
    light_accent = shade_for(accent, _WHITE, 3.0)  # a button has to stand out from white (WCAG 2.2, 1.4.11)
    return {
        "accent": light_accent,
        "on_accent": text_on(light_accent),
        "link": shade_for(accent, _WHITE, TEXT_CONTRAST),
        "page": page,
        "on_page": text_on(page),
        "text": _INK,
        "surface": _WHITE,
        "dark_accent": dark_accent,
        "dark_on_accent": text_on(dark_accent),
        "dark_page": _DARK_PAGE,
        "dark_text": "#e7ecf2",
        "dark_surface": _DARK_SURFACE,
    }


def is_colour(text: str) -> bool:
    """Whether it is ``#rrggbb`` in lower case, and nothing else."""
    return _COLOUR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """How well two colours can be told apart, from 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, from 0 to 1 (WCAG 2.2)."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in _parts(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mix(colour: str, other: str, share: float) -> str:
    """``colour`` with this share of ``other`` in it."""
    parts = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(one * (1 - share) + two * share):02x}" for one, two in parts)


def text_on(background: str) -> str:
    """Near-black or white, whichever reads better; black where neither is enough."""
    best = max((_INK, _WHITE), key=lambda text: contrast(text, background))
    return best if contrast(best, background) >= TEXT_CONTRAST else _BLACK


def shade_for(colour: str, background: str, least: float) -> str:
    """``colour``, or the nearest shade of it that stands out from ``background`` by ``least``."""
    towards = _WHITE if luminance(background) < 0.18 else _BLACK
    for step in range(20):
        shade = mix(colour, towards, step / 20)
        if contrast(shade, background) >= least:
            return shade
    return towards


def _accents(accent: str, link: str, surface: str) -> dict[str, str]:
    on_accent = text_on(accent)
    return {
        "accent": accent,
        "on-accent": on_accent,
        "accent-strong": mix(accent, _WHITE if luminance(on_accent) < 0.5 else _BLACK, 0.16),
        "link": link,
        "tint": mix(accent, surface, 0.9),
    }


def _page(background: str) -> dict[str, str]:
    text = text_on(background)
    soft = mix(text, background, 0.25)
    return {
        "page": background,
        "on-page": text,
        "on-page-soft": soft if contrast(soft, background) >= TEXT_CONTRAST else text,
    }


def _colour(brand: Mapping[str, Any], name: str) -> str:
    value = brand.get(name)
    return value if isinstance(value, str) and is_colour(value) else DEFAULT_BRAND[name]


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _declare(variables: Mapping[str, str]) -> str:
    return "".join(f"--hk-{name}:{value};" for name, value in variables.items())
