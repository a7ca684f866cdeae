"""Sign-in by mail: what it tells of others, how often it may be asked, and where it is switched off."""

import re
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from flask import Flask

from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.flows.users import deactivate_user
from tests.by_mail import ADA
from tests.by_mail import EVE
from tests.by_mail import ask
from tests.by_mail import close_signup
from tests.by_mail import path_of
from tests.mails import MailServer
from tests.queries import count_statements
from tests.sign_in import ORIGIN
from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.sign_in import engine_of
from tests.sign_in import make_context


@pytest.fixture
def host(app_factory, smtp):
    """A host with a mail server; Ada has an account in its shop."""
    app = app_factory(**smtp.config)
    with app.app_context():
        add_project(app, "shop")
        create_user(make_context(app), email=ADA)
    return app


@pytest.fixture
def visitor(host):
    return Visitor(host.test_client())


class TestEnumeration:
    """Row E16: who has an account, the browser is not told."""

    def look(self, host: Flask, email: str, smtp: MailServer) -> tuple[Any, ...]:
        """What somebody sees who asks for a mail and guesses a code, and what it costs."""
        count = len(smtp.mails)
        visitor = Visitor(host.test_client())
        visitor.open("login")
        with host.app_context():
            engine = engine_of(host)
        host.extensions["hanko_identity"].snapshots.forget()
        with count_statements(engine) as asked:
            answer = visitor.submit("email", email=email)
        handle = parse_qs(urlsplit(answer.location).query)["sent"][0]
        page = visitor.open(answer.location)
        with count_statements(engine) as guessed:
            wrong_code = visitor.submit(answer.location, code="000000")
        smtp.wait_for(count + 1)

        def plain(text: str) -> str:
            for each in (handle, visitor.csrf, email):
                text = text.replace(each, "·")
            return text

        return (
            answer.status_code,
            plain(answer.location),
            sorted(answer.headers.keys()),
            plain(answer.text),
            page.status_code,
            plain(page.text),
            wrong_code.status_code,
            plain(wrong_code.text),
            [_shape(each) for each in asked.statements],
            len(guessed.statements),
        )

    @pytest.mark.parametrize("signup", ["open", "closed"])
    def test_all_addresses_look_alike(self, host, smtp, signup):
        if signup == "closed":
            close_signup(host)
        with host.app_context():
            ctx = make_context(host)
            deactivate_user(ctx, create_user(ctx, email="bob@example.com"))

        seen = [self.look(host, email, smtp) for email in (ADA, EVE, "bob@example.com")]

        assert seen[0] == seen[1] == seen[2]
        assert len(seen[0][8]) <= 12
        assert len(smtp.mails) == 3

    def test_limit_is_the_same_too(self, host):
        answers = {}
        for email in (ADA, EVE):
            visitor = Visitor(host.test_client())
            for _ in range(6):
                visitor.open("login")
                answer = visitor.submit("email", email=email)
            answers[email] = (
                answer.status_code,
                re.sub("<code>[0-9a-f]+</code>", "", answer.text),
                int(answer.headers["Retry-After"]) in range(590, 601),
            )

        assert answers[ADA] == answers[EVE]
        assert answers[ADA][0] == 429 and "Try again in 10 minutes" in answers[ADA][1] and answers[ADA][2]


def _shape(statement: str) -> str:
    return " ".join(statement.split())


class TestLimits:
    def test_forwarded_addresses_are_not_believed(self, host):
        """B18: a header of the visitor's own changes nothing."""
        visitor = Visitor(host.test_client())
        visitor.open("login")

        statuses = [
            visitor.client.post(
                "/identity/shop/email",
                data={"csrf_token": visitor.csrf, "email": f"somebody{number}@example.com"},
                headers={"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"},
            ).status_code
            for number in range(40)
        ]

        assert statuses == [303] * 30 + [429] * 10

    def test_options_are_limited(self, visitor):
        visitor.open("login")

        answers = [visitor.post("login/options", {}) for _ in range(620)]

        statuses = [answer.status_code for answer in answers]
        assert statuses[:600] == [200] * 600 and statuses[-1] == 429
        assert answers[-1].json["error"] == "TooManyRequests"
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 300
        elsewhere = visitor.client.post(
            "/identity/shop/login/options",
            json={},
            headers={"Origin": ORIGIN, "X-CSRFToken": visitor.csrf},
            environ_overrides={"REMOTE_ADDR": "192.0.2.99"},
        )
        assert elsewhere.status_code == 200

    def test_a_victim_gets_in_all_the_same(self, host, smtp):
        """F16."""
        victim = Visitor(host.test_client())
        victim.sign_up(ADA)
        victim.open("profile")
        victim.submit("sign-out")
        for number in range(12):
            stranger = Visitor(host.test_client())
            stranger.open("login")
            stranger.client.post(
                "/identity/shop/email",
                data={"csrf_token": stranger.csrf, "email": ADA},
                environ_overrides={"REMOTE_ADDR": f"198.51.100.{number}"},
            )

        victim.open("login")
        assert victim.submit("email", email=ADA).status_code == 429
        assert victim.sign_in().status_code == 200


class TestOff:
    @pytest.mark.parametrize("config", [{}, {"MAIL_SERVER": "mail.example.com"}], ids=["no server", "no sender"])
    def test_pages_show_passkeys_only(self, app_factory, config):
        app = app_factory(**config)
        with app.app_context():
            add_project(app, "shop")
        visitor = Visitor(app.test_client())

        for path in ("login", "signup"):
            page = visitor.open(path)
            assert page.status_code == 200 and "/identity/shop/email" not in page.text
        assert visitor.submit("email", email=ADA).status_code == 403
        assert visitor.open("email").status_code == 403

    def test_project_without_it(self, host, visitor):
        with host.app_context():
            add_project(host, "strict", sign_in={"passlinks": False})
        strict = Visitor(host.test_client(), slug="strict")

        assert "/email" not in strict.open("login").text
        assert strict.submit("email", email=ADA).status_code == 403

    @pytest.mark.parametrize("path", ["email", "code", "outbox"])
    def test_host_project(self, host, path):
        with host.app_context():
            add_project(host, "guests", type="host")

        assert Visitor(host.test_client(), slug="guests").open(path).status_code == 404

    def test_debug_mode_shows_the_way_to_the_outbox(self, app_factory):
        app = app_factory(DEBUG=True)
        with app.app_context():
            add_project(app, "shop")
        visitor = Visitor(app.test_client())
        inbox = visitor.open(ask(visitor, EVE))

        assert 'href="/identity/shop/outbox"' in inbox.text
        link = re.search(r'href="(http://localhost/identity/shop/link/\w+)"', visitor.open("outbox").text)
        assert link
        visitor.open(path_of(link[1]))
        assert visitor.submit(path_of(link[1])).status_code == 303
