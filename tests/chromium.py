"""Where Chromium is."""

import shutil
import subprocess
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """A Chromium that starts: one on PATH, else the one Playwright has downloaded."""
    for name in NAMES:
        path = shutil.which(name)
        if path and _starts(path):
            return path
    return _downloaded()


def _downloaded() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() and _starts(path) else None


def _starts(path: str) -> bool:
    # A download without the system libraries it needs is there, but does not start.
    return subprocess.run([path, "--version"], capture_output=True).returncode == 0
