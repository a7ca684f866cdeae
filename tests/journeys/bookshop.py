"""The example bookshop behind a socket, on a database that was empty, and the demo relying party beside it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask

from example_app import create_app
from example_app import relying_party
from tests.live import serve
from tests.servers import free_port


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the console shows when an app is connected."""

    issuer: str
    client_id: str
    secret: str | None = None


def environment(url: str, database_url: str) -> dict[str, str]:
    """The variables by which a deployer configures the bookshop."""
    return {
        "FLASK_SECRET_KEY": "a secret key of the bookshop for tests only",
        "FLASK_SQLALCHEMY_DATABASE_URI": database_url,
        "FLASK_HANKO_IDENTITY_BASE_URL": f"{url}/identity",
        "FLASK_HANKO_IDENTITY_CONSOLE_SIGNUP": "open",
    }


@dataclass(frozen=True, slots=True)
class Bookshop:
    """The host, served."""

    app: Flask
    url: str

    @property
    def console(self) -> str:
        return f"{self.url}/identity/console"

    def run(self, *command: str) -> dict[str, Any]:
        """``flask identity …``; gives what it printed as JSON."""
        result = self.app.test_cli_runner().invoke(args=["identity", *command, "--json"])
        assert result.exit_code == 0, f"flask identity {' '.join(command)}: {result.output}"
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def make_project(self, name: str) -> str:
        """A ready project; gives its slug."""
        organization = self.run("organizations", "create", "--name", f"{name} Ltd")
        project = self.run("projects", "create", "--organization", organization["id"], "--name", name)
        assert project["status"] == "ready", project
        slug: str = project["slug"]
        return slug

    def connect(self, slug: str, *, type: str, url: str, redirect_uri: str, **options: Any) -> Credentials:
        """Connect an app; ``options`` are the command's, with True for a flag."""
        arguments = []
        for name, value in options.items():
            arguments += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
        app = self.run(
            *("apps", "connect", "--project", slug, "--name", "Reading list", "--type", type),
            *("--url", url, "--redirect-uri", redirect_uri),
            *arguments,
        )
        return Credentials(app["issuer"], app["client_id"], app["client_secret"])


@contextmanager
def open_bookshop() -> Iterator[Bookshop]:
    """Serve a bookshop whose environment is set, with its port in the base URL."""
    app = create_app()
    settings = app.extensions["hanko_identity"].settings
    bookshop = Bookshop(app, settings.origin)
    try:
        result = app.test_cli_runner().invoke(args=["stock"])
        assert result.exit_code == 0, result.output
        bookshop.run("init")
        with serve(app, port=int(bookshop.url.rpartition(":")[2]), access_log=False):
            yield bookshop
    finally:
        with app.app_context():
            database = app.extensions["sqlalchemy"]
            database.session.remove()
            database.engine.dispose()


class DemoApp:
    """The demo relying party: its address is known before it is connected."""

    def __init__(self) -> None:
        self.port = free_port()
        # Cookies ignore ports, so it needs a name other than the provider's.
        self.url = f"http://rp.localhost:{self.port}"

    @contextmanager
    def serve(self, credentials: Credentials) -> Iterator[None]:
        """Run it as a client of the provider."""
        app = relying_party.create_app(
            SECRET_KEY="a secret key of the relying party for tests only",
            ISSUER=credentials.issuer,
            CLIENT_ID=credentials.client_id,
            CLIENT_SECRET=credentials.secret,
        )
        with serve(app, port=self.port, access_log=False):
            yield
