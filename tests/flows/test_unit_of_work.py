"""What a transaction leaves behind, and what it never does."""

import logging

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity import signals
from flask_hanko_identity.flows.organizations import create_organization
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import Organization
from tests.management import make_context


@pytest.fixture(autouse=True)
def here(app):
    with app.app_context():
        yield


def rows(ctx, model):
    return ctx.session.scalar(select(func.count()).select_from(model))


def test_receiver_that_fails_undoes_nothing_and_silences_nobody(app, caplog):
    heard = []

    def broken(sender, **payload):
        raise RuntimeError("of the host")

    def listening(sender, **payload):
        heard.append(payload["organization_id"])

    ctx = make_context(app)
    with signals.organization_changed.connected_to(broken), signals.organization_changed.connected_to(listening):
        with caplog.at_level(logging.ERROR):
            made = create_organization(ctx, name="Acme")

    assert rows(ctx, Organization) == 1
    assert heard == [made.public_id]
    assert "organization-changed failed" in caplog.text


def test_nothing_is_announced_of_what_was_rolled_back(app):
    heard = []

    def listening(sender, **payload):
        heard.append(payload)

    ctx = make_context(app)
    with signals.project_changed.connected_to(listening), pytest.raises(ZeroDivisionError), transaction(ctx) as work:
        work.record("project.created", "project:shop")
        work.announce(signals.project_changed, project="shop")
        raise ZeroDivisionError

    assert heard == []
    assert rows(ctx, AuditEvent) == 0


def test_a_transaction_inside_another_is_refused(app):
    ctx = make_context(app)

    with pytest.raises(RuntimeError, match="inside another"), transaction(ctx), transaction(ctx):
        pass
