"""Apps: connected, changed, given secrets, switched off and removed."""

from typing import Any

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.crypto import digest
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.flows.clients import ClientSettings
from flask_hanko_identity.flows.clients import delete_client
from flask_hanko_identity.flows.clients import disable_client
from flask_hanko_identity.flows.clients import enable_client
from flask_hanko_identity.flows.clients import update_client
from flask_hanko_identity.flows.provision import ensure_console_project
from flask_hanko_identity.flows.rows import AlreadyDone
from flask_hanko_identity.signals import client_connected
from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import Authorization
from flask_hanko_identity.storage import Client
from flask_hanko_identity.storage import ClientSecret
from flask_hanko_identity.storage import RedirectURI
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.clients import find_client
from tests.management import at_once
from tests.management import authorize
from tests.management import connect
from tests.management import connect_native
from tests.management import events
from tests.management import make_context
from tests.management import make_project
from tests.management import make_user


@pytest.fixture(autouse=True)
def shop(app):
    with app.app_context():
        make_project(app)
        yield


def snapshot(app, client_id):
    ctx = make_context(app, "shop")
    return ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=client_id)


def find(app, client_id):
    ctx = make_context(app, "shop")
    client = find_client(ctx.session, project_id=ctx.project.id, client_id=client_id)
    assert client is not None
    return client


def live_secrets(app, client_id):
    now = make_context(app).now
    return {value for value, end in snapshot(app, client_id).secrets if end is None or end > now}


def secret_of(connected):
    assert connected.secret is not None
    return connected.secret


def test_a_web_app_gets_a_secret_once(app, canaries):
    """C04: the secret stands in what connecting returns, and nowhere else."""
    told = []
    with client_connected.connected_to(lambda _, **payload: told.append(payload)):
        connected = connect(app, post_logout_redirect_uris=["https://rp.example/bye"], refresh_tokens=True)

    client, secret = connected.client, secret_of(connected)
    canaries.add(secret)
    assert secret not in repr(connected)
    assert len(secret) >= 43 and secret.isalnum() and client.client_id.isalnum()
    seen = snapshot(app, client.client_id)
    assert seen.token_endpoint_auth_method == "client_secret_basic"
    assert seen.redirect_uris == {"https://rp.example/cb"}
    assert seen.post_logout_redirect_uris == {"https://rp.example/bye"}
    assert seen.secrets == ((digest(secret), None),)
    assert (seen.require_pkce, seen.refresh_tokens, seen.first_party) == (True, True, False)
    assert seen.id_token_signed_response_alg == "RS256"
    assert told == [{"project": "shop", "client_id": client.client_id}]
    session = make_context(app).session
    for model in (Client, ClientSecret, RedirectURI, AuditEvent):
        for row in session.execute(select(model.__table__)):
            assert secret not in str(row)
    assert session.scalars(select(ClientSecret.last4)).one() == secret[-4:]


def test_a_native_app_has_no_secret_and_always_pkce(app):
    connected = connect_native(app)

    seen = snapshot(app, connected.client.client_id)
    assert connected.secret is None
    assert seen.secrets == ()
    assert (seen.token_endpoint_auth_method, seen.require_pkce, seen.rotate_refresh_tokens) == ("none", True, True)


WEB_FAULTS = [
    ({"name": "a\u202eb"}, "name"),
    ({"application_type": "spa"}, "application_type"),
    ({"application_type": None}, "application_type"),
    ({"application_uri": "https://RP.example"}, "application_uri"),
    ({"redirect_uris": []}, "redirect_uris"),
    ({"redirect_uris": "https://rp.example/cb"}, "redirect_uris"),
    ({"redirect_uris": ["https://rp.example/cb", "http://rp.example/cb"]}, "redirect_uris"),
    ({"redirect_uris": [None]}, "redirect_uris"),
    ({"post_logout_redirect_uris": ["https://rp.example/#"]}, "post_logout_redirect_uris"),
    ({"token_endpoint_auth_method": "none"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_method": ["client_secret_post"]}, "token_endpoint_auth_method"),
    ({"refresh_tokens": "yes"}, "refresh_tokens"),
    ({"require_pkce": 0}, "require_pkce"),
    ({"submission": "\0"}, None),
]


@pytest.mark.parametrize(("values", "field"), WEB_FAULTS)
def test_a_setting_that_will_not_do_connects_nothing(app, values, field):
    with pytest.raises(InvalidInput) as refusal:
        connect(app, **values)

    assert refusal.value.field == field
    assert make_context(app).session.scalar(select(func.count(Client.id))) == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"require_pkce": False}, "require_pkce"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
        ({"first_party": True}, "first_party"),
        ({"first_party": True, "redirect_uris": ["http://127.0.0.1/cb"]}, "first_party"),
        ({"redirect_uris": ["com.evil.app:/cb"]}, "redirect_uris"),
        ({"application_uri": "com.Example.app"}, "application_uri"),
    ],
)
def test_a_native_app_cannot_have(app, values, field):
    with pytest.raises(InvalidInput) as refusal:
        connect_native(app, **values)

    assert refusal.value.field == field


def test_what_a_tenant_may_not_choose_is_no_parameter(app):
    """F05, C18."""
    for name in ("client_id", "client_secret", "project_id", "secret", "created_at"):
        with pytest.raises(TypeError):
            connect(app, **{name: "chosen"})
        with pytest.raises(TypeError):
            ClientSettings(**dict[str, Any]({name: "chosen"}))


def test_the_console_takes_no_apps(app):
    ensure_console_project(make_context(app))

    with pytest.raises(InvalidInput):
        connect(app, "console")


def test_a_form_sent_twice_connects_one(app):
    first = connect(app, submission="form-1")

    with pytest.raises(AlreadyDone) as refusal:
        connect(app, submission="form-1")

    assert refusal.value.existing == first.client.client_id


def test_a_form_sent_four_times_at_once_connects_one(app):
    results = at_once(app, lambda _: connect(app, submission="form-1").client.client_id)

    made = [result for result in results if isinstance(result, str)]
    assert len(made) == 1
    assert [result.existing for result in results if isinstance(result, AlreadyDone)] == made * 3
    assert make_context(app).session.scalar(select(func.count(ClientSecret.id))) == 1


def test_another_project_is_not_told_what_a_form_made(app):
    connect(app, submission="form-1")
    make_project(app, "other")

    with pytest.raises(AlreadyDone) as refusal:
        connect(app, "other", submission="form-1")

    assert refusal.value.existing is None


def test_settings_change_and_the_change_is_told(app):
    client = connect(app, redirect_uris=["https://rp.example/a", "https://rp.example/b"]).client

    changed = update_client(
        make_context(app, "shop"),
        client,
        ClientSettings(
            name="Better",
            redirect_uris=["https://rp.example/b", "https://rp.example/c"],
            post_logout_redirect_uris=["https://rp.example/b"],
            token_endpoint_auth_method="client_secret_post",
            refresh_tokens=True,
            require_pkce=False,
        ),
    )

    seen = snapshot(app, client.client_id)
    assert seen.name == "Better"
    assert seen.redirect_uris == {"https://rp.example/b", "https://rp.example/c"}
    assert seen.post_logout_redirect_uris == {"https://rp.example/b"}
    assert (seen.token_endpoint_auth_method, seen.require_pkce) == ("client_secret_post", False)
    assert changed["name"] == {"before": "Bookshop", "after": "Better"}
    assert set(changed) == {
        "name",
        "redirect_uris",
        "post_logout_redirect_uris",
        "token_endpoint_auth_method",
        "refresh_tokens",
        "require_pkce",
    }
    assert events(app, subject=f"client:{client.client_id}") == ["client.connected", "client.updated"]


def test_settings_that_stay_are_no_change(app):
    client = connect(app).client

    assert update_client(make_context(app, "shop"), client, ClientSettings(name="Bookshop")) == {}
    assert update_client(make_context(app, "shop"), client, ClientSettings()) == {}
    assert events(app, subject=f"client:{client.client_id}") == ["client.connected"]


def test_an_edit_that_would_make_an_app_inconsistent_is_refused(app):
    """Promise 12: the private-use scheme must stay the package name."""
    client = connect_native(app).client

    with pytest.raises(InvalidInput) as refusal:
        update_client(make_context(app, "shop"), client, ClientSettings(application_uri="com.other.app"))

    assert refusal.value.field == "redirect_uris"
    assert snapshot(app, client.client_id).application_uri == "com.example.app"
    update_client(
        make_context(app, "shop"),
        client,
        ClientSettings(application_uri="com.other.app", redirect_uris=["com.other.app:/cb"]),
    )
    assert snapshot(app, client.client_id).redirect_uris == {"com.other.app:/cb"}


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uris": []},
        {"name": ""},
        {"token_endpoint_auth_method": "none"},
        {"id_token_signed_response_alg": "none"},
        {"id_token_signed_response_alg": "HS256"},
        {"redirect_uris": [f"https://rp.example/{number}" for number in range(51)]},
    ],
)
def test_a_change_that_will_not_do_changes_nothing(app, changes):
    client = connect(app).client
    before = snapshot(app, client.client_id)

    with pytest.raises(InvalidInput):
        update_client(make_context(app, "shop"), client, ClientSettings(**changes))

    make_context(app).snapshots.forget()
    assert snapshot(app, client.client_id) == before


def test_two_edits_at_once_leave_both_whole(app):
    client_id = connect(app).client.client_id

    def edit(number):
        client = find(app, client_id)
        uris = [f"https://rp.example/{number}/{part}" for part in range(5)]
        update_client(make_context(app, "shop"), client, ClientSettings(redirect_uris=uris))

    assert at_once(app, edit) == [None] * 4

    uris = snapshot(app, client_id).redirect_uris
    assert len(uris) == 5
    assert len({uri.split("/")[3] for uri in uris}) == 1


def test_an_app_that_is_switched_off_loses_what_it_was_given(app):
    """F14."""
    client = connect(app).client
    authorization_id = authorize(app, client, make_user(app))

    disable_client(make_context(app, "shop"), client)

    assert not snapshot(app, client.client_id).enabled
    session = make_context(app).session
    assert session.get_one(Authorization, authorization_id).revoked_at is not None
    enable_client(make_context(app, "shop"), client)
    assert snapshot(app, client.client_id).enabled
    assert session.get_one(Authorization, authorization_id, populate_existing=True).revoked_at is not None


def test_an_app_is_deleted_with_all_that_it_was_given(app):
    """L7: no row points to a missing parent."""
    client = connect(app).client
    client_id = client.client_id
    authorize(app, client, make_user(app))

    delete_client(make_context(app, "shop"), client)

    session = make_context(app).session
    for model in (Client, ClientSecret, RedirectURI, Authorization):
        assert session.scalar(select(func.count(model.id))) == 0
    assert session.scalar(select(func.count(User.id))) == 1
    assert snapshot(app, client_id) is None
    assert events(app, subject=f"client:{client_id}")[-1] == "client.deleted"
    with pytest.raises(NotFound):
        delete_client(make_context(app, "shop"), client)
