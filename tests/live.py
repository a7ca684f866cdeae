"""Apps behind real sockets."""

import io
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler
from werkzeug.serving import make_server

from tests.servers import ServerFailed
from tests.servers import free_port
from tests.servers import wait_until

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ROOT = Path(__file__).resolve().parent.parent


class SilentHandler(WSGIRequestHandler):
    """Keeps no access log, as a relying party's would hold authorization codes."""

    def log(self, type: str, message: str, *args: object) -> None:
        pass


@contextmanager
def serve(
    app: "WSGIApplication", *, name: str = "localhost", port: int | None = None, access_log: bool = True
) -> Iterator[str]:
    """Run ``app`` in threads of this process; gives its URL.

    ``name`` may be any name under ``localhost``: cookies ignore ports, so provider and
    relying party need different ones. Take ``port`` from ``free_port`` to know it beforehand.
    """
    port = port or free_port()
    handler = WSGIRequestHandler if access_log else SilentHandler
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://{name}:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(slots=True)
class Gunicorn:
    """A server with its own processes."""

    url: str
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    @property
    def stderr(self) -> str:
        """All it wrote so far; complete once the context has ended."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")


@contextmanager
def serve_with_gunicorn(
    target: str,
    *,
    workers: int = 2,
    env: Mapping[str, str] | None = None,
    name: str = "localhost",
    port: int | None = None,
) -> Iterator[Gunicorn]:
    """Run ``target``, such as ``"example:create_app()"``, in several processes."""
    port = port or free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*command, "--no-control-socket", target],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=output,
            stderr=output,
        )
        server = Gunicorn(f"http://{name}:{port}", process, output)
        try:
            ready = wait_until(lambda: process.poll() is not None or _answers(port))
            if not ready or process.poll() is not None:
                raise ServerFailed(f"gunicorn does not answer.\n{server.stderr}")
            yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            server.log = io.BytesIO(server.stderr.encode())


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True
