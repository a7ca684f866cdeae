"""``flask identity …`` for tests: fixtures that run it, for the modules that import them."""

import json
from typing import Any

import pytest


@pytest.fixture
def run(app):
    """Runs a command with ``--json`` and gives its one object."""

    def call(*arguments: str, exit_code: int = 0, app=app) -> Any:
        result = app.test_cli_runner().invoke(args=["identity", *arguments, "--json"])
        assert result.exit_code == exit_code, result.output
        assert result.stderr == ""
        assert len(result.stdout.splitlines()) == 1
        return json.loads(result.stdout)

    return call


@pytest.fixture
def say(app):
    """Runs a command without ``--json``; gives exit code, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        result = app.test_cli_runner().invoke(args=["identity", *arguments])
        return result.exit_code, result.stdout, result.stderr

    return call


@pytest.fixture
def shop(run):
    organization = run("organizations", "create", "--name", "Acme")
    return run("projects", "create", "--organization", organization["id"], "--name", "Shop")


def findings(report, level):
    return {each["subject"]: each["message"] for each in report["findings"] if each["level"] == level}
