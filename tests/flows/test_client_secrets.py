"""Secrets of web apps."""

from datetime import timedelta

import pytest

from flask_hanko_identity.crypto import digest
from flask_hanko_identity.crypto import random_text
from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.flows.client_secrets import MOST_SECRETS
from flask_hanko_identity.flows.clients import create_secret
from flask_hanko_identity.flows.clients import revoke_secret
from flask_hanko_identity.flows.rows import AlreadyDone
from flask_hanko_identity.storage.clients import find_client
from tests.management import at_once
from tests.management import connect
from tests.management import connect_native
from tests.management import events
from tests.management import make_context
from tests.management import make_project


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


def test_a_new_secret_works_beside_the_old_one(app):
    """C05."""
    connected = connect(app)

    issued = create_secret(make_context(app, "shop"), connected.client, label="second")

    assert issued.secret not in repr(issued)
    assert issued.last4 == issued.secret[-4:]
    assert live_secrets(app, connected.client.client_id) == {digest(secret_of(connected)), digest(issued.secret)}


def test_an_old_secret_ends_when_it_was_said_to(app, clock):
    connected = connect(app)
    client_id = connected.client.client_id

    issued = create_secret(make_context(app, "shop"), connected.client, keep_old_for=timedelta(hours=1))

    assert live_secrets(app, client_id) == {digest(secret_of(connected)), digest(issued.secret)}
    clock.advance(hours=1)
    assert live_secrets(app, client_id) == {digest(issued.secret)}
    last = create_secret(make_context(app, "shop"), find(app, client_id), keep_old_for=timedelta(0))
    assert live_secrets(app, client_id) == {digest(last.secret)}
    create_secret(make_context(app, "shop"), find(app, client_id), keep_old_for=timedelta(days=1))
    clock.advance(seconds=1)
    assert digest(secret_of(connected)) not in live_secrets(app, client_id)  # what has ended does not come back


def test_a_secret_is_revoked_at_once(app):
    connected = connect(app)
    client_id = connected.client.client_id
    [secret] = find(app, client_id).secrets

    revoke_secret(make_context(app, "shop"), connected.client, secret_id=secret.id)

    assert live_secrets(app, client_id) == set()
    assert events(app, subject=f"client:{client_id}")[-1] == "client.secret_revoked"


def test_the_secret_of_another_app_is_not_there(app):
    mine, other = connect(app), connect(app, name="Other")
    secret_id = find(app, other.client.client_id).secrets[0].id

    with pytest.raises(NotFound):
        revoke_secret(make_context(app, "shop"), mine.client, secret_id=secret_id)

    assert live_secrets(app, other.client.client_id) == {digest(secret_of(other))}


def test_a_native_app_is_given_no_secret(app):
    with pytest.raises(InvalidInput):
        create_secret(make_context(app, "shop"), connect_native(app).client)


def test_secrets_do_not_pile_up(app):
    client = connect(app).client
    for _ in range(MOST_SECRETS - 1):
        create_secret(make_context(app, "shop"), client)

    with pytest.raises(Conflict):
        create_secret(make_context(app, "shop"), client)

    create_secret(make_context(app, "shop"), client, keep_old_for=timedelta(0))
    assert len(live_secrets(app, client.client_id)) == 1


def test_a_secret_form_sent_four_times_at_once_gives_one(app):
    client_id = connect(app).client.client_id

    results = at_once(
        app,
        lambda _: create_secret(make_context(app, "shop"), find(app, client_id), submission="form-1").secret_id,
    )

    made = [result for result in results if isinstance(result, int)]
    assert len(made) == 1
    assert [result.existing for result in results if isinstance(result, AlreadyDone)] == [str(made[0])] * 3
    assert len(live_secrets(app, client_id)) == 2


def test_identifiers_are_never_the_same():
    """C07: 256 bits for secrets, letters and digits alone."""
    made = {random_text(256) for _ in range(20_000)}

    assert len(made) == 20_000
    assert all(len(text) == 43 and text.isalnum() and text.isascii() for text in made)
