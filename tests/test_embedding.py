"""The host's own error pages, sessions, cookies, hooks and rows stay the host's (B22)."""

import threading

import pytest
from flask import abort
from flask import g
from flask import session
from sqlalchemy import select
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column
from werkzeug.exceptions import HTTPException

from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.tenants import connect
from tests.tenants import make_tenant


class Base(DeclarativeBase):
    """Base of the host's models."""


class Customer(Base):
    """The host's own person."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    visits: Mapped[int] = mapped_column(default=0)


def add_pages(app, db):
    """A host that says where each answer comes from."""
    app.add_url_rule("/", "home", lambda: "Welcome.")
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    app.add_url_rule("/forbidden", "forbidden", lambda: abort(403))

    @app.errorhandler(HTTPException)
    def http_error(error):
        return f"host: {error.code}", error.code

    @app.errorhandler(Exception)
    def unknown_error(error):
        return "host: sorry", 500


class TestErrorPages:
    @pytest.fixture
    def client(self, app_factory):
        app = app_factory(add_pages)
        with app.app_context():
            add_project(app, "shop")
        return app.test_client()

    @pytest.mark.parametrize(
        ("path", "answer"),
        [
            ("/nothing", (404, "host: 404")),
            ("/forbidden", (403, "host: 403")),
            ("/broken", (500, "host: sorry")),
            ("/identity/shop/nothing", (404, "host: 404")),
        ],
    )
    def test_of_the_host_stay_the_hosts(self, client, path, answer):
        response = client.get(path)

        assert (response.status_code, response.text) == answer
        assert "Content-Security-Policy" not in response.headers

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/identity/unknown/login", 404),
            ("GET", "/identity/shop/login?request=unknown", 400),
            ("GET", "/identity/shop/authorize?client_id=unknown", 400),
            ("POST", "/identity/shop/sign-out", 403),
            ("GET", "/identity/static/nothing.css", 404),
            ("DELETE", "/identity/shop/token", 405),
            ("POST", "/identity/shop/token", 400),
        ],
    )
    def test_of_ours_are_ours(self, client, method, path, status):
        response = client.open(path, method=method)

        assert response.status_code == status
        assert "host:" not in response.text


class TestCookies:
    @pytest.fixture
    def app(self, app_factory):
        def prepare(app, db):
            @app.get("/basket/<thing>")
            def basket(thing):
                session["basket"] = thing
                return "Put in."

            @app.get("/basket")
            def show():
                return session.get("basket", "empty")

        app = app_factory(prepare, SESSION_COOKIE_NAME="basket", SESSION_COOKIE_SAMESITE="Strict")
        make_tenant(app)
        return app

    def test_the_hosts_session_is_neither_read_nor_written(self, app):
        visitor = Visitor(app.test_client())
        visitor.client.get("/basket/book")
        before = visitor.cookies()["basket"]

        assert visitor.sign_up().status_code == 200
        connect(app, browser=visitor.client).tokens()
        visitor.open("profile")
        visitor.submit("sign-out")

        assert visitor.cookies()["basket"] == before
        assert visitor.client.get("/basket").text == "book"

    def test_a_broken_session_of_the_host_does_not_matter(self, app):
        visitor = Visitor(app.test_client())
        visitor.client.set_cookie("basket", "rubbish")

        assert visitor.sign_up().status_code == 200

    def test_a_host_without_a_session_key_may_have_us(self, app_factory):
        app = app_factory(SECRET_KEY=None, HANKO_IDENTITY_ENCRYPTION_KEYS=["0123456789abcdef0123456789abcdef"])
        make_tenant(app)

        assert Visitor(app.test_client()).sign_up().status_code == 200

    def test_the_host_may_switch_its_own_csrf_check_off_but_not_ours(self, app_factory):
        app = app_factory(WTF_CSRF_ENABLED=False, WTF_CSRF_CHECK_DEFAULT=False)
        make_tenant(app)
        visitor = Visitor(app.test_client())
        visitor.sign_up()
        visitor.csrf = ""

        assert visitor.submit("sign-out").status_code == 403
        assert visitor.post("login/options", {}).status_code == 403

    def test_the_hosts_names_of_csrf_fields_do_not_matter(self, app_factory):
        app = app_factory(WTF_CSRF_FIELD_NAME="_token", WTF_CSRF_TIME_LIMIT=0, WTF_CSRF_SECRET_KEY="x")
        make_tenant(app)
        visitor = Visitor(app.test_client())
        visitor.sign_up()
        visitor.open("profile")

        assert visitor.submit("sign-out").status_code == 303


def load_customer(app, db):
    """Before each request the host loads its customer, and notes the visit without committing it."""
    with app.app_context():
        Base.metadata.create_all(db.engine)
        db.session.add(Customer(id=1, name="Grace"))
        db.session.commit()

    @app.before_request
    def load():
        g.customer = db.session.get(Customer, 1)
        if app.config.get("COUNT_VISITS"):
            g.customer.visits += 1

    @app.after_request
    def greet(response):
        response.headers["X-Customer"] = g.customer.name
        return response


class TestHostThatUsesTheSession:
    @pytest.fixture(params=[False, True], ids=["reading", "writing"])
    def visitor(self, request, app_factory):
        app = app_factory(load_customer, COUNT_VISITS=request.param)
        make_tenant(app)
        return Visitor(app.test_client())

    def test_finds_its_rows_after_our_transactions(self, visitor):
        signed_up = visitor.sign_up()

        assert signed_up.status_code == 200
        assert signed_up.headers["X-Customer"] == "Grace"

    def test_goes_the_whole_way(self, visitor):
        visitor.sign_up()
        relying_party = connect(visitor.client.application, browser=visitor.client)

        assert relying_party.userinfo(relying_party.tokens()["access_token"]).status_code == 200

    def test_is_not_undone_where_we_refuse(self, visitor):
        app = visitor.client.application
        visitor.open("login")
        ceremony = visitor.post("login/options", {}).get_json()["ceremony"]

        refused = visitor.post("login/finish", {"ceremony": ceremony, "credential": {}})

        assert refused.status_code == 400
        assert refused.headers["X-Customer"] == "Grace"
        with app.app_context():
            visits = app.extensions["sqlalchemy"].session.scalar(select(Customer.visits))
        assert (visits > 0) == app.config["COUNT_VISITS"]

    def test_is_never_locked_out_by_others_who_write(self, visitor):
        app = visitor.client.application
        db = app.extensions["sqlalchemy"]
        outcomes = []

        def sign_up(number):
            mine = Visitor(app.test_client())
            outcomes.append(mine.sign_up(f"reader{number}@example.com").status_code)

        def count():
            with app.app_context():
                for _ in range(20):
                    db.session.execute(text("UPDATE customer SET visits = visits + 1"))
                    db.session.commit()
                db.session.remove()

        workers = [threading.Thread(target=sign_up, args=(number,)) for number in range(4)]
        workers.append(threading.Thread(target=count))
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)

        assert outcomes == [200] * 4


def test_a_request_of_ours_needs_one_connection(app_factory, database_url):
    """With the host's own connection in the same session (G05)."""
    app = app_factory(load_customer, SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 1, "max_overflow": 0, "pool_timeout": 2})
    make_tenant(app)
    visitor = Visitor(app.test_client())

    assert visitor.sign_up().status_code == 200
    tokens = connect(app, browser=visitor.client).tokens()
    assert connect(app).userinfo(tokens["access_token"]).status_code == 200
    visitor.open("profile")
    assert visitor.submit("sign-out").status_code == 303


def test_many_people_may_share_one_connection(app_factory, database_url):
    """Nobody holds it while waiting for another (G05)."""
    app = app_factory(load_customer, SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 1, "max_overflow": 0, "pool_timeout": 20})
    make_tenant(app)
    outcomes: list[int] = []

    def come_and_go(number):
        visitor = Visitor(app.test_client())
        steps = [visitor.sign_up(f"reader{number}@example.com"), visitor.open("profile"), visitor.submit("sign-out")]
        outcomes.extend(step.status_code for step in steps)

    people = [threading.Thread(target=come_and_go, args=(number,)) for number in range(12)]
    for person in people:
        person.start()
    for person in people:
        person.join(30)

    assert sorted(outcomes) == [200] * 24 + [303] * 12


def test_nothing_of_the_hosts_database_session_is_left_open(app):
    make_tenant(app)
    client = app.test_client()
    for path in ("login", "authorize", "jwks", "userinfo", "logout", "nothing"):
        client.get(f"/identity/shop/{path}")

    with app.app_context():
        assert app.extensions["sqlalchemy"].engine.pool.checkedout() == 0
