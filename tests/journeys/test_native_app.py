"""A native app in a browser: public client, PKCE, loopback redirect on whatever port is free (RFC 8252)."""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import expect
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response

from tests.journeys.bookshop import Bookshop
from tests.journeys.bookshop import Credentials
from tests.journeys.people import Person
from tests.live import serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

ANY_PORT = "http://127.0.0.1/callback"
"""What is registered; the request names a port (RFC 8252, section 7.3)."""


class Loopback:
    """The tiny server that a native app opens for one answer."""

    def __init__(self) -> None:
        self.answers: list[dict[str, str]] = []

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        if request.path == "/callback":
            self.answers.append(request.args.to_dict())
        return Response("<h1>You can go back to the app.</h1>", mimetype="text/html")(environ, start_response)


@dataclass
class NativeApp:
    """An app on the person's own computer."""

    credentials: Credentials
    redirect_uri: str
    loopback: Loopback
    metadata: dict[str, Any] = field(default_factory=dict)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    def __post_init__(self) -> None:
        self.metadata = httpx.get(f"{self.credentials.issuer}/.well-known/openid-configuration").json()

    def address(self, **changes: str | None) -> str:
        """Where it sends the browser."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": self.credentials.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email offline_access",
            "state": self.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return f"{self.metadata['authorization_endpoint']}?{query}"

    def last_answer(self) -> dict[str, str]:
        answer = self.loopback.answers[-1]
        assert answer["state"] == self.state and answer["iss"] == self.credentials.issuer, answer
        return answer

    def redeem(self, code: str, **changes: str) -> httpx.Response:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return self._post({**form, "code_verifier": self.verifier, **changes})

    def refresh(self, refresh_token: str) -> httpx.Response:
        return self._post({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def userinfo(self, access_token: str) -> httpx.Response:
        return httpx.get(self.metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {access_token}"})

    def _post(self, form: dict[str, str]) -> httpx.Response:
        return httpx.post(self.metadata["token_endpoint"], data={"client_id": self.credentials.client_id, **form})


@pytest.fixture
def loopback() -> Iterator[tuple[Loopback, str]]:
    listener = Loopback()
    with serve(listener, name="127.0.0.1", access_log=False) as url:
        yield listener, url


@pytest.fixture
def native_app(bookshop: Bookshop, loopback: tuple[Loopback, str]) -> NativeApp:
    """Connected by the command line."""
    slug = bookshop.make_project("Readers")
    credentials = bookshop.connect(
        slug, type="native", url="com.example.reader", redirect_uri=ANY_PORT, refresh_tokens=True
    )
    listener, url = loopback
    return NativeApp(credentials, f"{url}/callback", listener)


def test_sign_in_from_connecting_it_in_the_console_to_tokens(bookshop, new_person, loopback, canaries):
    owner = new_person("owner@bookshop.example")
    credentials = connect_in_the_console(owner, bookshop)
    listener, url = loopback
    app = NativeApp(credentials, f"{url}/callback", listener)

    reader = new_person("reader@example.com")
    reader.open(app.address())
    reader.follow("Sign up")
    reader.signs_up()
    reader.is_at("Continue to Pocket reader?")
    reader.sees("The app runs on your device, so we cannot tell whether it is the real one.")
    reader.press("Continue")
    reader.is_at("You can go back to the app.")

    code = app.last_answer()["code"]
    tokens = app.redeem(code).json()
    canaries.add(tokens["access_token"])
    canaries.add(tokens["refresh_token"])
    assert tokens["token_type"] == "Bearer" and tokens["id_token"]
    assert app.userinfo(tokens["access_token"]).json()["email"] == "reader@example.com"
    refreshed = app.refresh(tokens["refresh_token"]).json()
    assert refreshed["refresh_token"] != tokens["refresh_token"], "Refresh tokens of public clients rotate."
    assert app.userinfo(refreshed["access_token"]).status_code == 200


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_consent_is_asked_every_time(native_app, new_person):
    reader = new_person("reader@example.com")
    reader.open(native_app.address())
    reader.follow("Sign up")
    reader.signs_up()
    reader.press("Continue")
    reader.is_at("You can go back to the app.")

    # RFC 8252, section 8.6: another app on the device could pretend to be this one.
    reader.open(native_app.address())
    reader.is_at("Continue to Reading list?")
    reader.press("Cancel")
    reader.is_at("You can go back to the app.")
    assert native_app.last_answer()["error"] == "access_denied"
    reader.open(native_app.address(prompt="none"))
    reader.is_at("You can go back to the app.")
    assert native_app.last_answer()["error"] in ("consent_required", "interaction_required")

    # PKCE is not optional, and neither is the right verifier.
    reader.open(native_app.address(code_challenge=None, code_challenge_method=None))
    reader.is_at("You can go back to the app.")
    assert native_app.last_answer()["error"] == "invalid_request"
    reader.open(native_app.address())
    reader.press("Continue")
    reader.is_at("You can go back to the app.")
    code = native_app.last_answer()["code"]
    assert native_app.redeem(code, code_verifier=secrets.token_urlsafe(48)).json()["error"] == "invalid_grant"


def connect_in_the_console(owner: Person, bookshop: Bookshop) -> Credentials:
    owner.joins_console(bookshop.console)
    owner.creates_project("Readers")
    expect(owner.page.get_by_text("Ready", exact=True)).to_be_visible()
    owner.connects_app("Pocket reader", url="com.example.reader", redirect_url=ANY_PORT, type="Native or mobile app")
    owner.is_at("Pocket reader is connected")
    # S10: a native app has no secret. S13: its method is none.
    expect(owner.page.get_by_role("status", name="Client secret", exact=True)).to_have_count(0)
    owner.sees("None: an app on people's devices cannot keep one.")
    credentials = Credentials(owner.reads("Issuer"), owner.reads("Client ID"))
    owner.follow("Go to the app's settings")
    owner.sees("a native app has no secret. It always uses PKCE.")
    owner.page.get_by_role("switch", name="Refresh tokens").check()
    owner.press("Save settings")
    owner.sees("The settings are saved.")
    return credentials
