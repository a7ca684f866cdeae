"""What the extension asks of the host's connections, and what it leaves alone."""

import multiprocessing
import sqlite3
import threading

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine
from sqlalchemy import event
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from flask_hanko_identity import HankoIdentity
from flask_hanko_identity.storage import Organization
from flask_hanko_identity.storage import migrate
from flask_hanko_identity.storage.engines import begin_write
from flask_hanko_identity.storage.engines import is_writing
from flask_hanko_identity.storage.engines import prepare_engine

WAL, FULL = "wal", 2
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def pragmas(connection):
    return tuple(
        connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        for name in ("journal_mode", "synchronous", "foreign_keys")
    )


def statements(engine):
    """What is sent from now on."""
    sent = []
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_rest: sent.append(statement))
    return sent


def new_organization(clock, name="Acme"):
    return insert(Organization).values(public_id=f"id of {name}", name=name, created_at=clock())


@pytest.fixture
def prepared(engine):
    prepare_engine(engine, tune_sqlite=True)
    return engine


@ON_SQLITE
class TestPragmas:
    def test_are_set_on_every_connection(self, app):
        with app.app_context():
            engine = app.extensions["sqlalchemy"].engine
            with engine.connect() as one, engine.connect() as other:
                assert pragmas(one) == pragmas(other) == (WAL, FULL, 1)

    def test_are_left_alone_with_the_switch(self, app_factory):
        app = app_factory(HANKO_IDENTITY_SQLITE_TUNING=False)

        with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
            assert pragmas(connection)[2] == 0

    def test_are_set_on_connections_that_were_opened_before_us(self, engine):
        with engine.connect() as connection:
            before = pragmas(connection)
        prepare_engine(engine, tune_sqlite=True)

        with engine.connect() as connection:
            assert pragmas(connection) == (WAL, FULL, 1)
        assert before[0] == "delete" and before[2] == 0

    def test_are_set_once_per_connection(self, prepared):
        with prepared.connect():
            pass
        sent = statements(prepared)
        traced: list[str] = []
        with prepared.connect() as connection:
            connection.connection.driver_connection.set_trace_callback(traced.append)
            connection.execute(select(Organization.id))
        assert [statement for statement in sent + traced if "PRAGMA" in statement] == []

    def test_leave_the_hosts_busy_timeout_as_it_is(self, database_url):
        engine = create_engine(database_url, connect_args={"timeout": 30})
        prepare_engine(engine, tune_sqlite=True)

        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
        engine.dispose()

    def test_refuse_a_row_that_points_nowhere(self, prepared):
        with prepared.connect() as connection, pytest.raises(Exception, match="FOREIGN KEY"):
            connection.exec_driver_sql(
                "INSERT INTO hanko_client_secret (id, client_id, digest, label, last4, created_at)"
                " VALUES (1, 99, x'00', '', '', '2026-01-01')"
            )


def _open(path, start, errors):
    engine = create_engine(f"sqlite:///{path}")
    prepare_engine(engine, tune_sqlite=True)
    start.wait(20)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS host (id INTEGER)")
    except OperationalError as error:
        errors.put(str(error.orig))


def test_processes_may_open_a_new_file_at_once(tmp_path):
    processes = multiprocessing.get_context("fork")
    for number in range(4):
        path = tmp_path / f"{number}.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE before (id INTEGER)")
        connection.close()
        start, errors = processes.Barrier(6), processes.Queue()
        workers = [processes.Process(target=_open, args=(path, start, errors)) for _ in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(20)

        assert errors.empty(), errors.get()


class TestWriters:
    def test_say_so_at_the_beginning_on_sqlite_only(self, prepared, clock):
        sent = statements(prepared)

        with Session(prepared) as session:
            begin_write(session)
            session.execute(new_organization(clock))
            session.commit()

        immediate = ["BEGIN IMMEDIATE"] if prepared.dialect.name == "sqlite" else []
        assert sent[:-1] == immediate

    def test_know_that_they_write(self, prepared):
        with Session(prepared) as session:
            session.execute(select(Organization.id))
            reading = is_writing(session)
            begin_write(session)

            assert not reading
            assert is_writing(session)

    def test_do_not_begin_twice(self, prepared):
        with Session(prepared) as session:
            begin_write(session)

            with pytest.raises(RuntimeError):
                begin_write(session)

    def test_see_what_was_written_since_the_host_read(self, prepared, clock):
        with Session(prepared) as session, Session(prepared) as other:
            session.scalars(select(Organization.id)).all()
            other.execute(new_organization(clock, "Other"))
            other.commit()

            begin_write(session)
            session.execute(new_organization(clock, "Ours"))
            session.commit()

            assert set(session.scalars(select(Organization.name))) == {"Other", "Ours"}

    @pytest.mark.parametrize("flushed", [False, True])
    def test_keep_what_the_host_has_pending(self, prepared, clock, flushed):
        with Session(prepared) as session:
            session.add(Organization(public_id="host", name="The host's", created_at=clock()))
            if flushed:
                session.flush()
            begin_write(session)
            session.rollback()

            assert session.scalar(select(Organization.name)) == "The host's"

    def test_wait_for_one_another(self, prepared, clock):
        both = threading.Barrier(2)

        def write(name):
            with Session(prepared) as session:
                session.scalars(select(Organization.id)).all()
                both.wait(10)
                begin_write(session)
                session.execute(new_organization(clock, name))
                session.commit()

        writers = [threading.Thread(target=write, args=(name,)) for name in ("One", "Two")]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(20)

        with Session(prepared) as session:
            assert set(session.scalars(select(Organization.name))) == {"One", "Two"}


@ON_SQLITE
class TestLockedDatabase:
    def test_leaves_the_session_usable(self, database_url, clock):
        engine = create_engine(database_url, connect_args={"timeout": 0.05})
        prepare_engine(engine, tune_sqlite=True)
        with Session(engine) as holder, Session(engine) as session:
            begin_write(holder)
            with pytest.raises(OperationalError, match="locked"):
                begin_write(session)
            holder.rollback()

            begin_write(session)
            session.execute(new_organization(clock))
            session.commit()
        engine.dispose()

    def test_does_not_stop_readers(self, prepared, clock):
        with Session(prepared) as holder, Session(prepared) as reader:
            begin_write(holder)
            holder.execute(new_organization(clock))

            assert reader.scalars(select(Organization.id)).all() == []


def emit_own_begin(engine):
    """SQLAlchemy's recipe for savepoints on SQLite."""
    event.listen(engine, "connect", lambda connection, _record: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))


@ON_SQLITE
@pytest.mark.parametrize("ours_first", [True, False])
class TestHostThatEmitsItsOwnBegin:
    @pytest.fixture
    def engine(self, database_url, ours_first):
        engine = create_engine(database_url)
        steps = [lambda: prepare_engine(engine, tune_sqlite=True), lambda: emit_own_begin(engine)]
        for step in steps if ours_first else reversed(steps):
            step()
        yield engine
        engine.dispose()

    def test_can_be_written_to(self, engine, clock):
        with Session(engine) as session:
            begin_write(session)
            session.execute(new_organization(clock))
            session.rollback()
            begin_write(session)
            session.execute(new_organization(clock, "Kept"))
            session.commit()

            assert session.scalars(select(Organization.name)).all() == ["Kept"]

    def test_can_be_migrated(self, engine):
        migrate.upgrade(engine)

        assert migrate.current(engine) == migrate.head()


@ON_SQLITE
class TestHostsOwnTransactions:
    def test_begin_as_before(self, prepared):
        sent = statements(prepared)

        with Session(prepared) as session:
            session.execute(text("CREATE TABLE host (id INTEGER)"))
            session.execute(text("INSERT INTO host VALUES (1)"))
            session.commit()

        assert [statement.split()[0] for statement in sent] == ["CREATE", "INSERT"]

    def test_are_as_before_in_the_requests_own_session(self, app):
        db = app.extensions["sqlalchemy"]
        with app.app_context():
            sent = statements(db.engine)
            db.session.execute(text("CREATE TABLE host (id INTEGER)"))
            db.session.commit()

        assert sent == ["CREATE TABLE host (id INTEGER)"]


@ON_SQLITE
def test_a_database_given_after_the_extension_is_tuned_too(database_url):
    db = SQLAlchemy()
    app = Flask("host")
    app.config.update(
        TESTING=True,
        SECRET_KEY="a secret key for tests only",
        SQLALCHEMY_DATABASE_URI=database_url,
        HANKO_IDENTITY_BASE_URL="http://localhost/identity",
    )
    HankoIdentity(app, db=db)
    db.init_app(app)

    with app.app_context():
        db.session.execute(text("SELECT 1"))  # the host comes first
        db.session.rollback()
        session = app.extensions["hanko_identity"].session

        assert pragmas(session.connection()) == (WAL, FULL, 1)
        db.session.remove()
        db.engine.dispose()
