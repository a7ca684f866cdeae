"""Chromium with a virtual authenticator and axe-core."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser
from playwright.sync_api import BrowserContext
from playwright.sync_api import CDPSession
from playwright.sync_api import ConsoleMessage
from playwright.sync_api import Page
from playwright.sync_api import WebError
from playwright.sync_api import sync_playwright

from tests.chromium import find_chromium

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
]
PLATFORM_AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def launch() -> Iterator[Browser]:
    """A headless Chromium."""
    executable = find_chromium()
    if executable is None:
        raise RuntimeError("No Chromium that starts; `make test` or `python -m tests.prepare` gets one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True, slots=True)
class VirtualAuthenticator:
    """The passkeys of one page; another page, or a popup, needs its own."""

    session: CDPSession
    authenticator_id: str

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """Private keys included, as ``add_credential`` takes them."""
        found: list[dict[str, Any]] = self._send("getCredentials")["credentials"]
        return found

    def add_credential(self, credential: dict[str, Any]) -> None:
        self._send("addCredential", credential=credential)

    def remove_credential(self, credential_id: str) -> None:
        self._send("removeCredential", credentialId=credential_id)

    def verify_user(self, succeeds: bool) -> None:
        """Whether the fingerprint or PIN will be right from now on."""
        self._send("setUserVerified", isUserVerified=succeeds)

    def be_present(self, present: bool) -> None:
        """Whether someone touches it; with nobody there a ceremony stays pending."""
        self._send("setAutomaticPresenceSimulation", enabled=present)

    def _send(self, command: str, **parameters: Any) -> Any:
        return self.session.send(f"WebAuthn.{command}", {"authenticatorId": self.authenticator_id, **parameters})


def add_authenticator(page: Page, **options: Any) -> VirtualAuthenticator:
    """Give the page a platform authenticator; ``options`` are CDP's VirtualAuthenticatorOptions."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": {**PLATFORM_AUTHENTICATOR, **options}})
    return VirtualAuthenticator(session, added["authenticatorId"])


def axe_violations(page: Page, *, tags: list[str] | None = None) -> list[str]:
    """What axe-core finds wrong, a line per element; works under a strict Content-Security-Policy."""
    page.evaluate(_axe_source())
    result = page.evaluate(
        "tags => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})",
        tags or AXE_TAGS,
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['html']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


class Complaints(list[str]):
    """What went wrong inside pages without anybody looking: script errors and CSP violations."""

    def listen_to(self, context: BrowserContext) -> None:
        context.on("weberror", self._note_error)
        context.on("console", self._note_message)

    def _note_error(self, error: WebError) -> None:
        self.append(f"script error: {error.error}")

    def _note_message(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.append(message.text)


@cache
def _axe_source() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
