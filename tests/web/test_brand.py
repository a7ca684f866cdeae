"""The stylesheet of a project: threat F11, and colours that can be read."""

import re

import pytest

from flask_hanko_identity.web.brand import brand_css
from flask_hanko_identity.web.brand import contrast
from flask_hanko_identity.web.brand import mix
from flask_hanko_identity.web.brand import shade_for
from flask_hanko_identity.web.brand import text_on
from tests.web.visitors import sign_in

COLOURS = ["#000000", "#ffffff", "#ffff00", "#0000ff", "#808080", "#0f6a68", "#e8443a", "#7f7f00", "#00ff7f"]


def variables(css):
    light, dark = css.split("@media")
    return [dict(re.findall(r"--hk-([a-z-]+):([^;]+);", part)) for part in (light, dark)]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#767676", "#ffffff", 4.54), ("#123456", "#123456", 1)],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


def test_mixing():
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#102030", "#ffffff", 0) == "#102030"


@pytest.mark.parametrize("accent", COLOURS)
@pytest.mark.parametrize("background", COLOURS)
def test_whatever_is_chosen_can_be_read(accent, background):
    light, dark = variables(brand_css({"accent": accent, "background": background, "corners": "round"}))

    for look, surface in ((light, "#ffffff"), (dark, "#17202a")):
        assert contrast(look["on-accent"], look["accent"]) >= 4.5
        assert contrast(look["on-accent"], look["accent-strong"]) >= 4.5
        assert contrast(look["link"], surface) >= 4.5
        assert contrast(look["on-page"], look["page"]) >= 4.5
        assert contrast(look["on-page-soft"], look["page"]) >= 4.5
    assert light["accent"] == accent


@pytest.mark.parametrize("background", COLOURS)
def test_text_can_be_read_on_anything(background):
    assert contrast(text_on(background), background) >= 4.5


def test_a_colour_that_is_readable_stays():
    assert shade_for("#0f6a68", "#ffffff", 4.5) == "#0f6a68"


@pytest.mark.parametrize(
    "evil", ["red;}</style>", "url(//x)", "\\3c", "@import 'x'", "#fff", "#00000g", "#000000\n", 7, None, ["#000000"]]
)
def test_nothing_but_colours_gets_into_the_stylesheet(evil):
    css = brand_css({"accent": evil, "background": evil, "corners": evil, "font": evil})

    assert css == brand_css({})


def test_an_unknown_project_has_no_stylesheet(app):
    sign_in(app)

    assert app.test_client().get("/identity/nothing/brand.css").status_code == 404
    assert app.test_client().get("/identity/console/brand.css").status_code == 200
