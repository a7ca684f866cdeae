"""Redirect URIs as a browser reads them. The names of the threats are those of the threat table, group A."""

import random

import pytest

from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.protocol.redirect_uris import MOST_URIS
from flask_hanko_identity.protocol.redirect_uris import check_application_uri
from flask_hanko_identity.protocol.redirect_uris import check_redirect_uri
from flask_hanko_identity.protocol.redirect_uris import check_redirect_uris
from flask_hanko_identity.protocol.redirect_uris import is_registered

WEB = {"application_type": "web", "application_uri": "https://rp.example", "field": "redirect_uris"}
NATIVE = {"application_type": "native", "application_uri": "com.example.app", "field": "redirect_uris"}


@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.example",
        "https://rp.example/",
        "https://rp.example/cb",
        "https://rp.example/CB/Path",
        "https://rp.example:8443/cb",
        "https://rp.example/cb?t=1",
        "https://rp.example/cb?next=%2Fhome&x=caf%C3%A9",
        "https://rp.example/caf%C3%A9/%20",
        "https://rp.example/@user/~me/a.b/...",
        "https://xn--bcher-kva.example/cb",
        "https://10.0.0.5/cb",
        "https://[2001:db8::1]/cb",
        "http://localhost/cb",
        "http://localhost:8001/cb",
        "http://rp.localhost:8001/cb",
        "http://127.0.0.1:8001/cb",
        "http://[::1]:8001/cb",
    ],
)
def test_a_web_app_may_register(uri):
    assert check_redirect_uri(uri, **WEB) == uri
    assert is_registered({uri}, uri, "web")


FAULTY = [
    # A02: authority confusion
    pytest.param("https://rp.example@evil.test/cb", id="user name"),
    pytest.param("https://a@b@evil.test", id="two user names"),
    pytest.param("https://@rp.example/cb", id="empty user name"),
    pytest.param("https://evil.test\\@rp.example/cb", id="backslash"),
    pytest.param("https:\\\\rp.example/cb", id="backslashes for slashes"),
    pytest.param("http://localhost:80%25@evil.test", id="escaped percent before @"),
    pytest.param("https://rp.example:80:90/cb", id="two ports"),
    pytest.param("https:///rp.example/cb", id="three slashes"),
    pytest.param("https:/rp.example/cb", id="one slash"),
    pytest.param("https:rp.example/cb", id="no slash"),
    pytest.param("//rp.example/cb", id="no scheme"),
    pytest.param("rp.example/cb", id="neither scheme nor slash"),
    pytest.param("https://", id="nothing after the scheme"),
    pytest.param("https://?x", id="query for a host"),
    # A03: fragment
    pytest.param("https://rp.example/cb#x", id="fragment"),
    pytest.param("https://rp.example/cb#", id="empty fragment"),
    # A04: control characters, white space, Unicode
    pytest.param(" https://rp.example/cb", id="leading space"),
    pytest.param("https://rp.example/cb ", id="trailing space"),
    pytest.param("https://rp.example/c b", id="inner space"),
    pytest.param("https://rp.exam\tple/cb", id="tab"),
    pytest.param("https://rp.example/cb\r\nSet-Cookie:a=b", id="CR LF"),
    pytest.param("https://rp.example/cb\n", id="trailing newline"),
    pytest.param("https://rp.example/\0cb", id="NUL"),
    pytest.param("https://rp。example/cb", id="ideographic full stop"),
    pytest.param("https://ｒｐ.example/cb", id="fullwidth letters"),
    pytest.param("https://rр.example/cb", id="Cyrillic letter"),
    pytest.param("https://bücher.example/cb", id="not punycode"),
    pytest.param("https://rp.example/\ud800", id="lone surrogate"),
    pytest.param("https://rp.example/%c0%ae", id="overlong UTF-8"),
    pytest.param("https://rp.example/%ff", id="not UTF-8"),
    pytest.param("https://rp.example/%", id="lone percent"),
    pytest.param("https://rp.example/%4", id="half an escape"),
    pytest.param("https://rp.example/%0d%0aLocation:x", id="escaped CR LF"),
    pytest.param("https://rp.example/cb?x=%0a", id="escaped newline in the query"),
    pytest.param('https://rp.example/"cb', id="quote"),
    pytest.param("https://rp.example/<cb>", id="angle brackets"),
    # A01: what two readers may take differently
    pytest.param("https://rp.example/./cb", id="dot segment"),
    pytest.param("https://rp.example/x/../cb", id="dot-dot segment"),
    pytest.param("https://rp.example/x/%2e%2e/cb", id="escaped dots"),
    pytest.param("https://rp.example/x/.%2E/cb", id="half escaped dots"),
    pytest.param("https://rp.example/x/..;/cb", id="dots before a parameter"),
    pytest.param("https://rp.example/x/%252e%252e/cb", id="twice escaped dots"),
    pytest.param("https://rp.example/x%2fcb", id="escaped slash"),
    pytest.param("https://rp.example/x%5ccb", id="escaped backslash"),
    pytest.param("https://RP.example/cb", id="capital in the host"),
    pytest.param("HTTPS://rp.example/cb", id="capitals in the scheme"),
    pytest.param("https://rp.example./cb", id="dot at the host's end"),
    pytest.param("https://rp..example/cb", id="empty label"),
    pytest.param("https://-rp.example/cb", id="label begins with a hyphen"),
    pytest.param("https://rp.example:/cb", id="empty port"),
    pytest.param("https://rp.example:0/cb", id="port 0"),
    pytest.param("https://rp.example:65536/cb", id="port 65536"),
    pytest.param("https://rp.example:0443/cb", id="port with a leading zero"),
    pytest.param("https://rp.example:4%343/cb", id="escape in the port"),
    pytest.param("https://rp%2eexample/cb", id="escape in the host"),
    pytest.param("https://127.1/cb", id="short IPv4"),
    pytest.param("https://0x7f.1/cb", id="hexadecimal IPv4"),
    pytest.param("https://2130706433/cb", id="decimal IPv4"),
    pytest.param("https://127.000.000.001/cb", id="IPv4 with zeros"),
    pytest.param("https://1.2.3.4.5/cb", id="five numbers"),
    pytest.param("https://rp.0x/cb", id="a number for the last label"),
    pytest.param("https://[::ffff:127.0.0.1]/cb", id="IPv4 within IPv6"),
    pytest.param("https://[::ffff:7f00:1]/cb", id="IPv4 within IPv6, in hexadecimal"),
    pytest.param("https://[0:0:0:0:0:0:0:1]/cb", id="IPv6 in full"),
    pytest.param("https://[::1/cb", id="open bracket"),
    pytest.param("https://[]/cb", id="empty brackets"),
    pytest.param("https://[fe80::1%25eth0]/cb", id="IPv6 zone"),
    # A07 and dangerous schemes
    pytest.param("http://rp.example/cb", id="plain http"),
    pytest.param("http://localhost.evil.test/cb", id="localhost as a subdomain"),
    pytest.param("http://127.0.0.1.evil.test/cb", id="loopback as a subdomain"),
    pytest.param("http://127.0.0.2/cb", id="another loopback address"),
    pytest.param("javascript:alert(1)", id="javascript"),
    pytest.param("javascript://rp.example/%0aalert(1)", id="javascript with an authority"),
    pytest.param("data:text/html,x", id="data"),
    pytest.param("file:///etc/passwd", id="file"),
    pytest.param("blob:https://rp.example/x", id="blob"),
    pytest.param("intent:/x", id="intent"),
    pytest.param("ftp://rp.example/", id="ftp"),
    pytest.param("ws://rp.example/", id="ws"),
    # size and type
    pytest.param("https://rp.example/" + "a" * 1982, id="2001 characters"),
    pytest.param("", id="empty"),
    pytest.param(None, id="None"),
    pytest.param(7, id="a number"),
    pytest.param(["https://rp.example/cb"], id="a list"),
]


@pytest.mark.parametrize("application", [WEB, NATIVE], ids=["web", "native"])
@pytest.mark.parametrize("uri", FAULTY)
def test_nobody_may_register(uri, application):
    with pytest.raises(InvalidInput) as refusal:
        check_redirect_uri(uri, **application)

    assert refusal.value.field == "redirect_uris"
    # Were it in the table all the same, no request could use it.
    registered = {uri} if isinstance(uri, str) else set()
    assert not is_registered(registered, uri, application["application_type"])


@pytest.mark.parametrize(
    "name", ["code", "state", "iss", "error", "error_description", "error_uri", "errors", "response"]
)
@pytest.mark.parametrize("query", ["{}=1", "t=1&{}=1", "{}", "x=1&{}=&y"])
def test_the_names_that_our_answer_uses_are_reserved(name, query):
    """A09; also where a percent sign hides them."""
    for form in (name, f"%{ord(name[0]):02x}{name[1:]}"):
        with pytest.raises(InvalidInput, match=name):
            check_redirect_uri("https://rp.example/cb?" + query.format(form), **WEB)


@pytest.mark.parametrize("query", ["t=1", "xcode=1", "x=code", "Code=1", ""])
def test_another_query_is_kept(query):
    uri = f"https://rp.example/cb?{query}"

    assert check_redirect_uri(uri, **WEB) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "com.example.app:/cb",
        "com.example.app://cb",
        "com.example.app:///cb",
        "com.example.app://signed-in/cb?x=1",
        "https://app.example.com/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:7890/cb",
        "http://[::1]/cb",
        "http://localhost/cb",
    ],
)
def test_a_native_app_may_register(uri):
    assert check_redirect_uri(uri, **NATIVE) == uri
    assert is_registered({uri}, uri, "native")


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("myapp:/cb", id="no dot"),
        pytest.param("com.evil.app:/cb", id="another package"),
        pytest.param("com.example.app.more:/cb", id="a longer package"),
        pytest.param("app.example.com:/cb", id="the package reversed"),
        pytest.param("COM.example.app:/cb", id="capitals"),
        pytest.param("com.example.app:", id="nothing behind"),
        pytest.param("com.example.app:cb", id="no slash"),
        pytest.param("com.example.app://a@b/cb", id="user name"),
        pytest.param("com.example.app://a:80/cb", id="port"),
        pytest.param("com.example.app:/x/../cb", id="dot-dot segment"),
    ],
)
def test_a_private_use_scheme_is_the_apps_own_package_name(uri):
    """A06; RFC 8252, sections 7.1 and 8.4."""
    with pytest.raises(InvalidInput):
        check_redirect_uri(uri, **NATIVE)


def test_a_web_app_has_no_private_use_scheme():
    with pytest.raises(InvalidInput):
        check_redirect_uri("com.example.app:/cb", **{**WEB, "application_uri": "com.example.app"})
    assert not is_registered({"com.example.app:/cb"}, "com.example.app:/cb", "web")


@pytest.mark.parametrize(
    ("application_type", "uri"),
    [
        ("web", "https://rp.example"),
        ("web", "https://rp.example/app?x=1"),
        ("web", "http://localhost:8001"),
        ("native", "com.example.app"),
        ("native", "com.example.my-app_2"),
        ("native", "https://app.example.com"),
    ],
)
def test_an_apps_own_address(application_type, uri):
    assert check_application_uri(uri, application_type=application_type, field="application_uri") == uri


@pytest.mark.parametrize("application_type", ["web", "native"])
@pytest.mark.parametrize(
    ("uri", "letter"),
    [("https://RP.example", "R"), ("https://rp.example/Shop", "S"), ("com.Example.app", "E"), ("HTTPS://x", "H")],
)
def test_a_capital_letter_is_named(application_type, uri, letter):
    """F07; it is refused, not lowered."""
    with pytest.raises(InvalidInput, match=letter):
        check_application_uri(uri, application_type=application_type, field="application_uri")


@pytest.mark.parametrize(
    ("application_type", "uri"),
    [
        ("web", "com.example.app"),
        ("web", "com.example.app:/x"),
        ("web", "http://rp.example"),
        ("native", "app"),
        ("native", "1com.example"),
        ("native", "com..example"),
        ("native", "com.example."),
        ("native", "javascript:alert"),
        ("native", "a." + "b" * 300),
        ("native", "com.exämple"),
        ("web", ""),
        ("web", None),
        ("native", None),
        ("native", "com.example\n"),
    ],
)
def test_what_is_no_address_of_an_app(application_type, uri):
    with pytest.raises(InvalidInput):
        check_application_uri(uri, application_type=application_type, field="application_uri")


def test_addresses_are_counted_and_kept_once():
    uris = [f"https://rp.example/{number}" for number in range(MOST_URIS)]

    assert check_redirect_uris([*uris[:-1], uris[0]], required=True, **WEB) == tuple(uris[:-1])
    assert check_redirect_uris(uris, required=True, **WEB) == tuple(uris)
    with pytest.raises(InvalidInput):
        check_redirect_uris([*uris, "https://rp.example/one-more"], required=True, **WEB)


@pytest.mark.parametrize("uris", [[], "https://rp.example/cb", None, {"a": 1}, 7])
def test_at_least_one_in_a_list(uris):
    with pytest.raises(InvalidInput):
        check_redirect_uris(uris, required=True, **WEB)


def test_no_logout_address_is_needed():
    assert check_redirect_uris([], required=False, **WEB) == ()


def test_any_mixture_is_refused_or_is_plain():
    pieces = [*"/:@?#%.\\[]&=;\t\n\0 ", "https:", "http:", "//", "rp.example", "127.0.0.1", "[::1]", ".."]
    pieces += ["%2e", "%2f", "%00", "%", ":80", "é", "。", "\ud800", "localhost", "code", "javascript:"]
    starts = ["", "https://", "https://rp.example", "https://rp.example/", "http://localhost", "com.example.app:/"]
    chance = random.Random(1)
    accepted = 0
    for _ in range(20_000):
        text = chance.choice(starts) + "".join(chance.choices(pieces, k=chance.randint(1, 6)))
        for application in (WEB, NATIVE):
            try:
                checked = check_redirect_uri(text, **application)
            except InvalidInput:
                continue
            accepted += 1
            rest, _, _query = checked.partition("?")
            assert checked == text
            assert checked.isascii() and checked.isprintable()
            assert not {" ", "#", "\\"} & set(checked)
            assert "/../" not in rest + "/" and "%2" not in rest
            scheme, _, authority = rest.partition("//")
            assert not scheme.endswith(":") or "@" not in authority.partition("/")[0]
    assert accepted > 500
