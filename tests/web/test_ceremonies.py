"""What our script posts during sign-in and sign-up: forged, malformed, and all at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from flask_hanko_identity.storage import Ceremony
from flask_hanko_identity.storage import LoginSession
from tests.sign_in import Visitor
from tests.sign_in import add_project
from tests.sign_in import count_rows


class TestForgery:
    """Row B04 of the threats."""

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"X-CSRFToken": ""}, id="no token"),
            pytest.param({"X-CSRFToken": "x" * 43}, id="wrong token"),
            pytest.param({"Origin": "null"}, id="null"),
            pytest.param({"Origin": "https://evil.test"}, id="foreign"),
            pytest.param({"Origin": "http://localhost:81"}, id="other port"),
            pytest.param({"Content-Type": "text/plain"}, id="plain text"),
            pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, id="form"),
            pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
        ],
    )
    @pytest.mark.parametrize("path", ["login/options", "login/finish", "signup/options", "signup/finish"])
    def test_ceremony_from_elsewhere_is_refused(self, member, path, headers, host):
        before = count_rows(host, LoginSession), count_rows(host, Ceremony)
        member.open("login")

        answer = member.post(path, {"email": "eve@example.com"}, **headers)

        assert answer.status_code == 403
        assert answer.json["error"] == "RequestForged"
        assert (count_rows(host, LoginSession), count_rows(host, Ceremony)) == before

    def test_token_of_another_browser_is_refused(self, member, host):
        other = Visitor(host.test_client())
        other.open("login")
        member.open("login")
        member.csrf = other.csrf

        assert member.post("login/options", {}).status_code == 403

    def test_sign_out_needs_the_forms_token(self, visitor):
        visitor.sign_up()
        visitor.csrf = "x" * 43

        assert visitor.submit("sign-out").status_code == 403
        assert visitor.client.get("/identity/shop/sign-out").status_code == 405
        assert visitor.open("profile").status_code == 200


class TestInput:
    @pytest.mark.parametrize("path", ["login/finish", "signup/options", "signup/finish"])
    @pytest.mark.parametrize(
        "body",
        [
            [],
            "x",
            7,
            None,
            {},
            {"ceremony": None, "credential": None},
            {"ceremony": [], "credential": []},
            {"email": {}, "invitation": []},
            {"email": "a\0@example.com", "ceremony": "\0", "credential": {"id": "\0"}},
            {"email": "\ud800", "ceremony": "\ud800", "credential": "\ud800"},
            {"ceremony": "x", "credential": {"response": {"response": []}}, "invitation": "\0"},
            {"credential": "x" * 70_000},
        ],
        ids=lambda body: ascii(body)[:40],
    )
    def test_any_other_body_is_refused(self, visitor, path, body):
        visitor.open("login")

        answer = visitor.post(path, body)

        assert 400 <= answer.status_code < 500
        assert answer.json["error"]

    def test_broken_json_is_refused(self, visitor):
        visitor.open("login")
        for broken in (b"{", b"\xff", b"[" * 60_000, b'{"a":' * 10_000):
            answer = visitor.client.post(
                "/identity/shop/login/finish",
                data=broken,
                headers={
                    "Origin": "http://localhost",
                    "X-CSRFToken": visitor.csrf,
                    "Content-Type": "application/json",
                },
            )
            assert 400 <= answer.status_code < 500

    def test_refusal_is_json_with_a_sentence(self, member):
        member.open("login")
        options = member.post("login/options", {}).json
        credential = member.authenticator.get(options["publicKey"])
        credential["response"]["signature"] = "AAAA"

        answer = member.post("login/finish", {"ceremony": options["ceremony"], "credential": credential})

        assert answer.status_code == 400
        assert answer.json == {
            "error": "PasskeyRejected",
            "message": "Your passkey could not be checked. Try again.",
        }

    def test_known_and_unknown_addresses_answer_alike(self, member):
        """Row E16 of the threats."""
        member.open("signup")

        known = member.post("signup/options", {"email": "ada@example.com"})
        unknown = member.post("signup/options", {"email": "eve@example.com"})

        assert known.status_code == unknown.status_code == 200
        assert known.json.keys() == unknown.json.keys()
        assert known.json["publicKey"]["excludeCredentials"] == []
        assert unknown.json["publicKey"]["excludeCredentials"] == []
        assert len(known.data) == len(unknown.data)


def test_twenty_equal_finishes_by_http_sign_in_once(member, host):
    """Row E03 of the threats."""
    member.open("login")
    options = member.post("login/options", {}).json
    body = {
        "ceremony": options["ceremony"],
        "credential": member.authenticator.get(options["publicKey"]),
    }
    before, cookies = count_rows(host, LoginSession), member.cookies()

    def finish(_number):
        twin = Visitor(host.test_client(), csrf=member.csrf)
        for name, value in cookies.items():
            twin.client.set_cookie(name, value)
        return twin.post("login/finish", body).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = sorted(pool.map(finish, range(20)))

    assert answers == [200] + [400] * 19
    assert count_rows(host, LoginSession) == before + 1


def test_two_hosts_in_one_process_keep_apart(app_factory: Callable[..., Flask]):
    first, second = app_factory(), app_factory(SECRET_KEY="another secret key for tests")
    with first.app_context():
        add_project(first, "shop")
    visitor = Visitor(first.test_client())
    visitor.sign_up()
    stranger = Visitor(second.test_client())
    for name, value in visitor.cookies().items():
        stranger.client.set_cookie(name, value)
    visitor.open("profile")
    stranger.csrf = visitor.csrf

    assert stranger.submit("sign-out").status_code == 403
