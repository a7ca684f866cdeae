"""Outside debug mode, tests and the command line an app with unsafe settings does not start (F22)."""

import subprocess
import sys

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_hanko_identity import ConfigurationError
from flask_hanko_identity import HankoIdentity

SECRET = "0123456789abcdef0123456789abcdef"


def start(base_url="https://id.example.com", debug=False, **config):
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET, SQLALCHEMY_DATABASE_URI="sqlite://", HANKO_IDENTITY_BASE_URL=base_url)
    app.config.update(config)
    app.debug = debug
    HankoIdentity(app, db=SQLAlchemy(app))


@pytest.mark.parametrize("secret", ["dev", "changeme", "short", "x" * 64, b"dev"])
def test_a_start_is_refused_with_a_secret_key_that_can_be_guessed(secret):
    with pytest.raises(ConfigurationError, match="SECRET_KEY is short or easy to guess"):
        start(SECRET_KEY=secret)


def test_a_start_is_refused_without_https():
    with pytest.raises(ConfigurationError, match="only https keeps people safe"):
        start("http://id.example.com")


def test_a_start_is_refused_with_origins_that_passkeys_cannot_be_used_at():
    with pytest.raises(ConfigurationError, match="https://other.example"):
        start(HANKO_IDENTITY_ORIGINS=["https://other.example"])


def test_a_start_works_with_good_settings_and_says_what_could_be_better(caplog):
    start()

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "MAIL_SERVER" in caplog.text


@pytest.mark.parametrize(
    ("config", "level"),
    [
        pytest.param({"debug": True}, [], id="debug mode"),
        pytest.param({"TESTING": True}, [], id="tests"),
        pytest.param({"base_url": "http://localhost:5000"}, ["WARNING"], id="this machine alone"),
    ],
)
def test_a_start_is_lenient_where_nobody_else_comes(config, level, caplog):
    start(SECRET_KEY="dev", **config)

    assert sorted({record.levelname for record in caplog.records}) == level


def test_a_start_never_stops_the_command_that_tells_what_is_wrong(tmp_path):
    (tmp_path / "host.py").write_text(
        "from flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\n"
        "from flask_hanko_identity import HankoIdentity\n"
        "app = Flask(__name__)\n"
        "app.config.update(SECRET_KEY='dev', SQLALCHEMY_DATABASE_URI='sqlite://',"
        " HANKO_IDENTITY_BASE_URL='https://id.example.com')\n"
        "HankoIdentity(app, db=SQLAlchemy(app))\n"
    )
    run = [sys.executable, "-m", "flask", "--app", "host", "identity", "check"]
    check = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    serve = subprocess.run(
        [sys.executable, "-c", "import host"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert check.returncode == 1
    assert "error    SECRET_KEY: SECRET_KEY is short" in check.stdout
    assert serve.returncode != 0
    assert "ConfigurationError: SECRET_KEY is short" in serve.stderr
