"""Your apps in the console: rows S8 to S15 of the product; threats C04, F05, F07, F08."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy import text

from flask_hanko_identity.storage import Base
from flask_hanko_identity.storage import Client
from tests.web.visitors import HOME
from tests.web.visitors import Page
from tests.web.visitors import sign_in


@pytest.fixture
def ada(app):
    return sign_in(app)


@pytest.fixture
def slug(ada):
    return ada.create_project("Shop")


@pytest.fixture
def bookshop(app, ada, slug):
    """The client_id of a connected web app."""
    ada.connect_app(slug)
    return only_client(app).client_id


def only_client(app):
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        client = session.scalars(select(Client)).one()
        client.redirect_uris, client.secrets  # noqa: B018 - loads them
        return client


def clients(app):
    with app.app_context():
        return list(app.extensions["hanko_identity"].session.scalars(select(Client)))


def uris(client, kind):
    return [each.uri for each in client.redirect_uris if each.kind == kind]


def secret_on(page):
    return page.output("client-secret")


def everything_stored(app):
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        return repr(
            [session.execute(text(f"SELECT * FROM {name}")).all() for name in Base.metadata.tables]  # noqa: S608
        )


def test_the_form_has_the_fields_of_the_product(ada, slug):
    page = ada.get(f"/projects/{slug}/apps/connect")

    names = [name for name, _ in page.form().fields]
    assert names == ["submission", "csrf_token", "name", "application_type", "application_uri", "redirect_uri"]
    assert page.form().value("application_type") == "web"
    for label in ("Application Name", "Application Type", "Application URL or package name", "Login Redirect URL"):
        assert label in page.text


def test_a_web_app_gets_a_secret_that_is_shown_once(app, ada, slug, canaries):
    page = ada.connect_app(slug)

    assert page.status == 200
    secret = secret_on(page)
    canaries.add(secret)
    client = only_client(app)
    assert client.client_id in page.html
    assert f"OIDC_CLIENT_SECRET={secret}" in page.html
    assert len(secret) == 43
    assert secret not in everything_stored(app)
    for path in ("", "/apps", f"/apps/{client.client_id}", f"/apps/{client.client_id}/secrets"):
        assert secret not in ada.get(f"/projects/{slug}{path}").html


def test_the_page_with_the_secret_is_never_stored(ada, slug):
    form = ada.get(f"/projects/{slug}/apps/connect").form()

    response = ada.client.post(
        f"{HOME}/projects/{slug}/apps/connect",
        data=form.filled(name="Shop", application_uri="https://rp.example", redirect_uri="https://rp.example/cb"),
    )

    assert response.headers["Cache-Control"] == "no-store"


def test_a_reload_of_that_page_shows_the_settings_instead(app, ada, slug):
    form = ada.get(f"/projects/{slug}/apps/connect").form()
    data = form.filled(name="Shop", application_uri="https://rp.example", redirect_uri="https://rp.example/cb")
    ada.client.post(f"{HOME}/projects/{slug}/apps/connect", data=data)

    again = ada.client.post(f"{HOME}/projects/{slug}/apps/connect", data=data)

    assert again.status_code == 303
    assert again.headers["Location"].startswith(f"{HOME}/projects/{slug}/apps/{only_client(app).client_id}?")
    assert "not shown twice" in Page(ada.client.get(again.headers["Location"])).text


def test_a_native_app_has_no_secret(app, ada, slug):
    page = ada.connect_app(
        slug,
        application_type="native",
        application_uri="com.example.app",
        redirect_uri="com.example.app:/callback",
    )

    assert page.status == 200
    assert "client-secret" not in page.html
    client = only_client(app)
    assert (client.token_endpoint_auth_method, client.require_pkce, client.secrets) == ("none", True, [])
    settings = ada.get(f"/projects/{slug}/apps/{client.client_id}")
    assert "Client secrets" not in settings.text
    assert ada.client.get(f"{HOME}/projects/{slug}/apps/{client.client_id}/secrets").status_code == 200
    refused = ada.send(f"/projects/{slug}/apps/{client.client_id}/secrets")
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        pytest.param({"name": ""}, "name", "Give the app a name", id="no name"),
        pytest.param({"name": "a\u202eb"}, "name", "U+202E", id="name that turns around"),
        pytest.param({"application_uri": "https://RP.example"}, "application_uri", "lower case", id="capital letters"),
        pytest.param(
            {"application_type": "native", "application_uri": "com.Example.app"},
            "application_uri",
            "lower case",
            id="capital in a package name",
        ),
        pytest.param({"application_uri": "javascript:alert(1)"}, "application_uri", "cannot be used", id="script"),
        pytest.param({"application_type": "spa"}, "application_type", "Choose one of these", id="unknown type"),
        pytest.param({"redirect_uri": ""}, "redirect_uri", "come back to", id="no redirect URL"),
        pytest.param({"redirect_uri": "http://rp.example/cb"}, "redirect_uri", "https", id="plain http"),
        pytest.param({"redirect_uri": "https://rp.example/cb#"}, "redirect_uri", "fragment", id="fragment"),
        pytest.param({"redirect_uri": "https://rp.example@evil.test"}, "redirect_uri", "@", id="user name"),
        pytest.param({"redirect_uri": "https://rp.example/cb?code=1"}, "redirect_uri", "code", id="reserved"),
        pytest.param({"redirect_uri": "https://rp.example/\0"}, "redirect_uri", "invisible", id="NUL"),
        pytest.param({"redirect_uri": "https://rp.example/" + "a" * 2000}, "redirect_uri", "2000", id="long"),
    ],
)
def test_a_faulty_app_is_refused_at_the_field(app, ada, slug, values, field, says):
    page = ada.connect_app(slug, **values)

    assert page.status == 422
    found = re.search(rf'id="{field}-error">(.*?)</p>', page.html, re.DOTALL)
    assert found is not None
    assert says in found[1]
    assert clients(app) == []


def test_all_faults_are_shown_at_once(ada, slug):
    page = ada.connect_app(slug, name="", application_uri="https://RP.example", redirect_uri="https://x/#")

    assert [field for field in ("name", "application_uri", "redirect_uri") if f'id="{field}-error"' in page.html]
    assert page.html.count('aria-invalid="true"') == 3


def test_settings_are_saved(app, ada, slug, bookshop):
    response = ada.send(
        f"/projects/{slug}/apps/{bookshop}",
        name="Books",
        application_uri="https://books.example",
        redirect_uris=["https://books.example/a", "", "https://books.example/b", "https://books.example/a"],
        post_logout_redirect_uris=["https://books.example/bye"],
        token_endpoint_auth_method="client_secret_post",
        id_token_signed_response_alg="ES256",
        refresh_tokens="y",
        first_party="y",
        require_pkce=None,
    )

    assert response.status_code == 303
    assert "The settings are saved." in Page(ada.client.get(response.headers["Location"])).text
    client = only_client(app)
    assert (client.name, client.application_uri) == ("Books", "https://books.example")
    assert uris(client, "login") == ["https://books.example/a", "https://books.example/b"]
    assert uris(client, "logout") == ["https://books.example/bye"]
    assert client.token_endpoint_auth_method == "client_secret_post"
    assert client.id_token_signed_response_alg == "ES256"
    assert (client.refresh_tokens, client.first_party, client.require_pkce) == (True, True, False)


def test_settings_as_they_were_change_nothing(app, ada, slug, bookshop):
    before = everything_stored(app)

    response = ada.send(f"/projects/{slug}/apps/{bookshop}")

    assert response.headers["Location"].endswith("done=unchanged")
    assert everything_stored(app) == before


@pytest.mark.parametrize(
    ("values", "says"),
    [
        pytest.param({"redirect_uris": [""]}, "at least one address", id="none left"),
        pytest.param({"redirect_uris": ["https://a.example/#x"]}, "fragment", id="fragment"),
        pytest.param({"post_logout_redirect_uris": ["http://a.example/"]}, "must be https", id="logout by http"),
        pytest.param({"redirect_uris": ["https://a.example/\0"]}, "invisible", id="NUL"),
        pytest.param({"redirect_uris": ["https://a.example/"] * 51}, "", id="many alike"),
        pytest.param({"redirect_uris": [f"https://a.example/{n}" for n in range(51)]}, "at most 50", id="too many"),
        pytest.param({"token_endpoint_auth_method": "none"}, "Choose one of these", id="no authentication"),
        pytest.param({"id_token_signed_response_alg": "none"}, "Choose one of these", id="unsigned"),
        pytest.param({"application_uri": "https://Shop.example"}, "lower case", id="capital letters"),
    ],
)
def test_faulty_settings_are_refused_and_kept_on_the_page(app, ada, slug, bookshop, values, says):
    before = everything_stored(app)

    page = Page(ada.send(f"/projects/{slug}/apps/{bookshop}", **values))

    if not says:
        assert page.status == 303
        return
    assert page.status == 422
    assert says in page.text
    assert everything_stored(app) == before


def test_rows_are_added_and_removed_without_a_script(app, ada, slug, bookshop):
    path = f"/projects/{slug}/apps/{bookshop}"
    before = everything_stored(app)

    added = Page(ada.send(path, name="Unsaved", action="add:redirect_uris"))
    removed = Page(ada.send(path, redirect_uris=["https://a/1", "https://a/2"], action="remove:redirect_uris:0"))

    assert added.status == removed.status == 200
    assert added.form().value("name") == "Unsaved"
    assert added.html.count('name="redirect_uris"') == 2
    assert [value for name, value in removed.form().fields if name == "redirect_uris"] == ["https://a/2"]
    assert everything_stored(app) == before


@pytest.mark.parametrize("action", ["", "remove:redirect_uris:²", "remove:name:0", "add:secrets", "x" * 5000])
def test_an_unknown_button_changes_nothing(app, ada, slug, bookshop, action):
    before = everything_stored(app)

    response = ada.send(f"/projects/{slug}/apps/{bookshop}", name="Other", action=action)

    assert response.status_code == 200
    assert everything_stored(app) == before


def test_fields_that_are_not_on_the_form_are_ignored(app, ada, slug, bookshop):
    before = only_client(app)
    extra = {
        name: "evil"
        for name in ("id", "client_id", "project_id", "submission", "secrets", "digest", "created_at", "issuer", "role")
    }

    ada.send(f"/projects/{slug}/apps/{bookshop}", **extra, application_type="native", rotate_refresh_tokens="")

    after = only_client(app)
    for name in Client.__table__.columns.keys():
        assert getattr(after, name) == getattr(before, name)


def test_a_further_secret_may_leave_the_old_one_alone(app, ada, slug, bookshop):
    page = Page(ada.send(f"/projects/{slug}/apps/{bookshop}/secrets", label="staging"))

    secret = secret_on(page)
    old, new = only_client(app).secrets
    assert (old.expires_at, new.label, new.last4) == (None, "staging", secret[-4:])
    settings = ada.get(f"/projects/{slug}/apps/{bookshop}")
    assert secret not in settings.html
    assert f"…{secret[-4:]}" in settings.text


@pytest.mark.parametrize(("keep", "hours"), [("day", 24), ("end", 0)])
def test_a_further_secret_may_end_the_old_one(app, ada, slug, bookshop, clock, keep, hours):
    ada.send(f"/projects/{slug}/apps/{bookshop}/secrets", keep_old=keep)

    old, new = only_client(app).secrets
    assert (old.expires_at - clock()).total_seconds() == hours * 3600
    assert new.expires_at is None


def test_a_secret_form_sent_twice_makes_one_secret(app, ada, slug, bookshop):
    path = f"{HOME}/projects/{slug}/apps/{bookshop}/secrets"
    form = ada.get(f"/projects/{slug}/apps/{bookshop}/secrets").form()

    first, second = (ada.client.post(path, data=form.filled()) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 303)
    assert first.headers["Cache-Control"] == "no-store"
    assert len(only_client(app).secrets) == 2


def test_a_secret_is_revoked(app, ada, slug, bookshop, clock):
    secret = only_client(app).secrets[0]

    response = ada.send(f"/projects/{slug}/apps/{bookshop}", form="/revoke", secret_id=str(secret.id))

    assert response.status_code == 303
    assert only_client(app).secrets[0].expires_at == clock()
    assert "ended" in ada.get(f"/projects/{slug}/apps/{bookshop}").text


@pytest.mark.parametrize("secret_id", ["", "0", "²", "-1", "9" * 5000, "1\0"])
def test_a_secret_that_is_not_there_is_not_revoked(app, ada, slug, bookshop, secret_id):
    response = ada.send(f"/projects/{slug}/apps/{bookshop}", form="/revoke", secret_id=secret_id)

    assert response.status_code == 404
    assert only_client(app).secrets[0].expires_at is None


def test_all_endpoints_are_listed_as_discovery_has_them(ada, slug, bookshop):
    document = ada.client.get(f"/identity/{slug}/.well-known/openid-configuration").json

    page = ada.get(f"/projects/{slug}/apps/{bookshop}")

    urls = [url for name, url in document.items() if name.endswith(("_endpoint", "_uri")) or name == "issuer"]
    assert len(urls) == 8
    for url in urls:
        assert f">{url}</output>" in page.html


def test_an_app_is_deleted_once_its_name_is_typed(app, ada, slug, bookshop):
    path = f"/projects/{slug}/apps/{bookshop}/delete"

    refused = ada.send(path, typed_name="bookshop")
    done = ada.send(path, typed_name="Bookshop")

    assert refused.status_code == 422
    assert "That is not the name" in refused.text
    assert done.status_code == 303
    assert clients(app) == []


def test_names_of_apps_show_as_text(ada, slug):
    evil = "</title><img src=x onerror=alert(1)>"
    page = ada.connect_app(slug, name=evil)

    for html in (page.html, ada.get(f"/projects/{slug}/apps").html):
        assert "<img" not in html
        assert "&lt;img src=x" in html
