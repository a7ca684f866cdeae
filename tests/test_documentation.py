"""The documentation lists what there is, and its links lead somewhere."""

import inspect
import re
from pathlib import Path

import click
import pytest
from blinker import NamedSignal

from flask_hanko_identity import signals
from flask_hanko_identity.cli import make_commands
from flask_hanko_identity.protocol.metadata import ENDPOINTS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])


def first_column(page: str) -> list[str]:
    """What stands in code in the first column of the page's tables."""
    return re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE)


def commands(group: click.Group, prefix: str = "") -> set[str]:
    found = set()
    for name, command in group.commands.items():
        found |= commands(command, f"{prefix}{name} ") if isinstance(command, click.Group) else {prefix + name}
    return found


def test_every_command_is_listed_and_no_other():
    assert set(first_column("command-line.md")) == commands(make_commands())


def test_every_signal_is_listed_with_what_it_carries():
    documented = re.findall(r"#: .*?((?:``\w+``(?:, )?)+)\.\n(\w+) = ", inspect.getsource(signals))
    carried = {name: re.findall(r"\w+", values) for values, name in documented}
    text = (ROOT / "docs" / "hooks-and-signals.md").read_text(encoding="utf-8")
    listed = {
        name: re.findall(r"`(\w+)`", values) for name, values in re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", text, re.M)
    }

    assert set(listed) == {name for name, value in vars(signals).items() if isinstance(value, NamedSignal)}
    assert listed == carried


def test_every_endpoint_is_listed():
    text = (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| [\w ]+ \| `/([\w-]+)` \|", text, re.M)) == set(ENDPOINTS.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [each for each in targets if "://" not in each and not (page.parent / each).exists()]

    assert missing == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_a_page_is_short_and_found_from_the_first(page):
    text = page.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 110
    assert page.name == "index.md" or f"({page.name})" in (page.parent / "index.md").read_text(encoding="utf-8")
