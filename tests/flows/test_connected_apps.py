"""The apps of a person, and taking back what they were allowed (product S18; A27 of the threats)."""

import pytest

from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.flows.connected_apps import list_connected_apps
from flask_hanko_identity.flows.connected_apps import revoke_app
from flask_hanko_identity.flows.consents import given
from flask_hanko_identity.flows.consents import remember
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.signals import authorization_revoked
from tests.evidence import events
from tests.profiles import enter
from tests.queries import count_statements
from tests.sign_in import engine_of
from tests.tenants import connect
from tests.tenants import connect_native
from tests.tenants import make_tenant

SCOPE = "openid email offline_access"


@pytest.fixture(autouse=True)
def shop(app):
    make_tenant(app)
    with app.app_context():
        yield


@pytest.fixture
def ada(app):
    return enter(app)


def browse(person, rp):
    """Let the app's browser be this person's."""
    rp.browser.set_cookie(f"hanko_identity-{person.slug}", person.token, path="/")
    return rp


def consent(person, rp, *scopes):
    ctx, user_id = person.ctx, person.user.id
    client = ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=rp.client_id)
    with transaction(ctx):
        remember(ctx, user_id=user_id, client_id=client.id, scope=scopes)
    return client.id


def listed(person):
    return list_connected_apps(person.ctx, user_id=person.user.id)


class TestList:
    def test_nothing_at_first(self, ada):
        assert listed(ada) == []

    def test_an_app_that_was_allowed_something(self, app, ada, clock):
        rp = connect(app, first_party=False, application_uri="https://books.example:8443/start")
        consent(ada, rp, "openid", "email")

        (one,) = listed(ada)

        assert (one.client_id, one.name, one.host) == (rp.client_id, "Bookshop", "books.example")
        assert one.scope == ("openid", "email")
        assert (one.since, one.last_used, one.tokens, one.asks) == (clock(), None, 0, True)

    def test_an_app_that_holds_tokens(self, app, ada, clock):
        rp = browse(ada, connect(app))
        start = clock()
        tokens = rp.tokens(scope=SCOPE)
        clock.advance(minutes=10)
        rp.refresh(tokens["refresh_token"])

        (one,) = listed(ada)

        assert one.scope == ("openid", "email", "offline_access")
        assert (one.since, one.last_used) == (start, clock())
        assert one.tokens == 3  # two access tokens and the newer refresh token
        assert not one.asks

    def test_when_nothing_of_it_works_any_more_it_is_gone(self, app, ada, clock):
        rp = browse(ada, connect(app))
        rp.tokens()
        assert len(listed(ada)) == 1

        clock.advance(days=1)

        assert list_connected_apps(ada.ctx, user_id=ada.user.id) == []

    def test_a_code_that_was_not_redeemed_is_no_connection(self, app, ada):
        browse(ada, connect(app)).code()

        assert listed(ada) == []

    def test_a_native_app_has_no_host_and_always_asks(self, app, ada):
        consent(ada, connect_native(app, first_party=False), "openid")

        (one,) = listed(ada)

        assert (one.host, one.uri, one.asks) == ("com.example.app", None, True)

    def test_by_name_and_only_ones_own(self, app, ada):
        bob = enter(app, "bob@example.com")
        for name in ("zebra", "Apple", "mango"):
            rp = connect(app, name=name)
            consent(ada, rp, "openid")
            consent(bob, rp, "openid", "email")
        consent(bob, connect(app, name="Bob's"), "openid")

        assert [(one.name, one.scope) for one in listed(ada)] == [
            ("Apple", ("openid",)),
            ("mango", ("openid",)),
            ("zebra", ("openid",)),
        ]

    def test_however_many_there_are_it_asks_four_times(self, app, ada):
        for number in range(5):
            consent(ada, connect(app, name=f"App {number}"), "openid")
        user_id, ctx = ada.user.id, ada.ctx

        with count_statements(engine_of(app)) as statements:
            list_connected_apps(ctx, user_id=user_id)

        assert statements.count == 4


class TestRevoking:
    def test_every_token_and_code_is_dead_at_once(self, app, ada):
        rp = browse(ada, connect(app))
        tokens = rp.tokens(scope=SCOPE)
        waiting = rp.code(scope=SCOPE)

        assert revoke_app(ada.ctx, ada.login, client_id=rp.client_id) == "Bookshop"

        assert rp.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.introspect(tokens["access_token"]) == {"active": False}
        assert rp.introspect(tokens["refresh_token"]) == {"active": False}
        assert rp.redeem(waiting).get_json()["error"] == "invalid_grant"
        assert listed(ada) == []

    def test_the_app_has_to_ask_again(self, app, ada):
        rp = browse(ada, connect(app, first_party=False))
        client_id = consent(ada, rp, "openid")
        assert "code" in rp.answer(rp.authorize())

        revoke_app(ada.ctx, ada.login, client_id=rp.client_id)

        assert given(ada.ctx, user_id=ada.user.id, client_id=client_id) == ()
        page = rp.authorize()
        page = rp.browser.get(page.headers["Location"]) if page.status_code == 303 else page
        assert "Continue to Bookshop?" in page.text

    def test_it_needs_no_fresh_sign_in(self, app, ada, clock):
        rp = connect(app)
        consent(ada, rp, "openid")
        clock.advance(hours=3)

        revoke_app(ada.ctx, ada.login, client_id=rp.client_id)

        assert listed(ada) == []

    def test_other_apps_and_other_people_keep_theirs(self, app, ada):
        bob = enter(app, "bob@example.com")
        ours, other = connect(app, name="Ours"), connect(app, name="Other")
        browse(ada, other)
        kept = other.tokens(scope=SCOPE)
        browse(bob, ours)
        bobs = ours.tokens(scope=SCOPE)
        ours.browser = app.test_client()
        browse(ada, ours).tokens(scope=SCOPE)

        revoke_app(ada.ctx, ada.login, client_id=ours.client_id)

        assert other.refresh(kept["refresh_token"]).status_code == 200
        assert ours.refresh(bobs["refresh_token"]).status_code == 200
        assert [one.name for one in listed(ada)] == ["Other"]

    def test_it_is_told(self, app, ada):
        rp = connect(app)
        consent(ada, rp, "openid")
        heard = []

        with authorization_revoked.connected_to(lambda sender, **values: heard.append(values)):
            revoke_app(ada.ctx, ada.login, client_id=rp.client_id)

        assert heard == [{"project": "shop", "client_id": rp.client_id, "sub": ada.sub}]
        assert events(app)[-1] == "authorization.revoked"

    def test_what_is_not_connected_is_not_there(self, app, ada):
        bob = enter(app, "bob@example.com")
        rp = connect(app)
        consent(bob, rp, "openid")

        for client_id in (rp.client_id, "nothing", ""):
            with pytest.raises(NotFound):
                revoke_app(ada.ctx, ada.login, client_id=client_id)

        assert len(listed(bob)) == 1

    def test_nor_are_apps_of_another_project(self, app, ada):
        make_tenant(app, "club", number=1)
        twin = enter(app, slug="club")
        rp = connect(app, "club")
        consent(twin, rp, "openid")

        with pytest.raises(NotFound):
            revoke_app(ada.ctx, ada.login, client_id=rp.client_id)

        assert len(listed(twin)) == 1
