"""Mails as a real server gets them, and the outbox of debug mode."""

import re
import subprocess
import sys
from typing import Any

import flask_mail
import pytest
from sqlalchemy import update

from flask_hanko_identity.flows.mail import Mail
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.storage import Project
from flask_hanko_identity.web import mail as module
from flask_hanko_identity.web.brand import contrast
from flask_hanko_identity.web.brand import mail_colours
from tests.databases import copy_sqlite
from tests.servers import free_port
from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.sign_in import make_context

ADA = "ada@example.com"
VALUES: dict[str, Any] = {
    "email": ADA,
    "link": "http://localhost/identity/shop/link/" + "x" * 43,
    "code": "123 456",
    "minutes": 10,
    "where": "192.0.2.7",
}


@pytest.fixture
def database_url(sqlite_template, tmp_path):
    """One kind is enough here."""
    return copy_sqlite(sqlite_template, tmp_path)


@pytest.fixture
def host(app_factory, smtp):
    """A host with a mail server, and a shop with one user."""
    app = app_factory(**smtp.config)
    with app.app_context():
        add_project(app, "shop")
        create_user(make_context(app), email=ADA)
    return app


def mailer_of(app):
    return app.extensions["hanko_identity"].mailer


def send(app, to=ADA, subject="Sign in to Shop", template="sign_in", **values):
    with app.app_context():
        project = make_context(app).project
        mailer_of(app).send(Mail(to, subject, template, {**VALUES, **values}), project=project)


def rename(app, name, **values):
    with app.app_context():
        session = make_context(app).session
        session.execute(update(Project).values(name=name, **values))
        session.commit()
        app.extensions["hanko_identity"].snapshots.forget()


class TestMessage:
    def test_headers(self, host, smtp):
        send(host)

        mail = smtp.wait_for(1)
        headers = mail.message
        assert mail.envelope_to == [ADA]
        assert headers["From"] == "Shop <no-reply@host.example>"
        assert headers["To"] == ADA
        assert headers["Subject"] == "Sign in to Shop"
        assert headers["Auto-Submitted"] == "auto-generated"
        assert headers["Message-ID"].endswith("@host.example>")
        assert headers["Date"].endswith(" +0000")
        assert headers.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in headers.iter_parts()] == ["text/plain", "text/html"]

    @pytest.mark.parametrize("template", ["sign_in", "sign_up", "verify"])
    def test_link_and_code_are_in_both_parts(self, host, smtp, template):
        send(host, template=template)

        mail = smtp.wait_for(1)
        assert (mail.link, mail.code) == (VALUES["link"], "123 456")
        for part in (mail.text, mail.html):
            assert "10 minutes" in part and "192.0.2.7" in part and ADA in part and "Shop" in part

    def test_mail_without_an_account_has_neither(self, host, smtp):
        send(host, template="no_account")

        mail = smtp.wait_for(1)
        for part in (mail.text, mail.html):
            assert "/link/" not in part and "123 456" not in part and "Nobody can sign in there" in part

    def test_notice(self, host, smtp, clock):
        send(host, template="notice", title="A passkey was added", sentences=["It was <you>.", "Or not."], when=clock())

        mail = smtp.wait_for(1)
        assert "A passkey was added" in mail.text and "It was <you>.\n\nOr not." in mail.text
        assert "It was &lt;you&gt;." in mail.html and f"{clock():%Y-%m-%d %H:%M} UTC" in mail.html

    def test_brand(self, host, smtp):
        rename(host, "Die Bücherei", brand={"accent": "#b3261e", "background": "#fff4e5", "corners": "square"})

        send(host)

        mail = smtp.wait_for(1)
        assert mail.message["From"].addresses[0].display_name == "Die Bücherei"
        assert "Die Bücherei" in mail.html and "Die Bücherei" in mail.text
        assert "#b3261e" in mail.html and "#fff4e5" in mail.html and "border-radius:0" in mail.html
        assert "prefers-color-scheme: dark" in mail.html
        assert not re.search(r"<script|<img|src=|@import|url\(", mail.html)

    @pytest.mark.parametrize("accent", ["#ffffff", "#000000", "#ffee00", "#0f6a68", "red;}</style>", "#fffff\n"])
    @pytest.mark.parametrize("background", ["#ffffff", "#000000", "#808080"])
    def test_every_brand_can_be_read(self, accent, background):
        """F11."""
        colours = mail_colours({"accent": accent, "background": background})

        assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours.values())
        for text, ground in (
            ("on_accent", "accent"),
            ("on_page", "page"),
            ("text", "surface"),
            ("dark_on_accent", "dark_accent"),
            ("dark_text", "dark_page"),
            ("dark_text", "dark_surface"),
        ):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)

    @pytest.mark.parametrize(
        "name",
        [
            "Shop\r\nBcc: eve@example.com",
            'Sh"op <eve@example.com>, x',
            "Shop, eve@example.com",
            "<script>alert(1)</script>",
            "{{ 7 * 7 }} %s %(x)s",
            "Bücher & Café 📚",
        ],
    )
    def test_names_inject_nothing(self, host, smtp, name):
        """F08: a name is text, in headers and in both parts."""
        rename(host, name)

        send(host, subject=f"Sign in to {name}")

        mail = smtp.wait_for(1)
        assert mail.envelope_to == [ADA]
        assert [each.addr_spec for each in mail.message["From"].addresses] == ["no-reply@host.example"]
        assert mail.message["Bcc"] is None
        assert " ".join(name.split()) == mail.message["From"].addresses[0].display_name
        assert mail.message["Subject"] == "Sign in to " + " ".join(name.split())
        assert "<script>" not in mail.html

    @pytest.mark.parametrize(
        "to", ["a@b.example\r\nBcc: eve@example.com", "a@b.example\nDATA", "a b@c.example, d@e.example"]
    )
    def test_recipients_inject_nothing(self, host, smtp, to, caplog):
        send(host, to=to)

        assert mailer_of(host).wait()
        assert smtp.mails == []
        assert "was not sent" in caplog.text

    def test_international_addresses(self, host, smtp):
        send(host, to="jürgen@bücher.example")
        assert smtp.wait_for(1).envelope_to == ["jürgen@xn--bcher-kva.example"]

        send(host, to="ada@bücher.example")
        assert smtp.wait_for(2).envelope_to == ["ada@xn--bcher-kva.example"]

    @pytest.mark.parametrize(
        "sender", ["no-reply@host.example", "The host <no-reply@host.example>", ("Host", "no-reply@host.example")]
    )
    def test_senders(self, app_factory, smtp, sender):
        app = app_factory(**{**smtp.config, "MAIL_DEFAULT_SENDER": sender})
        with app.app_context():
            add_project(app, "shop")

        send(app)

        assert smtp.wait_for(1).message["From"] == "Shop <no-reply@host.example>"


class TestServers:
    def test_hosts_own_flask_mail(self, app_factory, smtp):
        mail = flask_mail.Mail()

        def prepare(app, db):
            mail.init_app(app)

        app = app_factory(prepare, **smtp.config)
        with app.app_context():
            add_project(app, "shop")

        # What the host has changed on its own instance counts.
        app.extensions["mail"].default_sender = "other@host.example"
        send(app)

        assert smtp.wait_for(1).message["From"] == "Shop <other@host.example>"

    def test_hosts_flask_mail_stays_the_hosts(self, host):
        send(host)

        assert mailer_of(host).wait()
        assert "mail" not in host.extensions

    def test_host_that_records_mails_in_its_tests(self, app_factory):
        """With Flask-Mail's own switch nothing goes out, and its signal comes before the answer."""
        mail = flask_mail.Mail()

        def prepare(app, db):
            mail.init_app(app)

        app = app_factory(prepare, MAIL_SERVER="mail.example.com", MAIL_DEFAULT_SENDER="a@b.example")
        with app.app_context():
            add_project(app, "shop")
        with mail.record_messages() as recorded:
            send(app)

        assert [message.subject for message in recorded] == ["Sign in to Shop"]

    @pytest.mark.parametrize(
        ("config", "is_on"),
        [
            ({}, False),
            ({"DEBUG": True}, True),
            ({"MAIL_SERVER": "mail.example.com"}, False),
            ({"MAIL_SERVER": "mail.example.com", "MAIL_DEFAULT_SENDER": "nonsense"}, False),
            ({"MAIL_SERVER": "mail.example.com", "MAIL_DEFAULT_SENDER": "a@b.example"}, True),
            ({"MAIL_DEFAULT_SENDER": "a@b.example"}, False),
        ],
    )
    def test_when_it_is_on(self, app_factory, config, is_on):
        assert mailer_of(app_factory(**config)).is_on is is_on

    def test_refused_mail_is_logged_without_its_secrets(self, host, smtp, caplog, canaries):
        canaries.add(VALUES["link"])
        canaries.add(VALUES["code"])
        smtp.refuse = "554 No " + VALUES["link"]

        send(host)
        smtp.wait_for_attempts(1)
        assert mailer_of(host).wait()

        assert re.search(r"a mail \(sign_in\) was not sent: SMTPDataError 554 \[[0-9a-f]{12}\]", caplog.text)
        smtp.refuse = None
        send(host)
        assert smtp.wait_for(1)

    def test_server_that_is_not_there(self, app_factory, caplog):
        app = app_factory(
            MAIL_SERVER="127.0.0.1", MAIL_PORT=free_port(), MAIL_DEFAULT_SENDER="a@b.example", MAIL_SUPPRESS_SEND=False
        )
        with app.app_context():
            add_project(app, "shop")

        send(app)

        assert mailer_of(app).wait()
        assert "was not sent: ConnectionRefusedError" in caplog.text

    def test_template_that_fails_is_logged_without_its_values(self, host, caplog, canaries):
        canaries.add(VALUES["link"])

        send(host, template="sign_in", minutes=VALUES["link"])

        assert re.search(r"could not be written: \w+ \[", caplog.text)

    def test_too_many_are_dropped(self, host, smtp, caplog, monkeypatch):
        monkeypatch.setattr(module, "MOST_WAITING", 1)
        monkeypatch.setattr(module._Sender, "_work", lambda *_: None)

        for _ in range(3):
            send(host)

        assert caplog.text.count("was dropped") == 2

    def test_a_command_sends_before_it_ends(self, smtp):
        script = f"""
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_hanko_identity import HankoIdentity
from flask_hanko_identity.flows.mail import Mail
from tests.sign_in import add_project, make_context
app = Flask("host")
app.config.update(SECRET_KEY="x" * 40, SQLALCHEMY_DATABASE_URI="sqlite://",
                  HANKO_IDENTITY_BASE_URL="http://localhost/identity", **{smtp.config!r})
db = SQLAlchemy(app)
HankoIdentity(app, db=db)
with app.app_context():
    db.create_all()
    add_project(app, "shop")
    mail = Mail("ada@example.com", "Hello", "sign_in", {VALUES!r})
    app.extensions["hanko_identity"].mailer.send(mail, project=make_context(app).project)
"""
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)

        assert smtp.wait_for(1).message["Subject"] == "Hello"


class TestOutbox:
    @pytest.fixture
    def developer(self, app_factory):
        """Somebody in front of a host in debug mode without a mail server."""
        app = app_factory(DEBUG=True)
        with app.app_context():
            add_project(app, "shop")
            add_project(app, "other")
        return Visitor(app.test_client())

    def test_mails_are_shown_and_printed(self, developer, caplog):
        send(developer.client.application)

        page = developer.open("outbox")
        assert page.status_code == 200
        assert f'<a href="{VALUES["link"]}"' in page.text and "123 456" in page.text
        assert VALUES["link"] in caplog.text
        assert "It is empty." in developer.client.get("/identity/other/outbox").text

    def test_the_last_fifty(self, developer):
        for number in range(60):
            send(developer.client.application, subject=f"Mail {number:02d}")

        assert re.findall(r"Mail (\d\d)</h2>", developer.open("outbox").text) == [f"{n}" for n in range(59, 9, -1)]

    def test_nobody_else_has_one(self, host, app):
        with app.app_context():
            add_project(app, "other")
        assert host.test_client().get("/identity/shop/outbox").status_code == 404
        assert app.test_client().get("/identity/other/outbox").status_code == 404

    def test_not_beside_a_server(self, app_factory, smtp):
        app = app_factory(DEBUG=True, **smtp.config)
        with app.app_context():
            add_project(app, "shop")

        assert app.test_client().get("/identity/shop/outbox").status_code == 404
