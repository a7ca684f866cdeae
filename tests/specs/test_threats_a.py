"""Threats against the authorization request and redirect URIs: group A of the threat table, by its names."""

import re
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote
from urllib.parse import urlencode

import pytest

from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.protocol.redirect_uris import check_redirect_uri
from tests.authorization import CODE
from tests.authorization import NATIVE
from tests.authorization import PAGE
from tests.authorization import outcome
from tests.authorization import pairs_of
from tests.authorization import refusal
from tests.evidence import contents
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import connect
from tests.tenants import connect_native

AUTHORIZE = f"{PREFIX}/shop/authorize"

on_one_kind = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For what does not depend on the kind of database."""


def table(rows: dict[str, Iterable[Any]]) -> list[Any]:
    """A parameter set for each value, named by its row."""
    return [pytest.param(value, id=f"{row} {str(value)[:60]!a}") for row, values in rows.items() for value in values]


NOT_THE_REGISTERED_ONE = table(
    {
        "A01": [
            "https://rp.example/cb/",
            "https://rp.example/CB",
            "https://rp.example/cb?x=1",
            "https://rp.example/cb?",
            "https://rp.example/cb%2f",
            "https://rp.example/c%62",
            "https://rp.example/cb;x",
            "https://rp.example/./cb",
            "https://rp.example/x/../cb",
            "https://rp.example/x/%2e%2e/cb",
            "https://rp.example/x/..;/cb",
            "https://rp.example/x/%252e%252e/cb",
            "https://rp.example//cb",
            "https://RP.example/cb",
            "HTTPS://rp.example/cb",
            "https://rp.example./cb",
            "https://rp.example:443/cb",
            "https://rp.example:/cb",
            "http://rp.example/cb",
            "https://rp.example.evil.test/cb",
            "https://evilrp.example/cb",
            "https://rp.example",
            "//rp.example/cb",
            "/cb",
        ],
        "A02": [
            "https://rp.example@evil.test/cb",
            "https://a@b@evil.test",
            "https://evil.test\\@rp.example/cb",
            "https://rp.example\\.evil.test/cb",
            "http://localhost:80%25@evil.test",
            "https:\\\\rp.example/cb",
        ],
        "A03": ["https://rp.example/cb#", "https://rp.example/cb#x", "https://rp.example/#/../cb"],
        "A04": [
            " https://rp.example/cb",
            "https://rp.example/cb ",
            "https://rp.example/cb\n",
            "https://rp.exam\tple/cb",
            "https://rp.example/cb\r\nSet-Cookie: a=b",
            "https://rp.example/\0cb",
            "https://rp。example/cb",
            "https://ｒｐ.example/cb",
            "https://rр.example/cb",
            "https://rp.example/%c0%ae",
            "https://rp.example/cb%",
            "https://rp.example/\u202ecb",
            "javascript:alert(1)//https://rp.example/cb",
        ],
    }
)

NOT_THE_LOOPBACK_ADDRESS = table(
    {
        "A05": [
            "http://127.1/cb",
            "http://0x7f.1/cb",
            "http://127.000.000.001/cb",
            "http://2130706433/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "http://127.0.0.1.evil.test/cb",
            "http://127.0.0.2/cb",
            "http://[::1]:5000/cb",
            "http://localhost:5000/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:+80/cb",
            "http://127.0.0.1:٨٠/cb",
            "http://127.0.0.1:5000/other",
            "http://127.0.0.1:5000/cb?x=1",
            "http://127.0.0.1:5000@evil.test/cb",
            "https://127.0.0.1:5000/cb",
        ]
    }
)

ERRORS = [
    pytest.param({"redirect_uri": None}, PAGE, id="A08 no redirect_uri"),
    pytest.param({"client_id": "nobody"}, PAGE, id="A10 unknown client"),
    pytest.param({"client_id": "nobody", "redirect_uri": "https://evil.test"}, PAGE, id="A10 unknown client and URI"),
    pytest.param({"redirect_uri": "https://evil.test", "scope": "x"}, PAGE, id="A10 bad URI and bad scope"),
    pytest.param({"scope": "wishes"}, "invalid_scope", id="A10 good client and bad scope"),
    pytest.param({"response_type": "token"}, "unsupported_response_type", id="A14 token"),
    pytest.param({"response_type": "id_token"}, "unsupported_response_type", id="A14 id_token"),
    pytest.param({"response_type": "code token"}, "unsupported_response_type", id="A14 code token"),
    pytest.param({"response_type": "none"}, "unsupported_response_type", id="A14 none"),
    pytest.param({"response_mode": "fragment"}, "invalid_request", id="A14 fragment"),
    pytest.param({"response_mode": "web_message"}, "invalid_request", id="A14 web_message"),
    pytest.param({"request": "e30."}, "request_not_supported", id="A15 request"),
    pytest.param({"request_uri": "http://127.0.0.1:9/r"}, "request_uri_not_supported", id="A15 request_uri"),
    pytest.param({"code_challenge": None, "code_challenge_method": None}, "invalid_request", id="A16 no challenge"),
    pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="A16 plain"),
    pytest.param({"code_challenge_method": None}, "invalid_request", id="A16 no method"),
    pytest.param({"code_challenge_method": "s256"}, "invalid_request", id="A16 s256"),
    pytest.param({"code_challenge": "a" * 42}, "invalid_request", id="A16 42 characters"),
    pytest.param({"code_challenge": "a" * 129}, "invalid_request", id="A16 129 characters"),
    pytest.param({"code_challenge": "a" * 42 + "="}, "invalid_request", id="A16 padding"),
    pytest.param({"code_challenge": "a" * 41 + "+/"}, "invalid_request", id="A16 not base64url"),
    pytest.param({"prompt": "none login"}, "invalid_request", id="A23 prompt=none login"),
    *[
        pytest.param({"max_age": value}, "invalid_request", id=f"A23 max_age={value}")
        for value in ("-1", "1e9", "NaN", "1.0", "+1", " 1", "0x1", "１", "9" * 20)
    ],
]

POLLUTED = ("state", "nonce", "scope", "prompt", "max_age", "code_challenge")

ON_THE_WIRE = (
    "https://rp.example/cb%00",
    "https://rp.example/cb%0d%0aLocation:https://evil.test",
    "https://rp.example/cb%",
    "https://rp.example/cb%ff",
    "https://rp.example/%c0%ae%c0%ae/cb",
    "https://rp.example/cb%23",
    "https://rp.example/cb%ed%a0%80",
    "https://rp.example/cb%u0023",
    "https://rp.example/cb%EF%BB%BF",
)
"""Values of redirect_uri as they stand in the query."""


@pytest.mark.parametrize("uri", NOT_THE_REGISTERED_ONE)
def test_only_the_registered_address_will_do(uri):
    assert refusal(redirect_uri=uri) is PAGE


@pytest.mark.parametrize("uri", NOT_THE_LOOPBACK_ADDRESS)
def test_only_the_port_of_the_loopback_address_is_free(uri):
    assert refusal(NATIVE, redirect_uri=uri) is PAGE


@pytest.mark.parametrize(("changes", "expected"), ERRORS)
def test_faults_are_told_where_they_may_be(changes, expected):
    assert refusal(**changes) == expected


@pytest.mark.parametrize("uri", table({"A09": ["code", "state", "iss", "error", "error_uri", "response"]}))
def test_registered_query_never_speaks_for_us(uri):
    with pytest.raises(InvalidInput):
        check_redirect_uri(
            f"https://rp.example/cb?{uri}=1",
            application_type="web",
            application_uri="https://rp.example",
            field="redirect_uris",
        )


def test_endpoint_refuses_each_of_them_and_writes_nothing(app, rp):
    """All rows above, and those that only the wire can hold, over HTTP with a person signed in."""
    native = connect_native(app, browser=rp.browser, first_party=False)
    cases: list[tuple[str, RelyingParty, Any, Any]] = [
        *[(str(case.id), rp, {"redirect_uri": case.values[0]}, PAGE) for case in NOT_THE_REGISTERED_ONE],
        *[(str(case.id), native, {"redirect_uri": case.values[0]}, PAGE) for case in NOT_THE_LOOPBACK_ADDRESS],
        *[(str(case.id), rp, case.values[0], case.values[1]) for case in ERRORS],
        *[(f"A13 {name}", rp, {name: ["openid", "openid"]}, "invalid_request") for name in POLLUTED],
        *[(f"A13 {name}", rp, {name: [getattr(rp, name)] * 2}, PAGE) for name in ("client_id", "redirect_uri")],
    ]
    before = contents(app)
    wrong = {}
    for name, party, changes, expected in cases:
        response = party.authorize(**changes)
        if outcome(response) != expected or "evil" in response.headers.get("Location", ""):
            wrong[name] = (response.status_code, response.headers.get("Location"))
    for value in ON_THE_WIRE:
        query = urlencode(rp.parameters(redirect_uri=None)) + "&redirect_uri=" + value
        response = rp.browser.get(AUTHORIZE, environ_overrides={"QUERY_STRING": query})
        if outcome(response) != PAGE:
            wrong[f"A04 {value}"] = (response.status_code, response.headers.get("Location"))

    assert wrong == {}
    assert contents(app) == before


@on_one_kind
def test_registered_address_itself_will_do(app, rp):
    native = connect_native(app, browser=rp.browser, first_party=False)

    assert outcome(rp.authorize()) == CODE
    assert outcome(rp.authorize(foo=["1", "1"])) == CODE
    for port in (1, 80, 51004, 65535):
        assert outcome(native.authorize(redirect_uri=f"http://127.0.0.1:{port}/cb")) == "consent"


def test_a13_parameters_are_counted_over_query_and_body_together(app, rp):
    before = contents(app)
    for name in rp.parameters():
        body = rp.parameters()
        pairs = pairs_of({name: body[name]})

        response = rp.browser.post(AUTHORIZE + "?" + urlencode(pairs), data=body)

        expected = PAGE if name in ("client_id", "redirect_uri") else "invalid_request"
        assert outcome(response) == expected, name
    assert contents(app) == before


@on_one_kind
def test_a15_nothing_is_fetched(rp):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/r"

        assert outcome(rp.authorize(request_uri=url)) == "request_uri_not_supported"
        rp.authorize(request_uri=url, redirect_uri=url, client_id=url)
        rp.authorize(claims=f'{{"userinfo": {{"_claim_sources": {{"src": {{"endpoint": "{url}"}}}}}}}}', login_hint=url)

        with pytest.raises(BlockingIOError):
            listener.accept()


@on_one_kind
def test_a09_registered_query_is_kept_and_each_name_comes_once(app, rp):
    party = connect(app, browser=rp.browser, redirect_uris=["https://rp.example/cb?t=1&u=%2F"])

    location = party.authorize().headers["Location"]

    assert location.startswith("https://rp.example/cb?t=1&u=%2F&code=")
    names = re.findall(r"[?&]([a-z]+)=", location)
    assert names == ["t", "u", "code", "state", "iss"]


@on_one_kind
def test_a11_every_redirect_after_a_post_is_303(rp):
    parked = rp.browser.post(AUTHORIZE, data=rp.parameters())
    refused = rp.browser.post(AUTHORIZE, data=rp.parameters(scope="x"))
    left = rp.browser.post(f"{PREFIX}/shop/logout", data={})

    assert [each.status_code for each in (parked, refused, left)] == [303, 303, 303]


def test_a19_a21_code_lives_a_minute_and_works_once(rp, clock):
    late, good = rp.code(), rp.code()
    clock.advance(seconds=59)
    first = rp.redeem(good)

    second = rp.redeem(good)

    assert (first.status_code, second.get_json()["error"]) == (200, "invalid_grant")
    assert rp.introspect(first.get_json()["access_token"]) == {"active": False}
    assert rp.refresh(first.get_json()["refresh_token"]).get_json()["error"] == "invalid_grant"
    clock.advance(seconds=2)
    assert rp.redeem(late).get_json()["error"] == "invalid_grant"


@on_one_kind
def test_markup_in_a_refused_request_stays_text(app, rp):
    markup = '<script>alert("x")</script>'
    app.debug = True  # shows the details

    for changes in ({"client_id": markup}, {"redirect_uri": "https://rp.example/" + quote(markup)}):
        page = rp.authorize(**changes)
        assert page.status_code == 400
        assert markup not in page.text
