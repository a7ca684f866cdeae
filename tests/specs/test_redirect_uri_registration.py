"""What an app may register as redirect URI: RFC 6749, section 3.1.2; RFC 8252, sections 7 and 8; RFC 9700, section 2.

The rows are those of the threat table, group A, at registration. Each goes through both ways in which an address gets
into the table, for sign-in and for sign-out.
"""

from typing import Any

import pytest
from sqlalchemy import select

from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.flows.clients import ClientSettings
from flask_hanko_identity.flows.clients import update_client
from flask_hanko_identity.storage import RedirectURI
from tests.management import connect
from tests.management import connect_native
from tests.management import make_context
from tests.management import make_project

REFUSED_FOR_ALL = {
    "RFC 3986, section 3.2.1 (A02): authority confusion": [
        "https://rp.example@evil.test/cb",
        "https://a@b@evil.test",
        "https://evil.test\\@rp.example/cb",
        "http://localhost:80%25@evil.test",
    ],
    "RFC 6749, section 3.1.2 (A03): fragment": ["https://rp.example/cb#x", "https://rp.example/cb#"],
    "RFC 3986, section 2 (A04): control characters, white space, Unicode": [
        " https://rp.example/cb",
        "https://rp.example/c\tb",
        "https://rp.example/c\r\nb",
        "https://rp.example/c\0b",
        "https://rp。example/cb",
        "https://ｒｐ.example/cb",
        "https://rр.example/cb",
        "https://rp.example/%c0%ae",
        "https://rp.example/%",
    ],
    "RFC 8252, section 8.3 (A05): other names of the loopback address": [
        "http://127.1/cb",
        "http://0x7f.1/cb",
        "http://127.000.000.001/cb",
        "http://2130706433/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://127.0.0.1.evil.test/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
    ],
    "RFC 8252, section 8.4 (A06): schemes": [
        "myapp:/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "intent:/x",
        "blob:https://rp.example/x",
        "com.evil.app:/cb",
        "COM.example.app:/cb",
    ],
    "RFC 9700, section 2.6 (A07): plain http": ["http://rp.example/cb"],
    "RFC 6749, section 4.1.2 (A09): names that the answer uses": [
        "https://rp.example/cb?code=1",
        "https://rp.example/cb?x=1&state=1",
        "https://rp.example/cb?iss=1",
        "https://rp.example/cb?error=1",
        "https://rp.example/cb?error_description=1",
        "https://rp.example/cb?response=1",
    ],
}
REFUSED = [pytest.param(uri, id=f"{row}: {uri!a}") for row, uris in REFUSED_FOR_ALL.items() for uri in uris]
CONNECT = {"web": connect, "native": connect_native}


@pytest.fixture(autouse=True)
def shop(app):
    with app.app_context():
        make_project(app)
        yield


def registered(app):
    return set(make_context(app).session.scalars(select(RedirectURI.uri)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("application_type", ["web", "native"])
@pytest.mark.parametrize("uri", REFUSED)
def test_an_address_that_deceives_is_never_registered(app, application_type, uri):
    client = CONNECT[application_type](app).client
    before = registered(app)

    for field in ("redirect_uris", "post_logout_redirect_uris"):
        settings: dict[str, Any] = {field: [uri]}
        with pytest.raises(InvalidInput) as refusal:
            CONNECT[application_type](app, **settings)
        assert (refusal.value.field, refusal.value.status_code) == (field, 422)
        with pytest.raises(InvalidInput):
            update_client(make_context(app, "shop"), client, ClientSettings(**settings))

    assert registered(app) == before


@pytest.mark.parametrize(
    ("application_type", "uri"),
    [
        ("web", "https://rp.example/cb?t=1"),  # A09: another query is kept as it is
        ("web", "http://localhost:8001/cb"),  # A07: the loopback exception
        ("native", "http://127.0.0.1/cb"),  # RFC 8252, section 7.3
        ("native", "http://[::1]/cb"),
        ("native", "http://localhost/cb"),
        ("native", "com.example.app:/cb"),  # RFC 8252, section 7.1
        ("native", "https://app.example.com/cb"),  # RFC 8252, section 7.2
    ],
)
def test_a_plain_address_is_registered_as_it_is(app, application_type, uri):
    CONNECT[application_type](app, redirect_uris=[uri], post_logout_redirect_uris=[uri])

    assert registered(app) == {uri}


def test_at_least_one_address_is_registered(app):
    """RFC 6749, section 3.1.2.2 (A08): a request must name one, so one must be there."""
    with pytest.raises(InvalidInput):
        connect(app, redirect_uris=[])
