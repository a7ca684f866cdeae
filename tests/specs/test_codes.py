"""Authorization codes: RFC 6749, sections 4.1.2 and 4.1.3; RFC 7636, section 4.6; rows A05, A17–A21 of the threats."""

import re
from typing import Any

from werkzeug.test import TestResponse

from tests.evidence import contents
from tests.evidence import events
from tests.evidence import in_parallel
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import connect
from tests.tenants import connect_native
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser
from tests.web.visitors import Page

OTHER_VERIFIER = "v" * 43


def assert_refused(response: TestResponse, error: str = "invalid_grant") -> None:
    assert (response.status_code, response.get_json()["error"]) == (400, error), response.text


def assert_dead(rp: RelyingParty, tokens: dict[str, Any]) -> None:
    """Nothing of a family works."""
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert rp.introspect(tokens["access_token"]) == {"active": False}
    assert_refused(rp.refresh(tokens["refresh_token"]))


def test_code_is_long_and_made_of_letters_and_digits(rp):
    """RFC 6749, section 10.10, and row C07: at least 128 bits, no two alike."""
    codes = {rp.code() for _ in range(50)}

    assert len(codes) == 50
    assert all(re.fullmatch(r"[0-9A-Za-z]{43}", code) for code in codes)


# RFC 6749, section 4.1.2: expiry


def test_code_lives_for_a_minute(rp, clock):
    """Row A21: 59 seconds are fine, and a refusal is no use of it."""
    for seconds in (60, 61, 3600):
        code = rp.code()
        clock.advance(seconds=seconds)
        assert_refused(rp.redeem(code))

        clock.advance(seconds=59 - seconds)
        assert rp.redeem(code).status_code == 200


def test_expired_code_stays_expired_after_a_restart(app_factory, rp, clock):
    code = rp.code()
    clock.advance(seconds=61)
    rp.app = app_factory()

    assert_refused(rp.redeem(code))


# RFC 6749, section 4.1.2: once


def test_replayed_code_revokes_what_it_gave(app, rp):
    """Row A19: denied, and all tokens of the family are dead."""
    code = rp.code()
    first = rp.redeem(code).get_json()
    second = rp.refresh(first["refresh_token"]).get_json()
    unrelated = rp.tokens()
    assert "token.replayed" not in events(app)

    assert_refused(rp.redeem(code))

    assert_dead(rp, first)
    assert_dead(rp, second)
    assert rp.userinfo(unrelated["access_token"]).status_code == 200
    assert events(app).count("token.replayed") == 1


def test_code_is_remembered_long_after_its_minute(rp, clock):
    """The OpenID conformance suite tries it 30 seconds later; a thief may take longer."""
    code = rp.code()
    tokens = rp.redeem(code).get_json()
    clock.advance(minutes=50)

    assert_refused(rp.redeem(code))

    assert_dead(rp, tokens)


def test_replay_by_somebody_who_cannot_redeem_revokes_nothing(app, rp):
    """Only who passes the checks of client, redirect URI and PKCE can harm the family."""
    code = rp.code()
    tokens = rp.redeem(code).get_json()
    stranger = connect(app)

    assert_refused(stranger.redeem(code, code_verifier=rp.verifier))
    assert_refused(rp.redeem(code, code_verifier=OTHER_VERIFIER))
    assert_refused(rp.redeem(code, redirect_uri="https://rp.example/other"))

    assert rp.userinfo(tokens["access_token"]).status_code == 200
    assert "token.replayed" not in events(app)


def test_twenty_redemptions_at_once_give_tokens_once(rp):
    """Promise 1; L1 of the ledger."""
    code = rp.code()

    responses = in_parallel(lambda _: rp.redeem(code), times=20)

    assert sorted(each.status_code for each in responses) == [200] + [400] * 19
    for response in responses:
        if response.status_code == 400:
            assert_refused(response)


# RFC 6749, section 4.1.3: what a code is bound to (row A18)


def test_code_of_another_is_worth_nothing_and_keeps_its_worth(app, rp):
    make_tenant(app, "bank", number=1)
    apps = [
        connect(app, redirect_uris=[rp.redirect_uri]),
        connect(app, token_endpoint_auth_method="client_secret_post"),
        connect_native(app, redirect_uris=["https://app.example/cb"]),
        connect(app, "bank"),
    ]
    code = rp.code()
    before = contents(app)

    for stranger in apps:
        for redirect_uri in (rp.redirect_uri, stranger.redirect_uri):
            assert_refused(stranger.redeem(code, redirect_uri=redirect_uri, code_verifier=rp.verifier))
    assert contents(app) == before
    assert rp.redeem(code).status_code == 200


def test_code_of_another_browser_is_bound_to_its_verifier(app, rp):
    """The attacker's own code, put into the victim's browser, fails there: the app sends the victim's verifier."""
    attacker = connect(app)
    attacker.client_id, attacker.secret, attacker.scope = rp.client_id, rp.secret, rp.scope
    sign_in_browser(app, attacker.browser, make_user(app, email="mallory@example.com"))
    code = attacker.code()

    assert_refused(rp.redeem(code))
    assert attacker.redeem(code).status_code == 200


def test_wrong_presentations_change_nothing(app, rp):
    code = rp.code()
    before = contents(app)
    for changes, error in (
        ({"code_verifier": OTHER_VERIFIER}, "invalid_grant"),
        ({"code_verifier": rp.challenge}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code_verifier": rp.verifier + "="}, "invalid_request"),
        ({"code_verifier": "v" * 42}, "invalid_request"),
        ({"code_verifier": "v" * 129}, "invalid_request"),
        ({"code_verifier": rp.verifier + "\n"}, "invalid_request"),
        ({"redirect_uri": rp.redirect_uri + "/"}, "invalid_grant"),
        ({"redirect_uri": rp.redirect_uri.upper()}, "invalid_grant"),
        ({"redirect_uri": rp.redirect_uri + "?x=1"}, "invalid_grant"),
        ({"redirect_uri": "https://evil.test/cb"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
    ):
        assert_refused(rp.redeem(code, **changes), error)
    assert_refused(rp.redeem(code[:-1]))
    assert_refused(rp.redeem(code.swapcase()))
    assert_refused(rp.redeem(" " + code))

    assert contents(app) == before
    assert rp.redeem(code).status_code == 200


# RFC 7636 and RFC 9700, section 4.8.2 (row A17)


def test_verifier_without_a_challenge_is_refused(app, rp):
    """An attacker who took the challenge out of the request must not get through."""
    party = connect(app, browser=rp.browser, require_pkce=False)
    code = party.code(code_challenge=None, code_challenge_method=None)

    assert_refused(party.redeem(code))
    assert party.redeem(code, code_verifier=None).status_code == 200


def test_challenge_without_a_verifier_is_refused_where_pkce_is_a_choice(app, rp):
    party = connect(app, browser=rp.browser, require_pkce=False)
    code = party.code()

    assert_refused(party.redeem(code, code_verifier=None))
    assert party.redeem(code).status_code == 200


def test_verifier_may_use_all_unreserved_characters_and_lengths(rp):
    for verifier in ("-._~" * 11, "A" * 43, "z9" * 64):
        rp.verifier = verifier

        assert rp.redeem(rp.code()).status_code == 200


# RFC 8252, section 7.3 (row A05)


def test_code_is_bound_to_the_port_that_was_asked_for(app, rp):
    native = connect_native(app, browser=rp.browser, first_party=False)
    native.redirect_uri = "http://127.0.0.1:51004/cb"
    asked = native.authorize()
    form = Page(native.browser.get(asked.headers["Location"])).form("decision")
    code = native.answer(native.browser.post(form.action, data=form.filled(allow="1")))["code"]

    for other in ("http://127.0.0.1/cb", "http://127.0.0.1:51005/cb"):
        assert_refused(native.redeem(code, redirect_uri=other))
    assert native.redeem(code).status_code == 200


def test_code_does_not_open_userinfo(rp):
    code = rp.code()

    assert rp.userinfo(code).status_code == 401
    assert rp.machine.get(f"{PREFIX}/shop/userinfo", query_string={"access_token": code}).status_code == 401
    assert_refused(rp.refresh(code))
