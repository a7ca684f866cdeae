"""What browsers say of themselves."""

import pytest

from flask_hanko_identity.flows.devices import device_name
from flask_hanko_identity.protocol.user_agents import read_user_agent

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "name", "handheld"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36", "Chrome on Linux", False),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows", False),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
            "Firefox on Windows",
            False,
        ),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) {WEBKIT} Version/26.0 Safari/605.1", "Safari on macOS", False),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} Version/18.0 Mobile Safari/604.1",
            "Safari on iPhone",
            True,
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) {WEBKIT} CriOS/140.0 Mobile Safari/604.1",
            "Chrome on iPad",
            True,
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15) {WEBKIT} SamsungBrowser/27.0 Chrome/125.0",
            "Samsung Internet on Android",
            True,
        ),
        (f"Mozilla/5.0 (X11; CrOS x86_64 16033) {WEBKIT} Chrome/140.0 Safari/537.36", "Chrome on ChromeOS", False),
        (f"Mozilla/5.0 (X11; Linux) {WEBKIT} Chrome/140.0 Safari/537.36 OPR/120.0", "Opera on Linux", False),
        ("curl/8.9", "An unknown device", False),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Linux", False),
        ("", "An unknown device", False),
        (None, "An unknown device", False),
    ],
)
def test_is_told_in_words(agent, name, handheld):
    assert device_name(agent) == name
    assert read_user_agent(agent).is_handheld == handheld
