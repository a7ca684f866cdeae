"""Taking along all that is stored about a person (product S18; E18 of the threats)."""

import json

import pytest
from sqlalchemy import select

from flask_hanko_identity.flows.account import tables_of_users
from flask_hanko_identity.flows.freshness import StepUpRequired
from flask_hanko_identity.flows.personal_data import export
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.storage import AuditEvent
from tests.profiles import enter
from tests.profiles import live_a_little
from tests.tenants import make_tenant

SCOPE = "openid email offline_access"


@pytest.fixture(autouse=True)
def shop(app):
    make_tenant(app)
    with app.app_context():
        yield


@pytest.fixture
def ada(app):
    return enter(app, name="Ada Lovelace")


def test_it_holds_all_and_no_secret(app, ada):
    rp, tokens = live_a_little(ada)
    bob = enter(app, "bob@example.com")
    live_a_little(bob)

    found = export(ada.ctx, ada.login)

    text = json.dumps(found)
    assert found["account"]["sub"] == ada.sub
    assert found["profile"] == {"name": "Ada Lovelace"}
    assert [each["address"] for each in found["email_addresses"]] == ["ada@example.com"]
    assert [each["name"] for each in found["passkeys"]] == ["Laptop"]
    assert [each["client_id"] for each in found["consents"]] == [rp.client_id]
    assert [each["scope"] for each in found["authorizations"]] == [SCOPE]
    assert len(found["sessions"]) == len(found["links"]) == len(found["recovery_codes"]) == 1
    assert {"user.created", "consent.given"} & {each["event"] for each in found["events"]}
    for secret in (tokens["access_token"], tokens["refresh_token"], ada.token, "digest", "public_key", "secret"):
        assert secret not in text
    assert "bob@example.com" not in text
    assert bob.sub not in text


def test_every_table_of_users_is_in_it():
    """A new table must come in, or be left out on purpose."""
    assert {table.name for table, _ in tables_of_users()} - {"hanko_ceremony"} <= {
        "hanko_authorization",
        "hanko_consent",
        "hanko_email_address",
        "hanko_login_session",
        "hanko_membership",
        "hanko_passkey",
        "hanko_passlink",
        "hanko_recovery_code",
    }


def test_what_an_admin_did_is_in_it_without_the_admin_s_place(ada):
    ctx = ada.ctx
    with transaction(ctx) as work:
        work.record("user.deactivated", f"user:{ada.sub}", actor="user:admin", data={"why": "a test"})
        work.record("client.deleted", "client:x", actor=f"user:{ada.sub}", data={"name": "not theirs"})

    *_, about, done = [each for each in export(ada.ctx, ada.login)["events"] if each["event"] != "user.exported"]

    assert about["data"] == {"why": "a test"}
    assert "ip_address" not in about
    assert "data" not in done
    assert done["ip_address"] == "192.0.2.7"


def test_it_is_told(ada):
    export(ada.ctx, ada.login)

    assert ada.postbox.sent == [("ada@example.com", "Your data was downloaded")]
    assert "user.exported" in ada.ctx.session.scalars(select(AuditEvent.event)).all()


def test_not_with_a_stale_sign_in(ada, clock):
    clock.advance(minutes=5)

    with pytest.raises(StepUpRequired):
        export(ada.ctx, ada.login)


def test_another_account_s_freshness_does_not_count(app, ada, clock):
    """GHSA-f66q-9rf6-8795 in another library: the sign-in of one user freed what was another's."""
    clock.advance(minutes=5)
    enter(app, "bob@example.com")

    with pytest.raises(StepUpRequired):
        export(ada.ctx, ada.login)
