"""Which redirect URI a request may name: RFC 9700, section 2.1; RFC 8252, section 7.3; threats A01 and A05."""

import pytest

from flask_hanko_identity.protocol.redirect_uris import is_registered


@pytest.mark.parametrize(
    "requested",
    [
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
        "https://RP.example/cb",
        "https://rp.example./cb",
        "https://rp.example:443/cb",
        "https://rp.example:8443/cb",
        "http://rp.example/cb",
        "https://rp.example.evil.test/cb",
        "https://evilrp.example/cb",
        "https://rp.example/cb#x",
        "https://rp.example",
        "",
        None,
    ],
)
@pytest.mark.parametrize("application_type", ["web", "native"])
def test_a_request_names_a_registered_address_byte_for_byte(requested, application_type):
    """A01."""
    assert not is_registered({"https://rp.example/cb"}, requested, application_type)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
@pytest.mark.parametrize("registered_port", ["", ":7890"])
@pytest.mark.parametrize("port", ["", ":1", ":80", ":51004", ":65535"])
def test_a_native_app_chooses_its_loopback_port(host, registered_port, port):
    """A05; RFC 8252, section 7.3."""
    registered = {"https://app.example.com/cb", f"http://{host}{registered_port}/cb?x=1"}

    assert is_registered(registered, f"http://{host}{port}/cb?x=1", "native")


@pytest.mark.parametrize(
    "requested",
    [
        "http://127.1:80/cb",
        "http://0x7f.1/cb",
        "http://127.000.000.001/cb",
        "http://2130706433/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "http://127.0.0.1.evil.test/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://user@127.0.0.1:80/cb",
        "https://127.0.0.1/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:51004/cb/",
        "http://localhost:51004/cb",
        "http://[::1]:51004/cb",
        "http://127.0.0.1:51004",
    ],
)
def test_all_but_the_loopback_port_is_exact(requested):
    """A05."""
    assert not is_registered({"http://127.0.0.1/cb"}, requested, "native")


def test_a_web_app_does_not_choose_its_port():
    assert is_registered({"http://127.0.0.1:8001/cb"}, "http://127.0.0.1:8001/cb", "web")
    assert not is_registered({"http://127.0.0.1:8001/cb"}, "http://127.0.0.1:8002/cb", "web")
    assert not is_registered({"http://127.0.0.1/cb"}, "http://127.0.0.1:8002/cb", "web")


def test_https_to_the_loopback_address_is_exact():
    assert not is_registered({"https://127.0.0.1/cb"}, "https://127.0.0.1:8443/cb", "native")


def test_a_name_below_localhost_is_exact():
    assert not is_registered({"http://app.localhost/cb"}, "http://app.localhost:8001/cb", "native")
