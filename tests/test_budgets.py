"""What the hot paths cost the database. A number that grows here is a slower sign-in for everybody."""

import pytest

from flask_hanko_identity.storage import snapshots
from tests.queries import count_statements
from tests.sign_in import engine_of
from tests.tenants import ADA
from tests.tenants import PREFIX
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser
from tests.web.deciding import allow


@pytest.fixture
def warm(monkeypatch):
    """Keeps projects and apps at hand, as they are in a server that is used."""
    monkeypatch.setattr(snapshots, "LIFETIME", 600)


@pytest.fixture
def sub(app, warm) -> str:
    make_tenant(app)
    return make_user(app, **ADA)


@pytest.fixture
def rp(app, sub):
    """A third party's app that Ada has said yes to, in the browser that she has signed in with."""
    party = connect(app, first_party=False)
    sign_in_browser(app, party.browser, sub)
    allow(party, party.authorize())
    return party


def cost(app, act) -> list[str]:
    with app.app_context():
        engine = engine_of(app)
    with count_statements(engine) as seen:
        act()
    return [" ".join(statement.split()) for statement in seen.statements]


def test_authorize_with_remembered_consent_is_three_statements(app, rp):
    statements = cost(app, rp.code)

    assert len(statements) <= 3, statements


def test_authorize_of_a_first_party_is_two_statements(app, rp):
    ours = connect(app, browser=rp.browser)
    ours.code()

    statements = cost(app, ours.code)

    assert len(statements) <= 2, statements


def test_authorize_that_is_refused_asks_the_database_nothing(app, rp):
    changes = [{"scope": "x"}, {"redirect_uri": "https://evil.test"}, {"prompt": "none login"}, {"client_id": None}]

    for change in changes:
        assert cost(app, lambda change=change: rp.authorize(**change)) == []


def test_authorize_without_a_session_is_one_statement(app, rp):
    rp.browser.delete_cookie("hanko_identity-shop", path="/")

    assert len(cost(app, rp.authorize)) <= 1
    assert cost(app, lambda: rp.authorize(prompt="none")) == []


def test_authorize_by_post_and_its_continuation_are_six_statements(app, rp):
    """One to keep it; then taken, session, consent, answered, code."""

    def act() -> None:
        parked = rp.browser.post(f"{PREFIX}/shop/authorize", data=rp.parameters())
        assert "code" in rp.answer(rp.browser.get(parked.headers["Location"]))

    statements = cost(app, act)

    assert len(statements) <= 6, statements
