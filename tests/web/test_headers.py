"""What every response carries, and what no page contains (B01, B08, B09, B11, B12)."""

import re
from html.parser import HTMLParser

import pytest

from tests.web.everywhere import walk

POLICY = {
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "object-src 'none'",
    "frame-ancestors 'none'",
}
BOTH_SCHEMES = {"HANKO_IDENTITY_ORIGINS": ["https://localhost", "http://localhost"]}


@pytest.fixture(params=["http", "https"])
def scheme(request):
    return request.param


@pytest.fixture
def cookies():
    """Every ``Set-Cookie`` that went out."""
    return []


@pytest.fixture
def answers(app_factory, scheme, cookies):
    """The whole walk, on one database: the pages are the same on either."""
    app = app_factory(HANKO_IDENTITY_BASE_URL=f"{scheme}://localhost/identity", **BOTH_SCHEMES)
    serve = app.wsgi_app

    def watched(environ, start_response):
        def start(status, headers, *rest):
            cookies.extend(value for name, value in headers if name.lower() == "set-cookie")
            return start_response(status, headers, *rest)

        return serve(environ, start)

    app.wsgi_app = watched
    return walk(app)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_responses_are_safe_to_show_and_to_pass_on(answers, cookies, scheme, database_url):
    statuses = {answer.response.status_code for answer in answers}
    pages = [answer for answer in answers if answer.is_page]

    assert statuses >= {200, 303, 400, 401, 403, 404, 405}
    assert len(pages) > 40
    _no_server_error(answers)
    _security_headers(answers)
    _caching(answers)
    _redirects(answers)
    _cookies(cookies, scheme)
    for page in pages:
        _nothing_foreign_or_inline(page)


def _no_server_error(answers):
    assert [str(answer) for answer in answers if answer.response.status_code >= 500] == []


def _security_headers(answers):
    for answer in answers:
        headers = answer.response.headers
        assert set(headers["Content-Security-Policy"].split("; ")) == POLICY, answer
        assert headers["X-Content-Type-Options"] == "nosniff", answer
        assert headers["Referrer-Policy"] == "no-referrer", answer
        assert headers["X-Frame-Options"] == "DENY", answer
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", answer
        assert len(headers.getlist("Content-Security-Policy")) == 1, answer


def _caching(answers):
    for answer in answers:
        said = answer.response.headers["Cache-Control"]
        if answer.may_be_kept:
            assert re.fullmatch(r"public, max-age=\d+", said), (answer, said)
            assert "Set-Cookie" not in answer.response.headers, answer
        else:
            assert said == "no-store", (answer, said)


def _redirects(answers):
    for answer in answers:
        if 300 <= answer.response.status_code < 400 and answer.response.status_code != 304:
            assert answer.response.status_code in (303, 308), answer
            location = answer.response.headers["Location"]
            assert location.startswith(("/identity/", "http://localhost/identity/", "https://rp.example")), answer


def _cookies(cookies, scheme):
    prefix = "__Host-hanko_identity" if scheme == "https" else "hanko_identity"
    names = set()
    for cookie in cookies:
        name, _, rest = cookie.partition("=")
        attributes = {part.strip().partition("=")[0]: part.strip().partition("=")[2] for part in rest.split(";")[1:]}
        names.add(name)
        assert attributes.pop("Max-Age").isdigit()
        assert attributes.pop("Path") == "/"
        assert attributes.pop("SameSite") == "Lax"
        assert attributes.pop("HttpOnly") == ""
        assert attributes.pop("Secure", None) == ("" if scheme == "https" else None)
        assert set(attributes) <= {"Expires"}, cookie
        assert len(cookie) < 4096
    assert names == {prefix, f"{prefix}-shop", f"{prefix}-club"}


class _Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def _nothing_foreign_or_inline(page):
    for tag, attributes in _Elements(page.response.text).found:
        loaded = [attributes.get(name) for name in ("src", "srcset", "data", "poster")]
        if tag == "link":
            loaded.append(attributes.get("href"))
        for address in filter(None, loaded):
            assert address == "data:," or re.match(r"/(?!/)", address), (page, tag, address)
        if tag == "form":
            assert attributes.get("action", "/").startswith("/"), (page, attributes)
        if tag == "script":
            assert "src" in attributes or attributes.get("type") == "application/json", page
        assert tag not in ("style", "base", "iframe", "object", "embed"), page
        assert [name for name in attributes if name.startswith("on") or name == "style"] == [], (page, tag, attributes)
