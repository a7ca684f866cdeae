"""What a real mail server gets when somebody's passkeys change."""

import re

import pytest
from sqlalchemy import select

from flask_hanko_identity.storage import User
from tests.mails import serve_mail
from tests.passkeys import prove_address
from tests.sign_in import Visitor
from tests.sign_in import add_project


@pytest.fixture
def smtp():
    with serve_mail() as server:
        yield server


@pytest.fixture
def ada(app_factory, smtp):
    """Somebody whose address is proven, with her passkeys open."""
    app = app_factory(**smtp.config)
    with app.app_context():
        add_project(app, "shop")
    visitor = Visitor(app.test_client())
    visitor.sign_up()
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        prove_address(session, session.scalars(select(User.id)).one())
    visitor.open("profile/passkeys")
    return visitor


def passkey_of(person: Visitor) -> str:
    found = re.search(r'id="passkey-(\d+)"', person.open("profile/passkeys").text)
    assert found is not None
    return found[1]


def test_each_change_is_told_in_both_forms(ada, smtp):
    before, number = len(smtp.mails), passkey_of(ada)
    ada.submit(f"profile/passkeys/{number}/rename", name="Work <laptop>")
    renamed = smtp.wait_for(before + 1)
    ada.submit(f"profile/passkeys/{number}/remove")
    removed = smtp.wait_for(before + 2)

    assert renamed.envelope_to == ["ada@example.com"]
    assert renamed.message["Subject"] == "A passkey of yours has a new name"
    assert "is now called “Work <laptop>”" in renamed.text
    assert "“Work &lt;laptop&gt;”" in renamed.html
    assert removed.message["Subject"] == "A passkey was removed"
    assert "no longer opens your account at Shop" in removed.text
    assert "remove every passkey you do not know" in removed.text
    assert "127.0.0.1" in removed.text


def test_refused_change_tells_nobody(ada, smtp, clock):
    before, number = smtp.attempts, passkey_of(ada)
    clock.advance(minutes=5)

    ada.submit(f"profile/passkeys/{number}/remove")
    ada.submit("profile/passkeys/999999/rename", name="x")

    assert smtp.attempts == before
