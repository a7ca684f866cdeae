"""One-time links, by HTTP."""

import re

from flask import Flask
from sqlalchemy import select

from flask_hanko_identity.flows.passlinks import create_invitation
from flask_hanko_identity.flows.passlinks import create_sign_in_link
from flask_hanko_identity.storage import User
from tests.sign_in import SESSION_COOKIE
from tests.sign_in import Visitor
from tests.sign_in import make_context


def make_link(app: Flask) -> str:
    """The path of a link for the only user of the shop."""
    with app.app_context():
        ctx = make_context(app)
        link = create_sign_in_link(ctx, user=ctx.session.scalars(select(User)).one())
        return link.removeprefix("http://localhost")


class TestLinks:
    def test_link_asks_first_and_signs_in_once(self, member, host):
        link = make_link(host)

        for _ in range(2):
            page = member.open(link)
            assert "ada@example.com" in page.text
            assert SESSION_COOKIE not in member.cookies()
        answer = member.submit(link)

        # By way of the offer of a passkey, which somebody who needed a link may not have here.
        assert (answer.status_code, answer.location) == (303, "/identity/shop/passkey-offer")
        assert member.open("profile").status_code == 200
        again = member.open(link)
        assert again.status_code == 400
        assert "Ask for a new one" in again.text

    def test_used_expired_and_unknown_links_look_alike(self, member, host, clock):
        used, expired = make_link(host), make_link(host)
        member.open(used)
        member.submit(used)
        clock.advance(minutes=11)
        pages = {
            re.sub(r"<code>[0-9a-f]+</code>", "", member.client.get(path).text)
            for path in (
                used,
                expired,
                "/identity/shop/link/unknown",
                "/identity/shop/link/%ff%ed%a0%80",
                "/identity/shop/link/" + "x" * 2000,
            )
        }

        assert len(pages) == 1

    def test_secret_of_a_link_is_in_no_log(self, member, host, canaries):
        link = make_link(host)
        canaries.add(link.rpartition("/")[2])

        member.open(link)
        member.submit(link)

        assert member.open("profile").status_code == 200

    def test_invitation_leads_to_sign_up_with_a_fixed_address(self, host):
        with host.app_context():
            link = create_invitation(make_context(host, "console"), email="ada@example.com")
        visitor = Visitor(host.test_client(), slug="console")
        secret = link.rpartition("/")[2]

        page = visitor.open(f"link/{secret}")
        options = visitor.post("signup/options", {"email": "eve@example.com", "invitation": secret}).get_json()
        credential = visitor.authenticator.create(options["publicKey"])
        answer = visitor.post("signup/finish", {"ceremony": options["ceremony"], "credential": credential})

        assert re.search(r"<input[^>]*readonly[^>]*value=\"ada@example.com\"", page.text)
        assert options["publicKey"]["user"]["name"] == "ada@example.com"
        assert answer.json == {"location": "/identity/console/"}
        assert visitor.open(f"link/{secret}").status_code == 400

    def test_console_without_invitation(self, host):
        visitor = Visitor(host.test_client(), slug="console")

        assert visitor.open("signup").status_code == 403
        visitor.open("login")
        assert visitor.post("signup/options", {"email": "ada@example.com"}).status_code == 403

    def test_link_needs_the_forms_token(self, member, host):
        link = make_link(host)
        member.csrf = "x" * 43

        assert member.submit(link).status_code == 403
        assert member.open("profile").status_code == 303
