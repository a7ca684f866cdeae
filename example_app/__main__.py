"""``make run``: the bookshop at http://localhost:8000 and the demo relying party at http://127.0.0.1:8001."""

import json
import logging
import os
import sys
from threading import Thread
from typing import Any

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import BaseWSGIServer
from werkzeug.serving import make_server

from . import INSTANCE
from . import create_app
from . import relying_party

HOST_PORT = int(os.environ.get("HOST_PORT", "8000"))
RELYING_PARTY_PORT = int(os.environ.get("RELYING_PARTY_PORT", "8001"))


def main() -> None:
    """Prepare the database, connect the demo relying party twice, and serve both until Ctrl-C."""
    host_url = f"http://localhost:{HOST_PORT}"
    relying_party_url = f"http://127.0.0.1:{RELYING_PARTY_PORT}"
    app = create_app(HANKO_IDENTITY_BASE_URL=f"{host_url}/identity")
    _run(app, "stock")
    _run(app, "identity", "init")
    readers = _connect_demo(app, relying_party_url, "Bookshop readers", "identity")
    customers = _connect_demo(app, f"{relying_party_url}/customers", "Bookshop customers", "host")
    demo = DispatcherMiddleware(
        _relying_party(app, readers, "readers"), {"/customers": _relying_party(app, customers, "customers")}
    )
    servers = [_listen("localhost", HOST_PORT, app), _listen("127.0.0.1", RELYING_PARTY_PORT, demo)]
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    print(
        f"""
  The bookshop              {host_url}/
  Its console, sign up at   {host_url}/identity/console/signup
  The demo app, sign in at  {relying_party_url}/
    with a passkey of the project "Bookshop readers" ({readers["issuer"]})
  and at                    {relying_party_url}/customers/
    with an account of the bookshop itself: project "Bookshop customers" ({customers["issuer"]})

  Open the addresses just as they stand here: a passkey belongs to a host name. Ctrl-C stops.
""",
        flush=True,
    )
    threads = [Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        print("Stopped.")


def _relying_party(app: Flask, connected: dict[str, Any], name: str) -> Flask:
    return relying_party.create_app(
        SECRET_KEY=f"{app.config['SECRET_KEY']} of the relying party of {name}",
        SESSION_COOKIE_NAME=f"relying_party_{name}",
        ISSUER=connected["issuer"],
        CLIENT_ID=connected["client_id"],
        CLIENT_SECRET=connected["client_secret"],
    )


def _connect_demo(app: Flask, url: str, name: str, project_type: str) -> dict[str, Any]:
    """Make the demo's organization, project and app at the first start; later ones read what was kept."""
    kept = INSTANCE / ("demo_app.json" if project_type == "identity" else f"demo_app_{project_type}.json")
    if kept.exists():
        connected: dict[str, Any] = json.loads(kept.read_text())
        if connected["issuer"].startswith(app.config["HANKO_IDENTITY_BASE_URL"]) and connected["url"] == url:
            return connected
    organization = _run(app, "identity", "organizations", "create", "--name", "The Bookshop")
    project = _run(
        app,
        *("identity", "projects", "create", "--organization", organization["id"], "--name", name),
        *("--type", project_type),
    )
    connected = _run(
        app,
        *("identity", "apps", "connect", "--project", project["slug"], "--name", "Reading list"),
        *("--type", "web", "--url", url, "--redirect-uri", f"{url}/callback", "--logout-uri", f"{url}/"),
        "--refresh-tokens",
    )
    kept.touch(mode=0o600)
    kept.write_text(json.dumps({**connected, "url": url}))
    return connected


def _run(app: Flask, *command: str) -> dict[str, Any]:
    """Run one of the app's commands, as a script would; ours answer in JSON."""
    arguments = [*command, "--json"] if command[0] == "identity" else [*command]
    result = app.test_cli_runner().invoke(args=arguments)
    if result.exit_code:
        sys.exit(f"flask {' '.join(command)} failed: {result.output or result.exception}")
    answer: dict[str, Any] = json.loads(result.stdout) if command[0] == "identity" else {}
    return answer


def _listen(host: str, port: int, app: Any) -> BaseWSGIServer:
    try:
        return make_server(host, port, app, threaded=True)
    except (OSError, SystemExit):
        sys.exit(f"Port {port} is in use. Set HOST_PORT or RELYING_PARTY_PORT to another.")


if __name__ == "__main__":
    main()
