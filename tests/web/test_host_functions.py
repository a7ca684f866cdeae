"""The functions that a host gives us: what they are told, and what happens when they fail."""

import json
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity import HankoIdentity
from flask_hanko_identity import HostUser
from flask_hanko_identity.storage import User
from tests.hosts import become_project
from tests.hosts import find
from tests.hosts import make_host
from tests.hosts import sign_in_at_host
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser


@pytest.fixture
def host(app_factory, clock):
    return make_host(app_factory, clock)


@pytest.fixture
def rp(host):
    return connect(host.app)


def reference(page):
    return find(r"<code>([0-9a-f]{12})</code>", page.text)


def test_they_are_registered_by_decorators():
    identity = HankoIdentity()

    @identity.host_user
    def who() -> HostUser | None:
        return None

    @identity.host_logout
    def leave() -> None:
        return None

    assert (identity.hooks.host_user, identity.hooks.host_logout) == (who, leave)


def test_the_person_who_is_asked_for_is_the_one_of_this_request(host, rp):
    sign_in_at_host(rp.browser, "7")
    before = host.asked

    rp.code()

    assert host.asked == before + 1


def test_the_host_reads_its_own_user_before_we_write(host, rp):
    database: SQLAlchemy = host.app.extensions["sqlalchemy"]
    seen = []

    def who():
        seen.append(database.session.scalar(select(func.count()).select_from(User)))
        return HostUser("7")

    host.answer = who

    rp.code()
    rp.code()

    assert seen == [0, 1]


def test_a_function_that_raises_gives_a_page_with_a_reference(host, rp, caplog):
    def fail():
        raise RuntimeError("no such member")

    host.answer = fail

    page = rp.authorize()

    assert page.status_code == 503
    assert reference(page) in caplog.text
    assert "host_user raised RuntimeError" in caplog.text
    assert "no such member" not in page.text


@pytest.mark.parametrize("answer", ["7", 7, {"id": "7"}, HostUser(""), HostUser("a" * 256), HostUser("a\0b"),
                                     HostUser("\ud800")])  # fmt: skip
def test_an_answer_that_names_nobody_gives_a_page_with_a_reference(host, rp, answer, caplog):
    host.answer = lambda: answer

    page = rp.authorize()

    assert page.status_code == 503
    assert reference(page) in caplog.text


def test_what_cannot_be_used_is_left_out_and_logged_once(host, rp, caplog):
    claims: Any = {
        "name": "Ada",
        "email": "nobody",
        "email_verified": True,
        "birthdate": "yesterday",
        "shoe_size": 38,
        "zoneinfo": "\ud800",
        "address": {"country": object()},
        7: "seven",
        "sub": "root",
        "nickname": "",
        "gender": None,
    }
    amr: Any = ("pwd", 7)
    host.answer = lambda: HostUser("7", claims, datetime(2020, 1, 1), amr)

    tokens = rp.tokens(scope="openid profile email address")
    rp.tokens()

    told = rp.userinfo(tokens["access_token"]).get_json()
    assert {name: told[name] for name in told if name not in ("sub", "updated_at")} == {"name": "Ada"}
    assert rp.claims(tokens["id_token"])["amr"] == ["pwd"]
    faults = [record.getMessage() for record in caplog.records if "host_user" in record.getMessage()]
    left_out = [find(r"host_user: (?:the claim |a part of )?'?(\w+)'? was left out", fault) for fault in faults]
    assert sorted(left_out) == sorted(
        ["7", "email", "birthdate", "shoe_size", "zoneinfo", "address", "sub", "auth_time", "amr"]
    )


def test_an_id_may_be_a_number_and_is_kept_as_text(host, rp):
    host.answer = lambda: HostUser(42, {}, datetime.now(UTC))

    rp.code()

    with host.app.app_context():
        assert host.state.session.scalar(select(User.host_id)) == "42"


@pytest.mark.parametrize("gap", ["function", "setting", "view"])
def test_a_project_whose_host_is_not_ready_says_so(app_factory, clock, gap, caplog):
    view = {"setting": "", "view": "nowhere.at_all"}.get(gap, "members.sign_in")
    host = make_host(app_factory, clock, HANKO_IDENTITY_HOST_LOGIN_VIEW=view)
    if gap == "function":
        host.state.hooks.host_user = None
    rp = connect(host.app)

    page = rp.authorize()

    assert page.status_code == 503
    assert "Nobody can sign in here yet" in page.text
    assert ("@identity.host_user" if gap == "function" else "HANKO_IDENTITY_HOST_LOGIN_VIEW") in caplog.text
    assert rp.answer(rp.authorize(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("ready", [True, False])
def test_the_check_on_the_command_line_knows_what_the_host_gave(host, ready):
    if not ready:
        host.state.hooks.host_user = None

    report = host.app.test_cli_runner().invoke(args=["identity", "check", "--json"])

    messages = [each["message"] for each in json.loads(report.stdout)["findings"] if each["subject"] == "project:shop"]
    assert [message for message in messages if "@identity.host_user" in message] == messages[: not ready]


def test_one_host_serves_a_project_of_each_type(app_factory, clock):
    host = make_host(app_factory, clock, "members")
    make_tenant(host.app, "shop", number=1)
    ours = connect(host.app, "shop")
    theirs = connect(host.app, "members", browser=ours.browser)
    sign_in_browser(host.app, ours.browser, make_user(host.app))

    sub = ours.claims(ours.tokens()["id_token"])["sub"]
    answer = theirs.answer(sign_in_at_host(theirs.browser, "7", at=theirs.authorize()))
    asked = host.asked

    assert theirs.claims(theirs.redeem(answer["code"]).get_json()["id_token"])["sub"] != sub
    assert ours.claims(ours.tokens(prompt="none")["id_token"])["sub"] == sub
    assert host.asked == asked


class TestClaims:
    """``@identity.claims`` in projects of either type."""

    @pytest.fixture(params=["identity", "host"])
    def signed_in(self, request, app_factory, clock):
        """An app, the person's id at the host, and a function that sets the host's claims function."""
        host = make_host(app_factory, clock, "members")
        rp = connect(host.app, "members")
        if request.param == "host":
            host.answer = lambda: HostUser("7", {"name": "Ada"}, clock())
        else:
            become_project(host.app, "members", type="identity")
            sign_in_browser(host.app, rp.browser, make_user(host.app, "members", name="Ada"), "members")
        return rp, "7" if request.param == "host" else None, lambda hook: setattr(host.state.hooks, "claims", hook)

    def test_it_is_told_who_and_for_what(self, signed_in):
        rp, host_id, use = signed_in
        told = []

        def roles(user, scopes):
            told.append((user.host_id, user.sub, user.claims["name"], scopes))
            return {"roles": ["reader"], "name": "Ada King", "sub": "root", "iss": "https://evil.example", "note": None}

        use(roles)
        tokens = rp.tokens(scope="openid profile")

        answer = rp.userinfo(tokens["access_token"]).get_json()

        sub = rp.claims(tokens["id_token"])["sub"]
        assert told == [(host_id, sub, "Ada", frozenset({"openid", "profile"}))]
        assert (answer["roles"], answer["name"], answer["sub"]) == (["reader"], "Ada King", sub)
        assert not {"iss", "note"} & set(answer)

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda: 1 / 0,
            lambda: None,
            lambda: ["roles"],
            lambda: {"since": datetime.now(UTC)},
            lambda: {"roles": {"reader"}},
            lambda: {"score": float("nan")},
            lambda: {"name": "\ud800"},
            lambda: {7: "seven"},
        ],
    )
    def test_one_that_fails_is_answered_with_a_reference(self, signed_in, wrong, caplog):
        rp, _, use = signed_in
        tokens = rp.tokens()
        use(lambda user, scopes: wrong())

        response = rp.userinfo(tokens["access_token"])

        assert response.status_code == 503
        assert response.get_json()["error"] == "server_error"
        number = find(r"^Reference ([0-9a-f]{12})$", response.get_json()["error_description"])
        assert number in caplog.text
        assert "claims" in caplog.text
