"""People without a browser: plain HTTP, cookies, and passkeys in software."""

import re
from html import unescape
from typing import Any
from urllib.parse import urljoin
from urllib.parse import urlsplit

import httpx

from tests.authenticator import SoftwareAuthenticator


class Visitor:
    """Somebody who reads our pages and sends what their forms and scripts would send."""

    def __init__(self, email: str, origin: str) -> None:
        self.email = email
        self.origin = origin
        self.authenticator = SoftwareAuthenticator(origin=origin)
        self.http = httpx.Client(timeout=30)

    def close(self) -> None:
        self.http.close()

    def open(self, url: str) -> httpx.Response:
        """Follow redirects while they stay with the provider; what leads away from it is the answer."""
        response = self.http.get(url)
        while response.has_redirect_location:
            target = urljoin(str(response.url), response.headers["Location"])
            if not target.startswith(self.origin):
                return response
            response = self.http.get(target)
        return response

    def signs_up(self, page: httpx.Response) -> httpx.Response:
        """On a sign-up page, or one that an invitation opened; gives what follows."""
        given = re.search(r'data-invitation="(\w+)"', page.text)
        invitation = {"invitation": given[1]} if given else {}
        return self._ceremony(page, {"email": self.email, **invitation}, self.authenticator.create)

    def signs_in(self, page: httpx.Response) -> httpx.Response:
        """On a sign-in page; gives what follows."""
        return self._ceremony(page, {}, self.authenticator.get)

    def presses(self, page: httpx.Response, button: str, **fields: Any) -> httpx.Response:
        """Send the page's last form by the button called so, with what its hidden fields hold."""
        form = re.findall(r"<form[^>]*>.*?</form>", page.text, re.DOTALL)[-1]
        hidden = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*type="hidden"[^>]*value="([^"]*)"', form))
        action = re.search(r'<form[^>]*action="([^"]+)"', form)
        url = urljoin(str(page.url), unescape(action[1]) if action else "")
        response = self.http.post(url, data={**hidden, button: "1", **fields}, headers={"Origin": self.origin})
        if response.has_redirect_location:
            target = urljoin(url, response.headers["Location"])
            return self.open(target) if target.startswith(self.origin) else response
        return response

    def _ceremony(self, page: httpx.Response, body: dict[str, Any], respond: Any) -> httpx.Response:
        assert page.status_code == 200, f"{page.url}: {page.status_code}"
        data = {name: unescape(value) for name, value in re.findall(r'data-([\w-]+)="([^"]*)"', page.text)}
        headers = {"Origin": self.origin, "X-CSRFToken": data["csrf"]}
        begun = self.http.post(urljoin(str(page.url), data["options-url"]), json=body, headers=headers)
        assert begun.status_code == 200, begun.text
        options = begun.json()
        finished = self.http.post(
            urljoin(str(page.url), data["finish-url"]),
            json={
                "ceremony": options["ceremony"],
                "credential": respond(options["publicKey"]),
                "request": data["request"],
            },
            headers=headers,
        )
        assert finished.status_code == 200, finished.text
        return self.open(urljoin(str(page.url), finished.json()["location"]))


def query_of(response: httpx.Response) -> dict[str, str]:
    """What a redirect brings to the app."""
    assert response.has_redirect_location, f"{response.url}: {response.status_code} {response.text[:500]}"
    return dict(httpx.QueryParams(urlsplit(response.headers["Location"]).query))
