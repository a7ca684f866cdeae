"""Snapshots are quick to read, never older than a second, and forgotten by the one who changes something."""

import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from sqlalchemy import update

from flask_hanko_identity.storage import Project
from flask_hanko_identity.storage.snapshots import LIFETIME
from flask_hanko_identity.storage.snapshots import Snapshots
from tests.management import connect
from tests.queries import count_statements
from tests.sign_in import add_project


@pytest.fixture
def state(app):
    with app.app_context():
        add_project(app, "shop")
        yield app.extensions["hanko_identity"]


def rename(database_url, name):
    """In another process."""
    program = (
        "import sys\nfrom sqlalchemy import create_engine, text\n"
        "with create_engine(sys.argv[1]).begin() as connection:\n"
        "    connection.execute(text('UPDATE hanko_project SET name = :name'), {'name': sys.argv[2]})\n"
    )
    subprocess.run([sys.executable, "-c", program, database_url, name], check=True)


def test_a_second_look_costs_nothing(state):
    first = state.snapshots.project(state.session, "shop")
    with count_statements(state.db.engine) as counted:
        again = state.snapshots.project(state.session, "shop")

    assert again is first
    assert counted.count == 0


def test_a_project_costs_two_statements(state):
    with count_statements(state.db.engine) as counted:
        state.snapshots.project(state.session, "shop")

    assert counted.count == 2, counted


def test_what_another_process_changed_is_seen_within_a_second(state, database_url):
    before = state.snapshots.project(state.session, "shop")
    state.session.commit()
    rename(database_url, "Changed")
    deadline = time.monotonic() + LIFETIME + 0.05

    while (seen := state.snapshots.project(state.session, "shop")).name != "Changed":
        assert time.monotonic() < deadline
        state.session.rollback()
        time.sleep(0.02)

    assert before.name == "Shop"
    assert seen.name == "Changed"


def test_what_is_forgotten_is_read_anew(state):
    state.snapshots.project(state.session, "shop")
    state.session.execute(update(Project).values(name="Changed"))
    state.session.commit()

    state.snapshots.forget()

    assert state.snapshots.project(state.session, "shop").name == "Changed"


def test_what_is_not_there_is_not_remembered(app):
    with app.app_context():
        state = app.extensions["hanko_identity"]
        missing = state.snapshots.project(state.session, "shop")
        add_project(app, "shop")

        assert missing is None
        assert state.snapshots.project(state.session, "shop").slug == "shop"


def test_a_change_during_a_slow_read_is_not_overwritten_by_what_was_read(state):
    snapshots = state.snapshots
    loaded, go_on = threading.Event(), threading.Event()

    def slowly():
        loaded.set()
        go_on.wait(5)
        return "old"

    reader = threading.Thread(target=snapshots._projects.get, args=("slow", slowly))
    reader.start()
    loaded.wait(5)
    snapshots.forget()
    go_on.set()
    reader.join(5)

    assert snapshots._projects.get("slow", lambda: "new") == "new"


def test_the_oldest_gives_way_when_there_are_too_many():
    shelf: Any = Snapshots()._projects
    for number in range(1001):
        shelf.get(number, lambda number=number: number)

    assert shelf.get(1000, lambda: "read anew") == 1000
    assert shelf.get(0, lambda: "read anew") == "read anew"


def test_a_snapshot_is_of_no_session_and_cannot_be_changed(app, state):
    client_id = connect(app).client.client_id
    project = state.snapshots.project(state.session, "shop")
    client = state.snapshots.client(state.session, project_id=project.id, client_id=client_id)
    state.session.close()

    assert project.issuer == "http://localhost/identity/shop"
    assert client.redirect_uris == {"https://rp.example/cb"}
    for record in (project, client):
        with pytest.raises(AttributeError):
            record.name = "Changed"


def test_a_client_belongs_to_its_project(app, state):
    client_id = connect(app).client.client_id
    project = state.snapshots.project(state.session, "shop")

    assert state.snapshots.client(state.session, project_id=project.id + 1, client_id=client_id) is None
