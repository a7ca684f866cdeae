"""When something breaks: a calm page or JSON with a reference, nothing secret in the log, and recovery (G01)."""

import logging
import re

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import OperationalError

from tests.sign_in import Visitor
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser

SECRET = "a value of the statement that nobody should read"


@pytest.fixture
def shop(app):
    make_tenant(app)
    return app


@pytest.fixture
def engine(shop):
    with shop.app_context():
        return shop.extensions["sqlalchemy"].engine


@pytest.fixture
def relying_party(shop):
    """Somebody is signed in to it."""
    relying_party = connect(shop)
    sign_in_browser(shop, relying_party.browser, make_user(shop))
    return relying_party


def raise_instead(engine, make_error):
    """Let every statement fail from now on; gives the function that ends it."""

    def fail(_connection, _cursor, statement, *_rest):
        raise make_error(statement)

    event.listen(engine, "before_cursor_execute", fail)
    return lambda: event.remove(engine, "before_cursor_execute", fail)


def reference_in(response):
    found = re.search(r"<code>([0-9a-f]{12})</code>", response.text)
    assert found, response.text
    return found[1]


class TestUnknownFault:
    @pytest.fixture(autouse=True)
    def broken(self, shop, relying_party, engine):
        shop.extensions["hanko_identity"].snapshots.forget()
        repair = raise_instead(engine, lambda _: RuntimeError("the roof fell in"))
        yield
        repair()

    def test_shows_a_page_with_a_reference_and_no_more(self, shop, caplog):
        response = shop.test_client().get("/identity/shop/login")

        assert response.status_code == 500
        assert "Traceback" not in response.text
        assert "roof" not in response.text
        assert reference_in(response) in caplog.text
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Cache-Control"] == "no-store"

    def test_tells_programs_in_json(self, relying_party, caplog):
        response = relying_party.redeem("x" * 43)

        assert response.status_code == 500
        assert response.get_json()["error"] == "server_error"
        reference = response.get_json()["error_description"].removeprefix("Reference ")
        assert reference in caplog.text

    def test_leaves_the_traceback_in_the_log(self, shop, caplog):
        shop.test_client().get("/identity/shop/login")

        assert "Traceback" in caplog.text
        assert "RuntimeError: the roof fell in" in caplog.text


def integrity_error(statement):
    return IntegrityError(statement, {"email": SECRET}, psycopg.errors.UniqueViolation(f"Key (email)=({SECRET})"))


def chained_error(statement):
    error = ValueError("it could not be kept")
    error.__cause__ = integrity_error(statement)
    return error


@pytest.mark.parametrize("make_error", [integrity_error, chained_error])
def test_what_a_statement_held_is_in_no_log(shop, engine, canaries, caplog, make_error):
    canaries.add(SECRET)
    shop.extensions["hanko_identity"].snapshots.forget()
    repair = raise_instead(engine, make_error)

    response = shop.test_client().get("/identity/shop/login")
    repair()

    assert response.status_code == 500
    assert SECRET not in response.text
    assert "IntegrityError at" in caplog.text
    assert "snapshots.py" in caplog.text


class TestDatabaseThatIsAway:
    """Each statement of a flow in turn finds the connection gone."""

    @pytest.mark.parametrize("endpoint", ["authorize", "token", "userinfo", "login page", "login options"])
    def test_is_answered_with_503_and_nothing_half_written(self, shop, engine, relying_party, endpoint):
        steps = 0
        while True:
            visitor = Visitor(shop.test_client())
            visitor.open("login")
            relying_party.code()
            code, access_token = relying_party.code(), relying_party.tokens()["access_token"]
            send = {
                "authorize": relying_party.authorize,
                "token": lambda code=code: relying_party.redeem(code),
                "userinfo": lambda token=access_token: relying_party.userinfo(token),
                "login page": lambda: shop.test_client().get("/identity/shop/login"),
                "login options": lambda visitor=visitor: visitor.post("login/options", {}),
            }[endpoint]
            shop.extensions["hanko_identity"].snapshots.forget()
            rows = count_rows(engine)
            with failing_at(engine, steps) as failed:
                response = send()
            if not failed:
                break
            steps += 1

            assert response.status_code == 503, (steps, failed)
            assert response.headers["Retry-After"].isdigit()
            assert count_rows(engine) == rows, failed
            if response.is_json:
                assert response.get_json()["error"] == "temporarily_unavailable"
            else:
                assert "Try again in a moment" in response.text
                reference_in(response)
            assert send().status_code < 400, "It did not recover."

        assert steps >= 2


def count_rows(engine):
    tables = ("authorization", "token", "ceremony", "audit_event", "authorization_request")
    with engine.connect() as connection:
        return [connection.scalar(text(f"SELECT count(*) FROM hanko_{table}")) for table in tables]


class failing_at:
    """Let the n-th statement find the connection gone; holds the statement, if it came so far."""

    def __init__(self, engine, number):
        self._engine, self._left, self._failed = engine, number, []

    def __enter__(self):
        event.listen(self._engine, "before_cursor_execute", self._count)
        return self._failed

    def __exit__(self, *_):
        event.remove(self._engine, "before_cursor_execute", self._count)

    def _count(self, connection, _cursor, statement, *_rest):
        if not self._left:
            self._failed.append(statement)
            raise OperationalError(statement, {}, psycopg.OperationalError("the connection is closed"))
        self._left -= 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_connections_that_the_server_closed_are_replaced(app_factory, database_url):
    app = app_factory(SQLALCHEMY_ENGINE_OPTIONS={"connect_args": {"application_name": "the host"}})
    make_tenant(app)
    relying_party = connect(app)
    sign_in_browser(app, relying_party.browser, make_user(app))
    token = relying_party.tokens()["access_token"]
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as administrator:
        administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the host'"
        )

    during, after = relying_party.userinfo(token), relying_party.userinfo(token)

    assert (during.status_code, after.status_code) == (503, 200)
    assert during.headers["Retry-After"]


def test_an_exhausted_pool_is_503(app_factory):
    app = app_factory(SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1})
    make_tenant(app)
    app.extensions["hanko_identity"].snapshots.forget()
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.connect():
        response = app.test_client().get("/identity/shop/jwks")

    assert response.status_code == 503
    assert response.get_json()["error"] == "temporarily_unavailable"
    assert app.test_client().get("/identity/shop/jwks").status_code == 200


def test_tables_that_are_not_there_are_named_in_the_log(app_factory, database_url, caplog):
    app = app_factory()
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    repair = raise_instead(engine, lambda statement: OperationalError(statement, {}, Exception("no such table")))

    response = app.test_client().get("/identity/shop/login")
    repair()

    assert response.status_code == 503
    assert "flask identity check" in caplog.text


@pytest.mark.parametrize("path", ["/identity/%3Cscript%3E/login", "/identity/shop/login?request=%3Cscript%3E"])
def test_nothing_that_was_sent_comes_back_as_markup(shop, path):
    """B21."""
    response = shop.test_client().get(path, headers={"User-Agent": "<script>", "Referer": "<script>"})

    assert response.status_code in (400, 404)
    assert "<script>" not in response.text


def test_the_log_knows_the_reference_of_every_refusal(shop, caplog):
    with caplog.at_level(logging.WARNING, "flask_hanko_identity"):
        response = shop.test_client().get("/identity/unknown/login")

    assert reference_in(response) in caplog.text
