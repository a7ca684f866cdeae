"""Make sure that the programs the tests need and no wheel brings are there: Chromium, and Redis if need be.

Run by ``make test``. Nothing is installed system-wide unless we are root or have sudo without a password.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Sequence

from tests.chromium import find_chromium
from tests.servers import redis_binary

PLAYWRIGHT_INSTALL = [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]
APT_INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends"]


def main() -> int:
    """Exit status zero when all is there."""
    chromium = find_chromium() or _after(_download_chromium, find_chromium)
    chromium = chromium or _after(lambda: _install_package("chromium"), find_chromium)
    redis = redis_binary() or _after(lambda: _install_package("redis-server"), redis_binary)
    if not chromium:
        _say("The tests need Chromium or Chrome on PATH; on Debian: apt-get install chromium")
    if not redis:
        _say("The tests need redis-server on PATH; on Debian: apt-get install redis-server")
    return 0 if chromium and redis else 1


def _after(install: Callable[[], None], find: Callable[[], str | None]) -> str | None:
    install()
    return find()


def _download_chromium() -> None:
    _say("No Chromium here; asking Playwright for its own.")
    _run(PLAYWRIGHT_INSTALL, env={**os.environ, "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"})


def _install_package(name: str) -> None:
    administrator = _administrator()
    if administrator is None or not shutil.which("apt-get"):
        return
    _say(f"Installing the package {name}.")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    _run([*administrator, *environment, "apt-get", "update", "--quiet"])
    _run([*administrator, *environment, *APT_INSTALL, name])


def _administrator() -> list[str] | None:
    """What to put before a command to run it as root."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None


def _run(command: Sequence[str], *, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        _say("\n".join([f"{' '.join(command)} failed:", *done.stdout.splitlines()[-5:]]))


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
