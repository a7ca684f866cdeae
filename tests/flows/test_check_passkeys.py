"""The check names passkeys that the RP ID of today has left behind (wish 30)."""

import pytest
from sqlalchemy import update

from flask_hanko_identity.flows.check_database import check_database
from flask_hanko_identity.storage import Passkey
from tests.passkeys import make_member
from tests.sign_in import add_project


@pytest.fixture
def ada(app):
    with app.app_context():
        add_project(app, "shop")
        yield make_member(app)


def about_passkeys(ada):
    return [each for each in check_database(ada.ctx) if each.subject == "HANKO_IDENTITY_RP_ID"]


def test_says_how_many_users_are_affected(ada, app):
    eve = make_member(app, email="eve@example.com")
    ada.add()
    assert about_passkeys(ada) == []
    mine = [*ada.ids(), eve.ids()[0]]
    ada.ctx.session.execute(update(Passkey).where(Passkey.id.in_(mine)).values(rp_id="old.example"))
    ada.ctx.session.commit()

    (finding,) = about_passkeys(ada)

    assert finding.level == "error"
    assert "Passkeys of 2 users were made for old.example" in finding.message
