"""What the other tests stand on."""

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Error
from redis import Redis
from sqlalchemy import Engine
from sqlalchemy import create_engine
from sqlalchemy import inspect
from sqlalchemy import text

from tests.browser import add_authenticator
from tests.browser import axe_violations
from tests.clock import Clock
from tests.live import serve
from tests.live import serve_with_gunicorn
from tests.logs import Canaries
from tests.queries import count_statements
from tests.servers import ServerFailed

PAGE = """<!doctype html><html lang="en"><title>Passkeys</title><main><h1>Passkeys</h1>{}</main></html>"""
REGISTER = """navigator.credentials.create({publicKey: {
    rp: {name: "OP"}, user: {id: new Uint8Array(8), name: "ada", displayName: "Ada"},
    challenge: new Uint8Array(32), pubKeyCredParams: [{type: "public-key", alg: -7}],
    authenticatorSelection: {residentKey: "required", userVerification: "required"}, timeout: 3000,
}}).then(credential => credential.id)"""
SIGN_IN = """navigator.credentials.get({publicKey: {
    challenge: new Uint8Array(32), userVerification: "required", timeout: 3000,
}}).then(credential => credential.id)"""


def site(body: str = "") -> Flask:
    """One page behind the strictest policy."""
    app = Flask(__name__)

    @app.get("/")
    def page() -> tuple[str, dict[str, str]]:
        return PAGE.format(body), {"Content-Security-Policy": "default-src 'none'"}

    @app.get("/favicon.ico")
    def icon() -> tuple[str, int]:
        return "", 204

    return app


def fetch(url: str) -> bytes:
    parts = urlsplit(url)
    connection = HTTPConnection("127.0.0.1", parts.port or 80)
    connection.request("GET", parts.path or "/")
    try:
        return connection.getresponse().read()
    finally:
        connection.close()


def test_clock_moves_only_when_told():
    clock = Clock(datetime(2026, 1, 1, tzinfo=UTC))

    clock.advance(minutes=1, seconds=30)

    assert clock() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert clock().utcoffset() == timedelta(0)
    with pytest.raises(ValueError, match="aware"):
        clock.set(datetime(2026, 1, 1))


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_finds_a_clean_migrated_database(engine: Engine, turn):
    tables = set(inspect(engine).get_table_names())
    assert "host_table" not in tables
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM hanko_identity_version")) == 1
        connection.execute(text("CREATE TABLE host_table (id INTEGER PRIMARY KEY)"))


def test_empty_postgresql_is_empty(postgresql_url):
    engine = create_engine(postgresql_url)

    assert inspect(engine).get_table_names() == []
    with engine.connect() as connection:
        assert int(connection.scalar(text("SHOW server_version_num"))) >= 150000
    engine.dispose()


@pytest.mark.parametrize("turn", ["first", "second"])
def test_redis_is_real_and_empty(redis_url, turn):
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("key", "value")
        assert client.get("key") == b"value"


def test_counts_statements_without_bookkeeping(engine):
    with count_statements(engine) as seen, engine.begin() as connection, connection.begin_nested():
        connection.execute(text("SELECT 1"))

    assert seen.statements == ["SELECT 1"]
    assert seen.count == 1


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(lambda logger: logger.debug("Token %s", "se/cret"), id="argument"),
        pytest.param(lambda logger: logger.debug("/?token=se%2Fcret"), id="quoted"),
        pytest.param(lambda logger: logger.info("Token", extra={"token": "se/cret"}), id="extra"),
        pytest.param(lambda logger: logger.error("No", exc_info=ValueError("se/cret")), id="exception"),
    ],
)
def test_canary_is_found_in_any_record(log: Callable[[logging.Logger], None]):
    inner = Canaries()
    logger = logging.getLogger("tests.silent")
    logger.propagate = False
    with inner.watch():
        log(logger)
        logger.debug("Nothing of note")
    inner.add("se/cret")

    assert len(inner.found()) == 1


def test_canary_of_bytes_is_found_as_base64url():
    inner = Canaries()
    with inner.watch():
        logging.getLogger("tests").warning("AAEC_wQF")
    inner.add(b"\x00\x01\x02\xff\x04\x05")

    assert len(inner.found()) == 1


def test_passkeys_work_in_the_browser(new_page):
    page = new_page()
    with serve(site(), name="op.localhost") as url:
        page.goto(url)
        passkeys = add_authenticator(page)

        registered = page.evaluate(REGISTER)
        signed_in = page.evaluate(SIGN_IN)

    assert registered == signed_in
    assert len(passkeys.credentials) == 1


def test_passkey_moves_to_another_context(new_page):
    with serve(site(), name="op.localhost") as url:
        first, second = new_page(), new_page()
        first.goto(url)
        second.goto(url)
        here, there = add_authenticator(first), add_authenticator(second)
        registered = first.evaluate(REGISTER)

        there.add_credential(here.credentials[0])

        assert second.evaluate(SIGN_IN) == registered


def test_failed_user_verification_ends_the_ceremony(new_page):
    page = new_page()
    with serve(site(), name="op.localhost") as url:
        page.goto(url)
        add_authenticator(page).verify_user(False)

        with pytest.raises(Error, match="NotAllowedError"):
            page.evaluate(REGISTER)


def test_axe_finds_what_is_wrong_under_a_strict_policy(new_page):
    page = new_page()
    with serve(site("<button></button>")) as wrong, serve(site()) as right:
        page.goto(wrong)
        assert any(violation.startswith("button-name:") for violation in axe_violations(page))
        page.goto(right)
        assert axe_violations(page) == []


def test_pages_complain(new_page, complaints):
    page = new_page()
    with serve(site("<script>inline()</script>")) as url:
        page.goto(url)
        page.evaluate("setTimeout(() => { throw new Error('planted') })")
        page.wait_for_timeout(100)

    assert any("Content Security Policy" in complaint for complaint in complaints)
    assert any("planted" in complaint for complaint in complaints)
    complaints.clear()


def test_gunicorn_serves_from_several_processes():
    with serve_with_gunicorn("tests.test_infrastructure:process_id()", workers=2, env={"GREETING": "hi"}) as server:
        with ThreadPoolExecutor(8) as pool:
            answers = set(pool.map(fetch, [server.url] * 400))  # the kernel may favour one of them for a while

    assert len(answers) == 2
    assert all(answer.startswith(b"hi ") for answer in answers)
    assert "Booting worker" in server.stderr


def test_gunicorn_that_cannot_start_says_why():
    with pytest.raises(ServerFailed, match="no_such_module"), serve_with_gunicorn("no_such_module:app"):
        pass


def test_app_answers(app):
    assert app.test_client().get("/nowhere").status_code == 404


def process_id() -> Any:
    """A WSGI app for gunicorn."""
    app = Flask(__name__)

    @app.get("/")
    def answer() -> str:
        time.sleep(0.05)  # long enough for the other worker to be asked
        return f"{os.environ['GREETING']} {os.getpid()}"

    return app
