"""What has expired is deleted, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.crypto import digest
from flask_hanko_identity.flows import purge as module
from flask_hanko_identity.flows.client_secrets import create_secret
from flask_hanko_identity.flows.passlinks import create_sign_in_link
from flask_hanko_identity.flows.purge import purge
from flask_hanko_identity.storage import Authorization
from flask_hanko_identity.storage import Ceremony
from flask_hanko_identity.storage import ClientSecret
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage import Token
from tests.management import at_once
from tests.management import authorize
from tests.management import connect
from tests.management import events
from tests.management import make_context
from tests.management import make_project
from tests.management import make_user


@pytest.fixture(autouse=True)
def shop(app):
    with app.app_context():
        make_project(app)
        yield


def count(app, model):
    return make_context(app).session.scalar(select(func.count(model.id)))


def test_expired_rows_go_and_live_ones_stay(app, clock):
    client, user = connect(app).client, make_user(app)
    for days in (1, 1, 10):
        authorize(app, client, user, expires_in=timedelta(days=days))
    create_sign_in_link(make_context(app, "shop"), user=user)
    clock.advance(days=2)

    counts = purge(make_context(app))

    assert counts == {**dict.fromkeys(counts, 0), "tokens": 2, "authorizations": 2, "passlinks": 1}
    assert (count(app, Token), count(app, Authorization), count(app, Passlink)) == (1, 1, 0)
    assert events(app)[-1] == "database.purged"
    assert sum(purge(make_context(app)).values()) == 0
    assert events(app).count("database.purged") == 1


def test_what_has_just_expired_stays_a_while(app, clock):
    authorize(app, connect(app).client, make_user(app), expires_in=timedelta(minutes=1))
    clock.advance(minutes=30)

    assert sum(purge(make_context(app)).values()) == 0


def test_a_secret_that_ended_is_listed_for_a_month(app, clock):
    client = connect(app).client
    create_secret(make_context(app, "shop"), client, keep_old_for=timedelta(0))
    clock.advance(days=29)
    assert purge(make_context(app))["client_secrets"] == 0
    clock.advance(days=2)
    assert purge(make_context(app))["client_secrets"] == 1
    assert count(app, ClientSecret) == 1


def test_many_rows_go_in_batches_and_four_purges_at_once_do_not_disturb_each_other(app, clock, monkeypatch):
    """G11, G14."""
    monkeypatch.setattr(module, "BATCH", 7)
    ctx = make_context(app, "shop")
    for number in range(40):
        ctx.session.add(
            Ceremony(
                project_id=ctx.project.id,
                handle=f"handle-{number}",
                kind="sign-in",
                challenge=b"x" * 32,
                browser_digest=digest("browser"),
                data={},
                created_at=ctx.now,
                expires_at=ctx.now + timedelta(minutes=5 if number < 33 else 500),
            )
        )
    ctx.session.commit()
    clock.advance(hours=2)

    results = at_once(app, lambda _: purge(make_context(app))["ceremonies"])

    assert sum(result for result in results if isinstance(result, int)) == 33
    assert all(isinstance(result, int) for result in results)
    assert count(app, Ceremony) == 7
