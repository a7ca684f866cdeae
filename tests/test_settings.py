"""What a host may set, what it is told when that is wrong, and that the documentation lists it all."""

import re
from dataclasses import MISSING
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from flask_hanko_identity import ConfigurationError
from flask_hanko_identity.settings import PREFIX
from flask_hanko_identity.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"
BASE_URL = "https://id.example.com/identity"
DOCUMENT = Path(__file__).parent.parent / "docs" / "settings.md"


def read(**config):
    return Settings.from_config({"SECRET_KEY": SECRET, f"{PREFIX}BASE_URL": BASE_URL, **config})


def refusal(**config):
    with pytest.raises(ConfigurationError) as caught:
        read(**config)
    return caught.value.message


def test_everything_follows_from_the_base_url():
    settings = read()

    assert settings.url_prefix == "/identity"
    assert settings.rp_id == "id.example.com"
    assert settings.origins == ("https://id.example.com",)
    assert settings.origin == "https://id.example.com"
    assert settings.issuer("shop") == "https://id.example.com/identity/shop"
    assert settings.secure


def test_a_base_url_may_be_a_whole_host():
    assert read(HANKO_IDENTITY_BASE_URL="https://id.example.com:8443").url_prefix == ""


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "id.localhost:5000"])
def test_http_works_on_this_machine(host):
    settings = read(HANKO_IDENTITY_BASE_URL=f"http://{host}/identity")

    assert not settings.secure
    assert settings.origins == (f"http://{host}",)


@pytest.mark.parametrize(
    ("url", "about"),
    [
        pytest.param(None, "is not set", id="missing"),
        pytest.param("", "is not set", id="empty"),
        pytest.param("https://id.example.com/", "slash at the end", id="slash"),
        pytest.param("id.example.com", "whole URL", id="no scheme"),
        pytest.param("ftp://id.example.com", "whole URL", id="ftp"),
        pytest.param("https:///identity", "whole URL", id="no host"),
        pytest.param(" https://id.example.com", "whole URL", id="space before"),
        pytest.param("https://id.example.com/x?a=1", "query", id="query"),
        pytest.param("https://id.example.com/x?", "query", id="empty query"),
        pytest.param("https://id.example.com/x#a", "fragment", id="fragment"),
        pytest.param("https://ada@id.example.com", "user name", id="user"),
        pytest.param("https://id.example.com/a//b", "path", id="empty segment"),
        pytest.param("https://id.example.com/ü", "path", id="path not ASCII"),
        pytest.param("https://192.0.2.1", "IP address", id="IPv4"),
        pytest.param("https://[2001:db8::1]", "IP address", id="IPv6"),
        pytest.param("https://[::1", "cannot be used", id="bracket"),
        pytest.param("https://id.example.com:x", "cannot be used", id="port not a number"),
        pytest.param("http://id.example.com", "localhost alone", id="http"),
        pytest.param("http://evil-localhost", "localhost alone", id="http on a host named alike"),
        pytest.param("https://ID.example.com", "lower case", id="capitals"),
        pytest.param("HTTPS://id.example.com", "lower case", id="scheme in capitals"),
        pytest.param("https://id.example.com:443", "not 443", id="default port"),
        pytest.param("http://localhost:80", "not 80", id="default port of http"),
        pytest.param("https://id.example.com:", "as browsers send it", id="colon without port"),
        pytest.param("https://münchen.example", "as browsers send it", id="not ASCII"),
        pytest.param("https://id_1.example.com", "as browsers send it", id="underscore"),
        pytest.param(17, "must be text", id="number"),
    ],
)
def test_a_wrong_base_url_is_named_with_its_fault(url, about):
    message = refusal(HANKO_IDENTITY_BASE_URL=url)

    assert "HANKO_IDENTITY_BASE_URL" in message
    assert about in message


@pytest.mark.parametrize(
    ("name", "value", "about"),
    [
        ("RP_ID", "example.org", "parent domain"),
        ("RP_ID", "d.example.com", "parent domain"),
        ("ORIGINS", "https://id.example.com/", "no slash at the end"),
        ("ORIGINS", ["https://id.example.com:443"], "port"),
        ("ORIGINS", ["http://id.example.com"], "localhost alone"),
        ("ORIGINS", [""], "list of texts"),
        ("ORIGINS", [7], "list of texts"),
        ("CONSOLE_SIGNUP", "everybody", "'invite' or 'open'"),
        ("COOKIE_NAME", "my cookie", "letters, digits"),
        ("CONSOLE", "yes", "True or False"),
        ("SQLITE_TUNING", 1, "True or False"),
        ("RP_NAME", b"Us", "must be text"),
        ("URL_PREFIX", "identity", "start"),
        ("URL_PREFIX", "/identity/", "slash"),
        ("ACCESS_TOKEN_LIFETIME", "1h", "number of seconds"),
        ("ACCESS_TOKEN_LIFETIME", True, "number of seconds"),
        ("ACCESS_TOKEN_LIFETIME", float("nan"), "number of seconds"),
        ("ACCESS_TOKEN_LIFETIME", float("inf"), "number of seconds"),
        ("ACCESS_TOKEN_LIFETIME", 0, "at least a second"),
        ("SESSION_LIFETIME", timedelta(days=-1), "at least a second"),
        ("REFRESH_TOKEN_GRACE", -1, "at least"),
    ],
)
def test_a_wrong_setting_is_named_with_its_fault(name, value, about):
    message = refusal(**{PREFIX + name: value})

    assert PREFIX + name in message
    assert about in message


def test_an_unknown_setting_is_refused_with_the_nearest_name():
    message = refusal(HANKO_IDENTITY_ACESS_TOKEN_LIFETIME=60)

    assert "HANKO_IDENTITY_ACESS_TOKEN_LIFETIME" in message
    assert "Did you mean HANKO_IDENTITY_ACCESS_TOKEN_LIFETIME?" in message


@pytest.mark.parametrize("secret", [None, "", b""])
def test_without_a_secret_key_the_start_is_refused(secret):
    message = refusal(SECRET_KEY=secret)

    assert "SECRET_KEY is not set" in message
    assert "HANKO_IDENTITY_ENCRYPTION_KEYS" in message


def test_encryption_keys_stand_in_for_the_secret_key():
    assert read(SECRET_KEY=None, HANKO_IDENTITY_ENCRYPTION_KEYS="new, old").encryption_keys == ("new", "old")


def test_values_are_read_as_environment_variables_give_them():
    settings = read(
        HANKO_IDENTITY_ACCESS_TOKEN_LIFETIME=600,
        HANKO_IDENTITY_REFRESH_TOKEN_GRACE=0,
        HANKO_IDENTITY_ORIGINS="https://id.example.com, android:apk-key-hash:abc",
        HANKO_IDENTITY_RP_ID="example.com",
        HANKO_IDENTITY_RP_NAME=None,
    )

    assert settings.access_token_lifetime == timedelta(minutes=10)
    assert settings.refresh_token_grace == timedelta(0)
    assert settings.origins == ("https://id.example.com", "android:apk-key-hash:abc")
    assert settings.rp_name == "Sign in"


def test_settings_are_frozen_and_hide_keys():
    settings = read(HANKO_IDENTITY_ENCRYPTION_KEYS=["a key nobody should see"])

    assert "nobody should see" not in repr(settings)
    assert SECRET not in repr(settings)
    with pytest.raises(AttributeError):
        settings.base_url = "https://evil.example"


def _documented():
    rows = re.findall(r"^\| `HANKO_IDENTITY_(\w+)` \| ([^|]*) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.lower(): default.strip() for name, default in rows}


def test_the_documentation_lists_every_setting_and_no_other():
    assert list(_documented()) == [each.name for each in fields(Settings)]


@pytest.mark.parametrize("each", fields(Settings), ids=lambda each: each.name)
def test_the_documentation_gives_the_default(each):
    said = _documented()[each.name]

    if each.default is MISSING:
        assert said == "required"
    elif isinstance(each.default, timedelta):
        amount, unit = said.split()
        assert timedelta(**{unit if unit.endswith("s") else unit + "s": int(amount)}) == each.default
    elif each.default in ("", ()):
        assert said.startswith(("from", "the", "derived"))
    else:
        assert said.strip("`'") == str(each.default)
