"""The bookshop: its own accounts beside our sign-in, in one host."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from example_app import create_app
from tests.conftest import dispose_engines
from tests.hosts import become_project
from tests.hosts import find
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser

ADA = {"email": "ada@example.com", "password": "correct horse", "name": "Ada"}


@pytest.fixture
def shop(database_url, tmp_path, monkeypatch):
    """The bookshop with a project of each type."""
    monkeypatch.setattr("example_app.INSTANCE", tmp_path)
    app = create_app(
        TESTING=True,
        SECRET_KEY="a secret key of the bookshop for tests only",
        SQLALCHEMY_DATABASE_URI=database_url,
        HANKO_IDENTITY_BASE_URL="http://localhost/identity",
    )
    assert app.test_cli_runner().invoke(args=["stock"]).exit_code == 0
    make_tenant(app, "readers", number=1)
    make_tenant(app, "customers", number=2)
    become_project(app, "customers", type="host")
    yield app
    dispose_engines(app)


def fill_in(browser: FlaskClient, url: str, **values: Any) -> TestResponse:
    """Open one of the bookshop's pages, and send its form."""
    page = browser.get(url)
    assert page.status_code == 200, (page.status_code, page.headers)
    token = find(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    return browser.post(url, data={"csrf_token": token, **values})


def test_a_customer_signs_in_to_an_app_with_the_bookshops_form(shop, canaries):
    canaries.add(ADA["password"])
    rp = connect(shop, "customers")
    asked = rp.authorize(scope="openid profile email")
    assert urlsplit(asked.headers["Location"]).path == "/account/sign-in"

    joined = fill_in(rp.browser, asked.headers["Location"].replace("sign-in", "sign-up"), **ADA)
    tokens = rp.redeem(rp.answer(rp.browser.get(joined.headers["Location"]))["code"]).get_json()

    told = rp.userinfo(tokens["access_token"]).get_json()
    assert (told["name"], told["email"], told["email_verified"]) == ("Ada", "ada@example.com", False)
    assert rp.claims(tokens["id_token"])["amr"] == ["pwd"]

    again = rp.authorize(prompt="login")
    refused = fill_in(rp.browser, again.headers["Location"], email=ADA["email"], password="wrong horse")
    assert "is wrong" in refused.text
    entered = fill_in(rp.browser, again.headers["Location"], **ADA)
    code = rp.answer(rp.browser.get(entered.headers["Location"]))["code"]
    tokens = rp.redeem(code).get_json()

    rp.browser.get("/identity/customers/logout", query_string={"id_token_hint": tokens["id_token"]})
    assert rp.answer(rp.authorize(prompt="none"))["error"] == "login_required"
    assert "Sign out Ada" not in rp.browser.get("/").text


def test_readers_and_customers_do_not_know_each_other(shop):
    readers = connect(shop, "readers")
    customers = connect(shop, "customers", browser=readers.browser)
    sign_in_browser(shop, readers.browser, make_user(shop, "readers"), "readers")
    assert fill_in(readers.browser, "/account/sign-up", **ADA).status_code == 303

    one = readers.claims(readers.tokens()["id_token"])
    two = customers.claims(customers.tokens()["id_token"])

    assert (one["acr"], two["acr"]) == ("phrh", "1")
    assert one["sub"] != two["sub"]


@pytest.mark.parametrize("elsewhere", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example"])
def test_the_bookshop_sends_nobody_elsewhere(shop, elsewhere):
    browser = shop.test_client()
    browser.get("/account/sign-up")

    page = browser.get("/account/sign-up", query_string={"next": elsewhere})
    token = find(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    done = browser.post("/account/sign-up", query_string={"next": elsewhere}, data={"csrf_token": token, **ADA})

    assert (done.status_code, done.headers["Location"]) == (303, "/")


def test_the_bookshops_button_signs_the_customer_out_of_apps_too(shop):
    rp = connect(shop, "customers")
    fill_in(rp.browser, "/account/sign-up", **ADA)
    tokens = rp.tokens()
    token = find(r'name="csrf_token"[^>]*value="([^"]+)"', rp.browser.get("/").text)

    rp.browser.post("/account/sign-out", data={"csrf_token": token})

    assert rp.answer(rp.authorize(prompt="none"))["error"] == "login_required"
    assert rp.introspect(tokens["access_token"]) == {"active": False}
