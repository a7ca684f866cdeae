"""Group C of the threats, and F14: what is stored of a secret, what identifies whom, and what ends at once."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlalchemy import update

from flask_hanko_identity import crypto
from flask_hanko_identity.flows.client_secrets import create_secret
from flask_hanko_identity.flows.clients import delete_client
from flask_hanko_identity.flows.clients import disable_client
from flask_hanko_identity.flows.clients import enable_client
from flask_hanko_identity.flows.users import activate_user
from flask_hanko_identity.flows.users import deactivate_user
from flask_hanko_identity.protocol.client_authentication import InvalidClient
from flask_hanko_identity.protocol.client_authentication import authenticate_client
from flask_hanko_identity.protocol.realm import MachineRequest
from flask_hanko_identity.storage import Authorization
from flask_hanko_identity.storage import Client
from flask_hanko_identity.storage import Token
from flask_hanko_identity.storage import User
from tests.evidence import dump
from tests.management import make_context
from tests.sign_in import SESSION_COOKIE
from tests.sign_in import count_rows
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import change_client
from tests.tenants import connect
from tests.tenants import make_user
from tests.tenants import sign_in_browser


def raw_files(app: Flask) -> bytes:
    """The bytes of a SQLite database with its log, as a thief would find them."""
    path = Path(urlsplit(app.config["SQLALCHEMY_DATABASE_URI"]).path)
    return b"".join(each.read_bytes() for each in path.parent.glob(path.name + "*") if path.suffix == ".sqlite")


def change_user(rp: RelyingParty, sub: str, change: Any) -> None:
    with rp.app.app_context():
        ctx = make_context(rp.app, rp.slug)
        change(ctx, ctx.session.query(User).filter_by(sub=sub).one())


# C04, C07: secrets


def test_secrets_are_stored_as_digests_only(app, rp):
    """A copy of the database opens nothing."""
    tokens = rp.tokens()
    second = rp.refresh(tokens["refresh_token"]).get_json()
    secrets = [rp.secret, rp.code(), rp.verifier, rp.browser.get_cookie(SESSION_COOKIE).value]
    change_client(rp, lambda ctx, client: secrets.append(create_secret(ctx, client).secret))
    secrets += [each[name] for each in (tokens, second) for name in ("access_token", "refresh_token", "id_token")]

    stored = dump(app) + raw_files(app)

    assert rp.client_id.encode() in stored and crypto.digest(tokens["access_token"]) in stored
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret.encode().hex().encode() not in stored


def test_issued_values_are_long_and_never_repeat(app, rp):
    """C07 and L8: at least 128 bits, all distinct, in letters and digits that no encoding changes."""
    issued = [crypto.random_text() for _ in range(100_000)]
    assert len(set(issued)) == 100_000
    assert {len(each) for each in issued} == {43}
    letters = "".join(issued)
    assert len(set(letters)) == 62
    assert all(0.9 < letters[place::43].count("A") * 62 / 100_000 < 1.1 for place in range(1, 42))

    found = [value for _ in range(3) for value in (rp.code(), *_secrets_of(rp.tokens()))]
    assert len(set(found)) == len(found)
    assert all(len(each) == 43 and each.isalnum() for each in found)
    assert len(rp.client_id) >= 22 and len(rp.secret or "") >= 43


def _secrets_of(tokens: dict[str, Any]) -> tuple[str, str]:
    return tokens["access_token"], tokens["refresh_token"]


def test_unknown_app_costs_the_same_comparisons(app, rp, monkeypatch):
    """C06: neither the time nor the work tells whether there is such a client."""
    seen: list[int] = []
    original = crypto.same

    def same(left: bytes, right: bytes) -> bool:
        seen.append(len(left))
        return original(left, right)

    monkeypatch.setattr(crypto, "same", same)
    costs = []
    with app.app_context():
        ctx = make_context(app, "shop")
        for client_id in (rp.client_id, "nobody", "x" * 100, "a\0b", ""):
            seen.clear()
            with pytest.raises(InvalidClient):
                authenticate_client(ctx, MachineRequest({"client_id": client_id, "client_secret": "wrong"}))
            costs.append(list(seen))

    assert costs == [[32]] * 5


# C18, C20: who is who


def test_subjects_and_client_ids_are_ours_to_choose(app, rp, sub):
    """C18 (RFC 9700, section 4.15): random, and never the same."""
    others = {connect(app).client_id for _ in range(5)}

    assert sub != rp.client_id and sub not in others
    assert len(others) == 5
    with pytest.raises(TypeError):
        connect(app, client_id=sub)


def test_subject_is_never_used_again(app, rp, sub):
    """C20: the same person with the same address is somebody else to apps."""
    tokens, code = rp.tokens(), rp.code()
    change_user(rp, sub, lambda ctx, user: (ctx.session.delete(user), ctx.session.commit()))

    assert_dead(rp, tokens, code)
    again = make_user(app)

    assert again != sub
    sign_in_browser(app, rp.browser, again)
    assert rp.claims(rp.tokens()["id_token"])["sub"] == again


# F14: what is switched off ends at once


def assert_dead(rp: RelyingParty, tokens: dict[str, Any], code: str) -> None:
    """Each of the probes: userinfo, introspection, refresh, code, session."""
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert rp.refresh(tokens["refresh_token"]).status_code in (400, 401)
    assert rp.redeem(code).status_code in (400, 401)
    introspection = rp.post("introspect", {"token": tokens["access_token"]})
    assert introspection.status_code == 401 or introspection.get_json() == {"active": False}
    silent = rp.authorize(prompt="none")
    assert silent.status_code == 400 or "error=login_required" in silent.headers["Location"]


def test_deactivated_user_is_out(app_factory, app, rp, sub):
    """In this worker and in another that has just seen everything alive; and for good."""
    tokens, code = rp.tokens(), rp.code()
    other_worker = app_factory()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert other_worker.test_client().get(f"{PREFIX}/shop/userinfo", headers=header).status_code == 200

    change_user(rp, sub, deactivate_user)

    assert_dead(rp, tokens, code)
    rp.app = other_worker
    assert_dead(rp, tokens, code)
    rp.app = app
    change_user(rp, sub, activate_user)
    assert_dead(rp, tokens, code)
    sign_in_browser(app, rp.browser, sub)
    assert rp.tokens()["access_token"]


def test_disabled_app_is_out(app_factory, app, rp, sub):
    tokens, code, other_worker = rp.tokens(), rp.code(), app_factory()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert other_worker.test_client().get(f"{PREFIX}/shop/userinfo", headers=header).status_code == 200

    change_client(rp, disable_client)

    assert rp.authorize().status_code == 400
    assert other_worker.test_client().get(f"{PREFIX}/shop/userinfo", headers=header).status_code == 401
    assert rp.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_client"
    assert_tokens_dead(rp, tokens, code)
    change_client(rp, enable_client)
    assert_tokens_dead(rp, tokens, code)
    assert rp.tokens()["access_token"]


def assert_tokens_dead(rp: RelyingParty, tokens: dict[str, Any], code: str) -> None:
    assert rp.userinfo(tokens["access_token"]).status_code == 401
    assert rp.refresh(tokens["refresh_token"]).status_code in (400, 401)
    assert rp.redeem(code).status_code in (400, 401)


@pytest.mark.parametrize("column", [User.state, Client.disabled_at], ids=str)
def test_state_itself_counts(app, rp, clock, column):
    """Tokens that a race left alive, or a state that somebody set in the database, open nothing either."""
    tokens, code = rp.tokens(), rp.code()
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        session.execute(update(column.class_).values({column: "inactive" if column is User.state else clock()}))
        session.commit()
        app.extensions["hanko_identity"].snapshots.forget()

    assert_dead(rp, tokens, code)


def test_deleted_app_is_out_and_leaves_nothing(app_factory, app, rp):
    tokens, code = rp.tokens(), rp.code()
    other_worker = app_factory()
    seen = RelyingParty(**{**vars(rp), "app": other_worker})
    assert seen.introspect(tokens["access_token"])["active"] is True

    change_client(rp, delete_client)

    assert_dead(rp, tokens, code)
    # The other worker may remember the app for a second, but there is nothing left to give.
    assert_tokens_dead(seen, tokens, code)
    assert (count_rows(app, Client), count_rows(app, Authorization), count_rows(app, Token)) == (0, 0, 0)


@pytest.mark.parametrize("gone", ["client", "user"])
def test_what_another_worker_removed_while_it_is_remembered(app_factory, app, rp, sub, gone):
    """Promise 5: it is a refusal, never a failure."""
    tokens = rp.tokens()
    seen = RelyingParty(**{**vars(rp), "app": app_factory()})
    assert seen.introspect(tokens["access_token"])["active"] is True
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        which = Client.client_id == rp.client_id if gone == "client" else User.sub == sub
        session.execute(delete(Client if gone == "client" else User).where(which))
        session.commit()

    responses = [
        seen.refresh(tokens["refresh_token"]),
        seen.redeem("x"),
        seen.post("revoke", {"token": tokens["access_token"]}),
        seen.post("introspect", {"token": tokens["access_token"]}),
        seen.userinfo(tokens["access_token"]),
        seen.authorize(),
    ]

    assert max(each.status_code for each in responses) < 500
