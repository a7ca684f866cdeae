"""Row F18 of the threats: how much a request may be. Nothing of it is written, and nothing becomes a 500."""

from io import RawIOBase
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.authorization import CODE
from tests.authorization import outcome
from tests.evidence import Contents
from tests.evidence import contents
from tests.sign_in import Visitor
from tests.tenants import PREFIX

FORM = "application/x-www-form-urlencoded"
BODY = 64 * 1024
URL = 8 * 1024
PARAMETERS = 100

FORMS = ("authorize", "authorize/decision", "logout", "logout/confirm", "token", "userinfo", "introspect", "revoke")
PATHS = ("authorize", "authorize/resume", "logout", "logout/resume", "login", "jwks", "userinfo", "signed-out")


def path(name: str, slug: str = "shop") -> str:
    return f"{PREFIX}/{slug}/{name}"


def written(app: Flask, before: Contents) -> set[str]:
    """The tables that have changed. A logout that asks for nothing in particular is a request like any other."""
    return {name for name, rows in contents(app).items() if rows != before[name]} - {"hanko_logout_request"}


def test_body_of_64_kib_and_no_more(app, rp):
    before = contents(app)
    for name in FORMS:
        for size, refused in ((BODY, False), (BODY + 1, True)):
            response = rp.browser.post(path(name), data=b"a=" + b"x" * (size - 2), content_type=FORM)
            assert (response.status_code == 413) is refused, (name, size, response.status_code)
            assert response.status_code < 500
    assert written(app, before) == set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_size_that_is_not_told_is_held_to_the_same(rp):
    """Without a Content-Length, as a chunked body comes."""
    for name in ("authorize", "token"):
        chunked = {"wsgi.input": Endless(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        response = rp.browser.post(path(name), content_type=FORM, environ_overrides=chunked)
        assert response.status_code == 413


class Endless(RawIOBase):
    """A body that never ends; it fails the test that reads on."""

    given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        assert self.given <= 4 * BODY, "read on without end"
        self.given += len(buffer)
        buffer[:] = b"x" * len(buffer)
        return len(buffer)


def test_hundred_parameters_and_no_more(app, rp):
    good = rp.parameters()
    filling = {f"x{number}": "1" for number in range(PARAMETERS - len(good))}
    before = contents(app)

    assert rp.authorize(**filling, y="1").status_code == 400
    assert rp.authorize(**{**filling, "x0": ["1", "1"]}).status_code == 400
    assert rp.browser.post(path("authorize"), data={**good, **filling, "y": "1"}).status_code == 400
    body = urlencode({**filling, **good, "y": "1"})
    for name in ("authorize", "logout", "token", "introspect", "revoke", "userinfo"):
        assert rp.browser.post(path(name), data=body, content_type=FORM).status_code == 400, name
        assert rp.browser.get(path(name), query_string=body).status_code in (400, 405), name
    assert written(app, before) == set()
    assert outcome(rp.authorize(**filling)) == CODE
    assert rp.browser.post(path("authorize"), data={**good, **filling}).status_code == 303


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_many_parameters_are_counted_before_they_are_looked_at(rp):
    body = "&".join(["a"] * (BODY // 2))

    assert rp.browser.post(path("authorize"), data=body, content_type=FORM).status_code == 400


def test_url_of_8_kib_and_no_more(app, rp):
    before = contents(app)
    for name in PATHS:
        room = URL - len(path(name)) - 2
        assert rp.browser.get(path(name), query_string="a=" + "x" * room).status_code != 414, name
        assert rp.browser.get(path(name), query_string="a=" + "x" * (room + 1)).status_code == 414, name
        assert rp.browser.get(path(name, "s" * URL)).status_code == 414, name
    assert written(app, before) == set()


JSON = {
    "deep": "[" * 33 + "]" * 33,
    "deeper than the parser goes": "[" * 30_000 + "]" * 30_000,
    "deep objects": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "an open bracket": "[" * 60_000,
    "NUL": '"\\u0000"',
    "half a pair": '"\\ud800"',
    "too large": '"' + "x" * BODY + '"',
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_json_is_32_levels_deep_and_no_more(app, rp):
    visitor = Visitor(rp.browser)
    rp.browser.delete_cookie("hanko_identity-shop", path="/")
    visitor.open("login")
    headers = {"Origin": "http://localhost", "X-CSRFToken": visitor.csrf, "Content-Type": "application/json"}

    def post(text: str) -> int:
        response = rp.browser.post(path("login/options"), data=f'{{"a": {text}}}', headers=headers)
        return int(response.status_code)

    assert post("[" * 31 + "]" * 31) == 200
    before = contents(app)
    for name, text in JSON.items():
        assert post(text) == 422, name
    assert contents(app) == before


def test_text_that_no_database_stores_is_refused_before_it_gets_there(app, rp):
    before = contents(app)
    raw = ("request=%00", "request=\xff", "client_id=%00", "\xff\xfe", "%00=%00", "request=%ED%A0%80", "%", "&&&===")
    for query in raw:
        for name in PATHS:
            response = rp.browser.get(path(name), environ_overrides={"QUERY_STRING": query})
            assert response.status_code < 500, (name, query)
        for name in FORMS:
            response = rp.browser.post(path(name), data=query.encode("latin-1"), content_type=FORM)
            assert response.status_code < 500, (name, query)
    for slug in ("%00", "shop%00", "%ff", "%ED%A0%80", "sho%0Ap", "..", "%2e%2e", "%F0%9F%98%80", "s" * 300):
        for name in (*PATHS, "token", "profile", "link/%00", ".well-known/openid-configuration"):
            assert rp.browser.get(path(name, slug)).status_code in (303, 400, 404, 405), (slug, name)
        assert rp.browser.get(f"/.well-known/oauth-authorization-server{PREFIX}/{slug}").status_code == 404, slug
    assert written(app, before) == set()
