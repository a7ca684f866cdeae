"""Refresh tokens: RFC 6749, section 6; RFC 9700, section 4.14; OpenID Connect Core 1.0, section 12."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func
from sqlalchemy import select
from werkzeug.test import TestResponse

from flask_hanko_identity.flows.clients import ClientSettings
from flask_hanko_identity.flows.clients import update_client
from flask_hanko_identity.storage import Token
from flask_hanko_identity.storage.tokens import TokenKind
from tests.evidence import contents
from tests.evidence import events
from tests.evidence import in_parallel
from tests.tenants import RelyingParty
from tests.tenants import change_client
from tests.tenants import connect
from tests.tenants import connect_native
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser


def assert_refused(response: TestResponse, error: str = "invalid_grant") -> None:
    assert (response.status_code, response.get_json()["error"]) == (400, error), response.text


def refreshed(rp: RelyingParty, token: str, **changes: Any) -> dict[str, Any]:
    """The token response of a refresh that must work."""
    response = rp.refresh(token, **changes)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.get_json()
    return body


def assert_dead(rp: RelyingParty, *families: dict[str, Any]) -> None:
    for tokens in families:
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert rp.introspect(tokens["access_token"]) == {"active": False}
        assert_refused(rp.refresh(tokens["refresh_token"]))


def live_leaves(rp: RelyingParty) -> int:
    """How many refresh tokens have not been replaced."""
    with rp.app.app_context():
        return (
            rp.app.extensions["hanko_identity"].session.scalar(
                select(func.count()).where(
                    Token.kind == TokenKind.REFRESH, Token.rotated_at.is_(None), Token.revoked_at.is_(None)
                )
            )
            or 0
        )


def change_settings(rp: RelyingParty, **settings: Any) -> None:
    change_client(rp, partial(update_client, changes=ClientSettings(**settings)))


# RFC 9700, section 4.14.2: rotation


def test_refresh_token_rotates(rp):
    first = rp.tokens()

    second = refreshed(rp, first["refresh_token"])

    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert rp.userinfo(first["access_token"]).status_code == 200
    assert rp.userinfo(second["access_token"]).status_code == 200
    assert live_leaves(rp) == 1


def test_reuse_after_the_grace_window_kills_the_family(app, rp, clock):
    """Row C09: the old token, its successor and every access token, and it is written down."""
    first = rp.tokens()
    second = refreshed(rp, first["refresh_token"])
    unrelated = rp.tokens()
    clock.advance(seconds=11)
    assert "token.replayed" not in events(app)

    assert_refused(rp.refresh(first["refresh_token"]))

    assert_dead(rp, first, second)
    assert rp.userinfo(unrelated["access_token"]).status_code == 200
    assert events(app).count("token.replayed") == 1


def test_replay_of_a_grandparent_kills_the_family_inside_the_window(rp):
    """Row C10: using the successor closes the window."""
    first = rp.tokens()
    second = refreshed(rp, first["refresh_token"])
    third = refreshed(rp, second["refresh_token"])

    assert_refused(rp.refresh(first["refresh_token"]))

    assert_dead(rp, first, second, third)


def test_lost_answer_can_be_fetched_again_inside_the_window(rp, clock):
    """Row C10: the holder is not stranded, and there is one live leaf."""
    first = rp.tokens()
    lost = refreshed(rp, first["refresh_token"])
    clock.advance(seconds=10)

    again = refreshed(rp, first["refresh_token"])

    assert again["refresh_token"] == lost["refresh_token"]
    assert again["access_token"] != lost["access_token"]
    assert live_leaves(rp) == 1
    assert refreshed(rp, again["refresh_token"])


def test_ten_refreshes_at_once_leave_one_live_leaf(rp):
    """Row C10: two tabs of an app, or a client that retries; nobody is signed out."""
    token = rp.tokens()["refresh_token"]

    responses = in_parallel(lambda _: rp.refresh(token), times=10)

    assert {each.status_code for each in responses} == {200}
    assert len({each.get_json()["refresh_token"] for each in responses}) == 1
    assert len({each.get_json()["access_token"] for each in responses}) == 10
    assert live_leaves(rp) == 1
    assert refreshed(rp, responses[0].get_json()["refresh_token"])


def test_ten_uses_of_an_old_token_at_once_are_all_refused(rp, clock):
    first = rp.tokens()
    second = refreshed(rp, first["refresh_token"])
    clock.advance(seconds=11)

    responses = in_parallel(lambda _: rp.refresh(first["refresh_token"]), times=10)

    assert {each.status_code for each in responses} == {400}
    assert_dead(rp, first, second)


def test_window_can_be_closed_altogether(app_factory, rp):
    rp.app = app_factory(HANKO_IDENTITY_REFRESH_TOKEN_GRACE=0)
    first = rp.tokens()
    second = refreshed(rp, first["refresh_token"])
    refreshed(rp, second["refresh_token"])

    assert_refused(rp.refresh(first["refresh_token"]))


def test_revoked_stays_revoked_inside_the_window(rp):
    """Promise 6."""
    first = rp.tokens()
    second = refreshed(rp, first["refresh_token"])
    rp.post("revoke", {"token": second["refresh_token"]})

    assert_dead(rp, first, second)
    assert_dead(rp, first, second)


def test_retry_works_after_the_encryption_key_was_replaced(app_factory, rp):
    """The successor is derived with the ring, in which the old key still is."""
    first = rp.tokens()
    lost = refreshed(rp, first["refresh_token"])
    rp.app = app_factory(HANKO_IDENTITY_ENCRYPTION_KEYS=["a new key for tests only", "a secret key for tests only"])

    assert refreshed(rp, first["refresh_token"])["refresh_token"] == lost["refresh_token"]


# Rotation is a choice for apps that prove themselves


def test_confidential_app_may_keep_one_token(rp, clock):
    change_settings(rp, rotate_refresh_tokens=False)
    tokens = rp.tokens()
    for _ in range(3):
        clock.advance(days=29)  # each use starts the idle time anew

        again = refreshed(rp, tokens["refresh_token"])

        assert again["refresh_token"] == tokens["refresh_token"]
        assert rp.userinfo(again["access_token"]).status_code == 200
    clock.advance(days=30)
    assert_refused(rp.refresh(tokens["refresh_token"]))


def test_switching_rotation_off_does_not_revive_what_was_replaced(rp, clock):
    first = rp.tokens()
    second = refreshed(rp, first["refresh_token"])
    change_settings(rp, rotate_refresh_tokens=False)
    clock.advance(seconds=11)

    assert_refused(rp.refresh(first["refresh_token"]))

    assert_dead(rp, second)


# Lifetimes


def test_unused_token_ends_after_its_idle_time(rp, clock):
    tokens = rp.tokens()
    clock.advance(days=30, seconds=-1)
    second = refreshed(rp, tokens["refresh_token"])
    clock.advance(days=30)

    assert_refused(rp.refresh(second["refresh_token"]))


@pytest.mark.parametrize("rotates", [True, False])
def test_family_ends_however_often_it_is_used(app_factory, rp, clock, rotates):
    """Row C12: neither rotation nor use moves the end."""
    rp.app = app_factory(HANKO_IDENTITY_REFRESH_TOKEN_LIFETIME=timedelta(days=50))
    change_settings(rp, rotate_refresh_tokens=rotates)
    tokens = rp.tokens()
    clock.advance(days=25)
    tokens = refreshed(rp, tokens["refresh_token"])
    clock.advance(days=25, seconds=-1)
    last = refreshed(rp, tokens["refresh_token"])
    assert rp.userinfo(last["access_token"]).status_code == 200
    clock.advance(seconds=1)

    assert_refused(rp.refresh(last["refresh_token"]))
    assert rp.introspect(last["refresh_token"]) == {"active": False}
    assert rp.userinfo(last["access_token"]).status_code == 401


# RFC 6749, section 6: scope


def test_narrowing_is_for_one_access_token(rp):
    """Row C13: the refresh token keeps what was granted."""
    tokens = rp.tokens(scope="openid profile email offline_access")

    narrow = refreshed(rp, tokens["refresh_token"], scope="email openid")

    assert narrow["scope"] == "email openid"
    assert set(rp.userinfo(narrow["access_token"]).get_json()) == {"sub", "email", "email_verified"}
    wide = refreshed(rp, narrow["refresh_token"])
    assert wide["scope"] == "openid profile email offline_access"
    assert "name" in rp.userinfo(wide["access_token"]).get_json()


def test_scope_never_grows(app, rp):
    """Row C13."""
    token = rp.tokens(scope="openid email offline_access")["refresh_token"]
    before = contents(app)
    for scope in ("openid email profile", "openid email offline_access phone", "admin", "OPENID", "openid openid2"):
        assert_refused(rp.refresh(token, scope=scope), "invalid_scope")
    for scope in ("openid  email", " openid", 'openid "', "openid\\"):
        assert_refused(rp.refresh(token, scope=scope), "invalid_scope")

    assert contents(app) == before
    assert refreshed(rp, token)


# RFC 6749, section 6: bound to the client


def test_token_of_another_client_or_project_is_worth_nothing(app, rp):
    """Row C14: two projects with two apps each; nothing is touched."""
    make_tenant(app, "bank", number=1)
    bank_sub = make_user(app, "bank")
    parties = [rp, connect(app, browser=rp.browser), connect(app, "bank"), connect(app, "bank")]
    parties[3].browser = parties[2].browser
    sign_in_browser(app, parties[2].browser, bank_sub, "bank")
    for party in parties:
        party.scope = rp.scope
    tokens = [party.tokens() for party in parties]
    codes = [party.code() for party in parties]
    before = contents(app)

    for number, party in enumerate(parties):
        for other, owner in enumerate(parties):
            if number != other:
                assert_refused(party.refresh(tokens[other]["refresh_token"]))
                assert_refused(party.redeem(codes[other], code_verifier=owner.verifier))
                assert party.introspect(tokens[other]["refresh_token"]) == {"active": False}
            if party.slug != owner.slug:
                assert party.userinfo(tokens[other]["access_token"]).status_code == 401

    assert contents(app) == before
    for party, theirs, code in zip(parties, tokens, codes, strict=True):
        assert refreshed(party, theirs["refresh_token"])
        assert party.redeem(code).status_code == 200


def test_other_tokens_do_not_refresh(rp):
    tokens = rp.tokens()
    for token in (tokens["access_token"], tokens["id_token"], rp.secret, "", "x" * 8000):
        response = rp.refresh(token)

        assert response.status_code == 400


# OpenID Connect Core 1.0, section 11: offline access


def test_refresh_token_needs_the_switch_and_the_scope(app, rp):
    """Row C08."""
    for allowed in (True, False):
        party = connect(app, browser=rp.browser, refresh_tokens=allowed)
        for scope in ("openid offline_access", "openid"):
            tokens = party.tokens(scope=scope)

            both = allowed and scope == "openid offline_access"
            assert ("refresh_token" in tokens) == both
            assert tokens["scope"] == ("openid offline_access" if both else "openid")


def test_switching_refresh_off_stops_what_was_given(rp):
    """Promise 12: what was registered is checked when it is used. Switched on again, the tokens are as they were."""
    tokens = rp.tokens()
    change_settings(rp, refresh_tokens=False)
    before = contents(rp.app)
    assert_refused(rp.refresh(tokens["refresh_token"]))
    assert contents(rp.app) == before
    change_settings(rp, refresh_tokens=True)

    assert refreshed(rp, tokens["refresh_token"])


def test_native_app_rotates(app, rp, clock):
    native = connect_native(app, browser=rp.browser, redirect_uris=["https://app.example/cb"])
    native.scope = rp.scope
    first = native.tokens()
    second = refreshed(native, first["refresh_token"])
    clock.advance(seconds=11)

    assert_refused(native.refresh(first["refresh_token"]))

    assert native.userinfo(second["access_token"]).status_code == 401
