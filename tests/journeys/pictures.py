"""Pictures for the documentation, taken on the way if ``SCREENSHOTS=1`` is set: see ``make screenshots``."""

import io
import os

from PIL import Image
from playwright.sync_api import Page

from tests.live import ROOT

FOLDER = ROOT / "docs" / "screenshots"
COLOURS = 96
"""In a picture's palette: our pages have few, and the files stay small."""


def take_picture(page: Page, name: str) -> None:
    """What the window shows."""
    if os.environ.get("SCREENSHOTS") != "1":
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide")))
    picture.convert("RGB").quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)
