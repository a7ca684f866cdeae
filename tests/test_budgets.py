"""What the hot paths cost the database. A number that grows here is a slower sign-in for everybody."""

from functools import partial

import pytest

from flask_hanko_identity.flows.clients import ClientSettings
from flask_hanko_identity.flows.clients import update_client
from flask_hanko_identity.storage import snapshots
from tests.queries import count_statements
from tests.sign_in import engine_of
from tests.tenants import ADA
from tests.tenants import PREFIX
from tests.tenants import change_client
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


# The endpoints for programs


@pytest.fixture
def ours(app, rp):
    """Our own app in Ada's browser, which may refresh."""
    party = connect(app, browser=rp.browser)
    party.scope = "openid profile offline_access"
    party.tokens()
    return party


def succeed(response) -> None:
    assert response.status_code == 200, response.text


def test_token_for_a_code_is_three_statements(app, ours):
    """The code is claimed, the user read, the tokens stored together."""
    code = ours.code()

    statements = cost(app, lambda: succeed(ours.redeem(code)))

    assert len(statements) <= 3, statements


def test_token_that_is_refused_before_it_is_looked_for_asks_nothing(app, ours):
    """Neither the app nor the project has to be read for it."""
    ours.secret = "wrong"

    assert cost(app, lambda: ours.redeem("x")) == []
    assert cost(app, lambda: ours.post("token", {"grant_type": "password"})) == []


@pytest.mark.parametrize("rotates", [True, False])
def test_refresh_is_three_statements(app, ours, rotates):
    change_client(ours, partial(update_client, changes=ClientSettings(rotate_refresh_tokens=rotates)))
    token = ours.refresh(ours.tokens()["refresh_token"]).get_json()["refresh_token"]

    statements = cost(app, lambda: succeed(ours.refresh(token)))

    assert len(statements) <= 3, statements


def test_refresh_that_is_retried_is_three_statements(app, ours):
    """Found, its successor looked at, an access token stored."""
    token = ours.tokens()["refresh_token"]
    ours.refresh(token)

    statements = cost(app, lambda: succeed(ours.refresh(token)))

    assert len(statements) <= 3, statements


def test_userinfo_and_introspection_are_one_statement(app, ours):
    tokens = ours.tokens()
    for token in (*tokens.values(), "unknown"):
        assert len(cost(app, lambda token=str(token): ours.userinfo(token))) <= 1
        assert len(cost(app, lambda token=str(token): ours.introspect(token))) <= 1


def test_revocation_is_three_statements(app, ours):
    """Found, revoked, written down."""
    tokens = ours.tokens()
    for name in ("access_token", "refresh_token"):
        assert len(cost(app, lambda name=name: succeed(ours.post("revoke", {"token": tokens[name]})))) <= 3
    assert len(cost(app, lambda: succeed(ours.post("revoke", {"token": "unknown"})))) <= 1


def test_metadata_and_keys_ask_the_database_nothing(app, ours):
    for path in ("jwks", ".well-known/openid-configuration"):
        assert cost(app, lambda path=path: succeed(ours.machine.get(f"{PREFIX}/shop/{path}"))) == []
