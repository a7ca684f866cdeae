"""A project becomes ready, whatever happens on the way."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy import select

from flask_hanko_identity.crypto import KeyRing
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.flows import provision as module
from flask_hanko_identity.flows.provision import LEASE
from flask_hanko_identity.flows.provision import ensure_console_project
from flask_hanko_identity.flows.provision import needs_worker
from flask_hanko_identity.flows.provision import provision
from flask_hanko_identity.flows.provision import retry
from flask_hanko_identity.protocol.signing import ALGORITHMS
from flask_hanko_identity.signals import project_changed
from flask_hanko_identity.storage import Project
from flask_hanko_identity.storage import SigningKey
from tests.management import at_once
from tests.management import events
from tests.management import make_context
from tests.management import make_project


@pytest.fixture(autouse=True)
def in_app(app):
    with app.app_context():
        yield


class BrokenRing(KeyRing):
    """A key ring that has gone."""

    def __init__(self):
        super().__init__(["x"])

    def encrypt(self, plain):
        raise RuntimeError("no ring")


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


def algorithms(app, project_id):
    session = make_context(app).session
    return sorted(session.scalars(select(SigningKey.algorithm).where(SigningKey.project_id == project_id)))


def reload(app, project_id):
    return make_context(app).session.get_one(Project, project_id, populate_existing=True)


def test_it_gets_one_key_of_each_kind(app):
    project_id = make_project(app).id
    told = []
    with project_changed.connected_to(lambda _, **payload: told.append(payload)):
        assert provision(make_context(app), project_id) == "ready"

    ctx = make_context(app, "shop")
    assert algorithms(app, project_id) == sorted(ALGORITHMS)
    assert ctx.project.status == "ready"
    assert told == [{"project": "shop"}]
    assert events(app, subject="project:shop") == ["project.created", "project.ready"]
    claims = {"iss": ctx.project.issuer, "sub": "ada", "aud": "app"}
    for key in ctx.project.keys:
        assert ctx.keys.recognise_id_token(ctx.project, ctx.keys.sign(key, claims)) == claims


def test_private_keys_are_stored_encrypted(app):
    """D09."""
    make_project(app, ready=True)
    ctx = make_context(app, "shop")
    for key in ctx.project.keys:
        private = ctx.ring.decrypt(key.sealed_private_key)
        assert private[-32:] not in key.sealed_private_key
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key.public_jwk)


def test_a_second_call_changes_nothing(app):
    project_id = make_project(app, ready=True).id
    before = make_context(app, "shop").project.keys

    assert provision(make_context(app), project_id) == "ready"
    assert retry(make_context(app), project_id) == "ready"

    assert make_context(app, "shop").project.keys == before
    assert events(app, subject="project:shop") == ["project.created", "project.ready"]


def test_four_workers_at_once_make_one_set_of_keys(app):
    project_id = make_project(app).id

    statuses = at_once(app, lambda _: provision(make_context(app), project_id))

    assert set(statuses) <= {"ready", "initializing"}
    assert reload(app, project_id).status == "ready"
    assert algorithms(app, project_id) == sorted(ALGORITHMS)
    assert events(app, subject="project:shop") == ["project.created", "project.ready"]


def test_workers_whose_lease_was_overrun_still_make_one_set_of_keys(app, monkeypatch):
    project_id = make_project(app).id
    monkeypatch.setattr(module, "_claim", lambda ctx, project_id: True)  # each believes it is alone

    assert set(at_once(app, lambda _: provision(make_context(app), project_id))) == {"ready"}

    assert algorithms(app, project_id) == sorted(ALGORITHMS)


def test_a_failure_is_told_in_plain_words_and_a_retry_mends_it(app):
    project_id = make_project(app).id
    broken = replace(make_context(app), ring=BrokenRing())

    assert provision(broken, project_id) == "failed"

    project = reload(app, project_id)
    assert "try again" in project.status_reason
    assert "RuntimeError" not in project.status_reason
    assert algorithms(app, project_id) == []
    assert not needs_worker(project, make_context(app).now)
    assert provision(make_context(app), project_id) == "failed"  # only asked for does it start again
    assert retry(make_context(app), project_id) == "ready"
    assert reload(app, project_id).status_reason is None
    assert algorithms(app, project_id) == sorted(ALGORITHMS)
    assert events(app, subject="project:shop") == [
        "project.created",
        "project.failed",
        "project.retried",
        "project.ready",
    ]


STATEMENTS = ["UPDATE hanko_project", "INSERT INTO hanko_signing_key", "INSERT INTO hanko_audit_event"]


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("occurrence", [1, 2])
def test_a_worker_killed_at_any_statement_leaves_a_project_that_becomes_ready(app, clock, statement, occurrence):
    project_id = make_project(app).id
    engine = make_context(app).session.get_bind()
    seen = []

    def die(connection, cursor, sql, *rest):
        if sql.startswith(statement):
            seen.append(sql)
            if len(seen) == occurrence:
                raise Killed

    event.listen(engine, "before_cursor_execute", die)
    try:
        provision(make_context(app), project_id)
    except Killed:
        make_context(app).session.rollback()
    finally:
        event.remove(engine, "before_cursor_execute", die)
    assert seen

    clock.advance(seconds=LEASE.total_seconds())
    assert provision(make_context(app), project_id) == "ready"
    assert algorithms(app, project_id) == sorted(ALGORITHMS)
    assert events(app, subject="project:shop").count("project.ready") == 1


def test_a_worker_that_lives_is_left_alone_until_its_lease_is_over(app, clock):
    project_id = make_project(app).id
    assert needs_worker(reload(app, project_id), clock())
    module._claim(make_context(app), project_id)

    assert not needs_worker(reload(app, project_id), clock())
    assert provision(make_context(app), project_id) == "initializing"
    clock.advance(seconds=LEASE.total_seconds() - 1)
    assert provision(make_context(app), project_id) == "initializing"
    clock.advance(seconds=1)
    assert needs_worker(reload(app, project_id), clock())
    assert provision(make_context(app), project_id) == "ready"


def test_one_that_is_not_there_is_told(app):
    with pytest.raises(NotFound):
        provision(make_context(app), 999)


def test_the_console_is_made_once_however_many_ask(app):
    names = at_once(app, lambda _: ensure_console_project(make_context(app)).slug)

    assert names == ["console"] * 4
    project = ensure_console_project(make_context(app))
    assert (project.status, project.organization_id) == ("ready", None)
    assert project.issuer == "http://localhost/identity/console"
    assert algorithms(app, project.id) == sorted(ALGORITHMS)


def test_a_console_that_failed_is_mended(app):
    broken = replace(make_context(app), ring=BrokenRing())
    assert ensure_console_project(broken).status == "failed"

    assert ensure_console_project(make_context(app)).status == "ready"


def test_the_lease_is_longer_than_the_work():
    assert LEASE >= timedelta(seconds=10)
