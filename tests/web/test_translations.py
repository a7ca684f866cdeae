"""Texts in the person's language, where the host has Flask-Babel and a catalogue; English elsewhere."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import request
from flask_babel import Babel

from flask_hanko_identity import text
from flask_hanko_identity.text import gettext
from flask_hanko_identity.text import lazy_gettext
from flask_hanko_identity.text import ngettext
from tests.sign_in import add_project

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

GERMAN: dict[str | tuple[str, ...], str | tuple[str, ...]] = {
    "Skip to the content": "Zum Inhalt springen",
    "There is no such page. Check the address.": "Diese Seite gibt es nicht.",
    "This request did not come from %(host)s. Open the page there and try again.": "Nicht von %(host)s.",
    ("%(num)d passkey", "%(num)d passkeys"): ("Ein Schlüssel", "%(num)d Schlüssel"),
}


def write_catalogue(folder: Path) -> None:
    """What ``pybabel compile`` would make of a translator's work."""
    catalogue = Catalog(locale="de", domain="hanko_identity")
    for message, translation in GERMAN.items():
        catalogue.add(message, translation)
    path = folder / "translations" / "de" / "LC_MESSAGES" / "hanko_identity.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalogue)


def with_babel(app, db):
    """A host that goes by what the browser asks for."""
    Babel(app, locale_selector=lambda: request.accept_languages.best_match(["en", "de"]))


@pytest.fixture
def german_host(app_factory, tmp_path):
    write_catalogue(tmp_path)
    app = app_factory(with_babel)
    with app.app_context():
        add_project(app, "shop")
    return app


def login_page(app, language):
    return app.test_client().get("/identity/shop/login", headers={"Accept-Language": language}).text


def test_a_page_speaks_the_language_of_the_catalogue(german_host):
    page = login_page(german_host, "de")

    assert "Zum Inhalt springen" in page
    assert '<html lang="de">' in page


def test_what_is_not_translated_stays_english(german_host):
    assert "Sign in" in login_page(german_host, "de")


def test_every_request_has_its_own_language(german_host):
    pages = [login_page(german_host, language) for language in ("de", "en", "de")]

    assert ["Zum Inhalt" in page for page in pages] == [True, False, True]
    assert '<html lang="en">' in pages[1]


def test_refusals_are_translated_with_their_values(german_host):
    response = german_host.test_client().post(
        "/identity/shop/sign-out", headers={"Accept-Language": "de", "Origin": "https://evil.example"}
    )

    assert "Nicht von localhost." in response.text


@pytest.mark.parametrize(("number", "said"), [(1, "Ein Schlüssel"), (3, "3 Schlüssel")])
def test_numbers_choose_their_form(german_host, number, said):
    with german_host.test_request_context(headers={"Accept-Language": "de"}):
        assert ngettext("%(num)d passkey", "%(num)d passkeys", number) == said


def test_lazy_texts_are_translated_when_they_are_shown(german_host):
    label = lazy_gettext("Skip to the content")

    with german_host.test_request_context(headers={"Accept-Language": "de"}):
        german = str(label)
    with german_host.test_request_context(headers={"Accept-Language": "en"}):
        english = str(label)

    assert (german, english) == ("Zum Inhalt springen", "Skip to the content")


def test_a_host_without_flask_babel_beside_one_with_it_stays_english(german_host, app_factory):
    plain = app_factory()

    assert "Zum Inhalt" in login_page(german_host, "de")
    assert "Zum Inhalt" not in login_page(plain, "de")
    assert '<html lang="en">' in login_page(plain, "de")


def test_flask_babel_may_be_added_after_us(app_factory, tmp_path):
    write_catalogue(tmp_path)
    app = app_factory()
    with_babel(app, None)
    with app.app_context():
        add_project(app, "shop")

    assert "Zum Inhalt springen" in login_page(app, "de")


def test_the_hosts_own_translations_are_not_ours(app_factory, tmp_path):
    catalogue = Catalog(locale="de")
    catalogue.add("Sign in", "Etwas anderes")
    folder = tmp_path / "translations" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)
    app = app_factory(with_babel)
    with app.app_context():
        add_project(app, "shop")

    assert "Etwas anderes" not in login_page(app, "de")


def test_outside_an_app_texts_are_as_written(database_url):
    assert gettext("Sign in to %(name)s", name="Shop") == "Sign in to Shop"
    assert ngettext("%(num)d app", "%(num)d apps", 2) == "2 apps"
    assert str(lazy_gettext("Allow")) == "Allow"
    assert text.lazy_gettext("%(n)s left") % {"n": 3} == "3 left"
