"""What a newcomer does first: three lines, two commands, a link that works."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.journeys.visitors import Visitor
from tests.servers import free_port
from tests.servers import wait_until

HOST = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_hanko_identity import HankoIdentity

app = Flask(__name__)
app.config["SECRET_KEY"] = "a secret key for this test only, and long enough"
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///app.sqlite"
app.config["HANKO_IDENTITY_BASE_URL"] = "http://localhost:{port}/identity"
db = SQLAlchemy(app)
identity = HankoIdentity(app, db=db)


@app.get("/")
def home():
    return "The host's own page."
"""


def test_three_lines_and_two_commands_make_a_provider(tmp_path):
    port = free_port()
    (tmp_path / "app.py").write_text(HOST.format(port=port))

    told = flask(tmp_path, "identity", "init")

    link = re.search(r"Sign up here: (http://\S+)", told)
    assert link, told
    with running(tmp_path, port) as url:
        assert httpx.get(url).text == "The host's own page."
        owner = Visitor("owner@example.com", url)
        # Sign-up is by invitation unless the host opens it.
        assert owner.open(f"{url}/identity/console/signup").status_code == 403
        console = owner.signs_up(owner.open(link[1]))
        assert "owner&#39;s organization" in console.text
        assert "Create new project" in console.text
        assert owner.open(link[1]).status_code >= 400, "The link works once."
        owner.close()

    assert "Sign up here" not in flask(tmp_path, "identity", "init")
    assert "organizations" in flask(tmp_path, "identity", "--help")


def flask(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flask", *command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def running(folder: Path, port: int) -> Iterator[str]:
    """``flask run``."""
    url = f"http://localhost:{port}"
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "flask", "run", "--port", str(port)],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=log,
        )
    try:
        assert wait_until(lambda: server.poll() is not None or answers(url)), (folder / "log").read_text()
        assert server.poll() is None, (folder / "log").read_text()
        yield url
    finally:
        server.terminate()
        server.wait(timeout=15)


def answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
