"""``flask identity check``: the doctor names what is to be changed."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_hanko_identity.flows.check_database import KEY_AGE
from flask_hanko_identity.storage import Project
from flask_hanko_identity.storage import SigningKey
from tests.commands import findings
from tests.commands import run as run
from tests.commands import say as say
from tests.commands import shop as shop
from tests.management import make_context

LONG = "0123456789abcdef0123456789abcdef"


def healthy(app_factory, **config):
    """An installation as it should be."""

    def behind_a_proxy(app, db):
        app.wsgi_app = ProxyFix(app.wsgi_app)

    settings = {
        "SECRET_KEY": LONG,
        "HANKO_IDENTITY_BASE_URL": "https://id.example.com/identity",
        "HANKO_IDENTITY_ENCRYPTION_KEYS": [LONG],
        "MAIL_SERVER": "mail.example.com",
        "MAIL_DEFAULT_SENDER": "no-reply@example.com",
        **config,
    }
    return app_factory(behind_a_proxy, **settings)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_healthy_installation_has_nothing_to_mend(app_factory, run):
    app = healthy(app_factory)
    run("init", app=app)

    report = run("check", app=app)

    assert report["ok"]
    assert {each["level"] for each in report["findings"]} == {"ok"}


@pytest.mark.parametrize(
    ("config", "level", "subject"),
    [
        ({"SECRET_KEY": "dev"}, "error", "SECRET_KEY"),
        ({"SECRET_KEY": "x" * 40}, "error", "SECRET_KEY"),
        ({"SECRET_KEY": "change-me"}, "error", "SECRET_KEY"),
        ({"SECRET_KEY": "dev", "DEBUG": True}, "warning", "SECRET_KEY"),
        ({"HANKO_IDENTITY_BASE_URL": "http://localhost/identity"}, "error", "HANKO_IDENTITY_BASE_URL"),
        (
            {"HANKO_IDENTITY_BASE_URL": "http://localhost/identity", "DEBUG": True},
            "warning",
            "HANKO_IDENTITY_BASE_URL",
        ),
        ({"HANKO_IDENTITY_ORIGINS": "https://evil.test"}, "error", "HANKO_IDENTITY_ORIGINS"),
        ({"HANKO_IDENTITY_ENCRYPTION_KEYS": ["short"]}, "warning", "HANKO_IDENTITY_ENCRYPTION_KEYS"),
        ({"MAIL_SERVER": None}, "warning", "MAIL_SERVER"),
        ({"MAIL_SERVER": None, "DEBUG": True}, "warning", "MAIL_SERVER"),
        ({"MAIL_DEFAULT_SENDER": None}, "error", "MAIL_DEFAULT_SENDER"),
        ({"HANKO_IDENTITY_RATE_LIMIT_URL": "none"}, "error", "HANKO_IDENTITY_RATE_LIMIT_URL"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_unsafe_setting_is_named(app_factory, run, monkeypatch, config, level, subject):
    """F22."""
    if config.get("DEBUG"):
        monkeypatch.setenv("FLASK_DEBUG", "1")
    app = healthy(app_factory, **config)
    run("init", app=app)

    report = run("check", app=app, exit_code=int(level == "error"))

    assert subject in findings(report, level)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_untuned_sqlite_is_named(app_factory, run):
    app = healthy(app_factory, HANKO_IDENTITY_SQLITE_TUNING=False)
    run("init", app=app)

    assert "HANKO_IDENTITY_SQLITE_TUNING" in next(iter(findings(run("check", app=app, exit_code=1), "error").values()))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_postgresql_that_forgets_is_named(app_factory, run):
    app = healthy(app_factory)
    run("init", app=app)

    report = run("check", app=app)

    assert set(findings(report, "warning")) == {"postgresql.fsync", "postgresql.synchronous_commit"}


def test_a_database_that_does_not_answer_is_named(app_factory, run, tmp_path):
    app = healthy(app_factory, SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/no/such/folder.sqlite")

    assert "SQLALCHEMY_DATABASE_URI" in findings(run("check", app=app, exit_code=1), "error")["database"]


def test_projects_and_keys_that_need_help_are_named(app, app_factory, run, shop, clock):
    healthy_app = healthy(app_factory, HANKO_IDENTITY_ENCRYPTION_KEYS=["a secret key for tests only"])
    with app.app_context():
        session = make_context(app).session
        session.execute(update(Project).values(status="failed", status_reason="It failed."))
        session.execute(update(SigningKey).values(activates_at=clock() - KEY_AGE + timedelta(seconds=1)))
        session.commit()

    errors = [each for each in run("check", app=healthy_app, exit_code=1)["findings"] if each["level"] == "error"]
    messages = " ".join(each["message"] for each in errors)
    assert "It failed." in messages
    assert "HANKO_IDENTITY_BASE_URL" in messages  # it was made under http://localhost
    clock.advance(seconds=1)
    assert "keys rotate --project shop" in findings(run("check", exit_code=1), "warning")["project:shop"]


def test_the_findings_are_readable(say):
    code, out, err = say("check")

    assert (code, err) == (1, "")
    assert out.splitlines()[0].startswith("error    SECRET_KEY: ")
