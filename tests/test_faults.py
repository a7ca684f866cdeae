"""Group G of the threats at the token endpoint: a database that fails, is busy, or is scarce."""

import sqlite3
import time
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from tests.evidence import contents
from tests.evidence import in_parallel
from tests.tenants import ADA
from tests.tenants import RelyingParty
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ONLY_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def rp(app: Flask) -> RelyingParty:
    make_tenant(app)
    party = connect(app)
    party.scope = "openid offline_access"
    sign_in_browser(app, party.browser, make_user(app, **ADA))
    return party


def engine_of(app: Flask) -> Engine:
    with app.app_context():
        engine: Engine = app.extensions["sqlalchemy"].engine
        return engine


def assert_unavailable(response: TestResponse) -> None:
    """G01: nothing is wrong with the request; it may come again."""
    assert response.status_code == 503, response.text
    assert response.headers["Retry-After"] == "2"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.get_json()["error"] == "temporarily_unavailable"


@contextmanager
def failing_statement(engine: Engine, number: int) -> Iterator[list[str]]:
    """The connection breaks at the statement with this number, counted from one; gives what was sent."""
    sent: list[str] = []

    def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)
        if len(sent) == number:
            raise OperationalError(statement, {}, Exception("The connection is gone."))

    event.listen(engine, "before_cursor_execute", fail)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", fail)


@contextmanager
def failing_commit(engine: Engine) -> Iterator[None]:
    def fail(_connection: Any) -> None:
        raise OperationalError("COMMIT", {}, Exception("The connection is gone."))

    event.listen(engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(engine, "commit", fail)


@pytest.mark.parametrize("grant", ["code", "refresh token"])
def test_token_fails_whole_wherever_the_database_breaks(rp, grant):
    """G01, G02: at each statement and at the commit nothing half-done is left, and a retry is a fresh try."""
    code, token = rp.code(), rp.tokens()["refresh_token"]
    engine = engine_of(rp.app)
    before = contents(rp.app)

    def ask() -> TestResponse:
        response: TestResponse = rp.redeem(code) if grant == "code" else rp.refresh(token)
        return response

    for number in range(1, 20):
        with failing_statement(engine, number) as sent:
            response = ask()
        if len(sent) < number:
            break
        assert_unavailable(response)
        assert contents(rp.app) == before
        with failing_commit(engine):
            assert_unavailable(ask())
        assert contents(rp.app) == before
    else:
        pytest.fail("It never worked.")
    assert number > 3
    assert response.status_code == 200
    assert rp.userinfo(response.get_json()["access_token"]).status_code == 200


@ONLY_SQLITE
def test_busy_sqlite_is_unavailable_and_recovers(app_factory, rp, database_url):
    """G03: another writer holds the lock for longer than we wait."""
    code = rp.code()
    rp.app = app_factory(SQLALCHEMY_ENGINE_OPTIONS={"connect_args": {"timeout": 0.05}})
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert_unavailable(rp.redeem(code))
        assert rp.machine.get("/identity/shop/jwks").status_code == 200  # who reads is not disturbed
        other.execute("ROLLBACK")
        assert rp.redeem(code).status_code == 200
    finally:
        other.close()


@contextmanager
def waiting(ask: Callable[[], TestResponse], observer: psycopg.Connection[Any]) -> Iterator[Future[TestResponse]]:
    """A request that runs until it waits for a lock; gives its future."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        for _ in range(500):
            if observer.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                break
            assert not asked.done(), asked.result().text
            time.sleep(0.01)
        yield asked


def connect_twice(url: str) -> tuple[psycopg.Connection[Any], psycopg.Connection[Any]]:
    libpq = url.replace("+psycopg", "", 1)
    return psycopg.connect(libpq), psycopg.connect(libpq, autocommit=True)


@ONLY_POSTGRESQL
def test_serialization_failure_is_unavailable_and_recovers(app_factory, rp, database_url):
    """G03: a host that isolates its transactions more strictly gets 40001 where two write the same row."""
    code = rp.code()
    rp.app = app_factory(SQLALCHEMY_ENGINE_OPTIONS={"isolation_level": "REPEATABLE READ"})
    other, observer = connect_twice(database_url)
    with other, observer:
        other.execute("UPDATE hanko_authorization SET nonce = 'x'")
        with waiting(lambda: rp.redeem(code), observer) as asked:
            other.commit()
            assert_unavailable(asked.result(10))

    assert rp.redeem(code).status_code == 200


@ONLY_POSTGRESQL
def test_deadlock_is_unavailable_and_recovers(rp, database_url):
    """G03: 40P01, by a deletion that takes the same locks in another order."""
    token = rp.tokens()["refresh_token"]
    other, observer = connect_twice(database_url)
    with other, observer:
        other.execute("SET deadlock_timeout = '60s'")  # so that we are the one who notices
        other.execute("SELECT 1 FROM hanko_authorization FOR UPDATE")
        with waiting(lambda: rp.refresh(token), observer) as asked, ThreadPoolExecutor(1) as pool:
            theirs = pool.submit(other.execute, "UPDATE hanko_token SET scope = scope")
            assert_unavailable(asked.result(10))
            theirs.result(10)
            other.rollback()

    assert rp.refresh(token).status_code == 200


@ONLY_POSTGRESQL
def test_client_removed_between_two_statements_of_a_refresh(rp, database_url):
    """Promise 5: the retry of a refresh holds no lock, so all it belongs to can vanish under it."""
    token = rp.tokens()["refresh_token"]
    assert rp.refresh(token).status_code == 200
    engine = engine_of(rp.app)
    other, observer = connect_twice(database_url)

    def remove(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO hanko_token"):
            observer.execute("DELETE FROM hanko_client")

    event.listen(engine, "before_cursor_execute", remove)
    try:
        with other, observer:
            response = rp.refresh(token)
    finally:
        event.remove(engine, "before_cursor_execute", remove)

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_grant")


def test_one_connection_is_enough(app_factory, rp):
    """G05: no request needs two at once, so a pool of one serves everybody, one after the other."""
    rp.app = app_factory(SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 1, "max_overflow": 0, "pool_timeout": 20})
    cookies = rp.browser.get_cookie("hanko_identity-shop")

    def whole_way(_: int) -> int:
        mine = RelyingParty(**{**vars(rp), "browser": rp.app.test_client()})
        mine.browser.set_cookie(cookies.key, cookies.value, path="/")
        tokens = mine.refresh(mine.tokens()["refresh_token"]).get_json()
        assert mine.introspect(tokens["access_token"])["active"] is True
        return mine.userinfo(tokens["access_token"]).status_code

    assert in_parallel(whole_way, times=20) == [200] * 20
