"""The bookshop, its demo relying party, and people."""

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import add_authenticator
from tests.journeys.bookshop import Bookshop
from tests.journeys.bookshop import DemoApp
from tests.journeys.bookshop import environment
from tests.journeys.bookshop import open_bookshop
from tests.journeys.people import WATCH_AUTOFILL
from tests.journeys.people import NewPerson
from tests.journeys.people import Person
from tests.servers import free_port


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, as a newcomer has it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bookshop.sqlite'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def bookshop(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bookshop]:
    """The example app, configured by ``FLASK_…`` variables, initialized by its commands, and served."""
    for name, value in environment(f"http://localhost:{free_port()}", empty_database_url).items():
        monkeypatch.setenv(name, value)
    with open_bookshop() as bookshop:
        yield bookshop


@pytest.fixture
def demo_app() -> DemoApp:
    """The relying party, not yet connected."""
    return DemoApp()


@pytest.fixture
def new_person(new_page: Callable[..., Page]) -> Iterator[NewPerson]:
    """Brings in somebody with a browser profile and an authenticator of their own."""
    people: list[Person] = []

    def make(email: str, **options: Any) -> Person:
        page = new_page(**options)
        page.add_init_script(WATCH_AUTOFILL)
        people.append(Person(email, page, add_authenticator(page)))
        return people[-1]

    yield make
    for person in people:
        # Shown if the test fails.
        print(person.what_is_on_screen())
