"""Who may reach what in the console: threats B07, F01, F03."""

import re

import pytest
from sqlalchemy import text

from flask_hanko_identity.storage import Base
from flask_hanko_identity.storage.organizations import Role
from tests.web.visitors import HOME
from tests.web.visitors import add_member
from tests.web.visitors import sign_in

IDENTIFIED = [
    ("GET", "/organizations/{organization}"),
    ("GET", "/organizations/{organization}/settings"),
    ("POST", "/organizations/{organization}/settings"),
    ("GET", "/organizations/{organization}/projects/new"),
    ("POST", "/organizations/{organization}/projects/new"),
    ("GET", "/projects/{project}"),
    ("GET", "/projects/{project}/status"),
    ("POST", "/projects/{project}/retry"),
    ("GET", "/projects/{project}/settings"),
    ("POST", "/projects/{project}/settings"),
    ("GET", "/projects/{project}/brand"),
    ("POST", "/projects/{project}/brand"),
    ("GET", "/projects/{project}/sign-in"),
    ("POST", "/projects/{project}/sign-in"),
    ("GET", "/projects/{project}/apps"),
    ("GET", "/projects/{project}/apps/connect"),
    ("POST", "/projects/{project}/apps/connect"),
    ("GET", "/projects/{project}/apps/{client}"),
    ("POST", "/projects/{project}/apps/{client}"),
    ("GET", "/projects/{project}/apps/{client}/secrets"),
    ("POST", "/projects/{project}/apps/{client}/secrets"),
    ("POST", "/projects/{project}/apps/{client}/secrets/revoke"),
    ("GET", "/projects/{project}/apps/{client}/delete"),
    ("POST", "/projects/{project}/apps/{client}/delete"),
]
FOR_MEMBERS = {
    "/organizations/{organization}",
    "/organizations/{organization}/settings",
    "/projects/{project}",
    "/projects/{project}/status",
    "/projects/{project}/settings",
    "/projects/{project}/brand",
    "/projects/{project}/sign-in",
    "/projects/{project}/apps",
    "/projects/{project}/apps/{client}",
}
"""What members may look at."""

FILLED = {
    "name": "Taken over",
    "accent": "#000000",
    "background": "#ffffff",
    "corners": "square",
    "type": "identity",
    "application_type": "web",
    "application_uri": "https://evil.example",
    "redirect_uri": "https://evil.example/cb",
    "redirect_uris": ["https://evil.example/cb"],
    "id_token_signed_response_alg": "RS256",
    "token_endpoint_auth_method": "client_secret_basic",
    "typed_name": "Taken over",
    "keep_old": "end",
}


@pytest.fixture
def ada(app):
    return sign_in(app)


@pytest.fixture
def names(ada):
    """Of an organization, a project and a client that are Ada's."""
    slug = ada.create_project("Shop")
    page = ada.connect_app(slug)
    return {"organization": ada.organization_id, "project": slug, "client": page.output("client-id")}


@pytest.fixture
def eve(app, ada):
    return sign_in(app, "eve@example.com")


def stored(app):
    with app.app_context():
        session = app.extensions["hanko_identity"].session
        return repr(
            [session.execute(text(f"SELECT * FROM {name}")).all() for name in Base.metadata.tables]  # noqa: S608
        )


def ask(visitor, method, path, token):
    data = {**FILLED, "csrf_token": token} if method == "POST" else None
    return visitor.client.open(HOME + path, method=method, data=data)


def without_numbers(response, *names):
    body = re.sub(r"[0-9a-f]{12}</code>", "</code>", response.text)
    for name in names:
        body = body.replace(name, "…")
    return body


def test_the_matrix_knows_every_address(app):
    rules = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", "{}", rule.rule.removeprefix(HOME)))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("hanko_console.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    known = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in IDENTIFIED}
    assert rules - known == {("GET", "/"), ("GET", "/organizations/new"), ("POST", "/organizations/new")}


def test_a_stranger_cannot_tell_it_from_what_is_not_there(app, eve, names):
    token = eve.token()
    missing = {"organization": "0" * 17, "project": "nothing", "client": "0" * 22}
    before = stored(app)

    for method, path in IDENTIFIED:
        theirs = ask(eve, method, path.format(**names), token)
        nothing = ask(eve, method, path.format(**missing), token)

        assert (theirs.status_code, nothing.status_code) == (404, 404), (method, path)
        assert without_numbers(theirs) == without_numbers(nothing)
    assert stored(app) == before


def test_an_app_is_not_reached_through_another_project(app, eve, names):
    own = eve.create_project("Eve's")
    token = eve.token()
    before = stored(app)

    for method, path in IDENTIFIED:
        if "{client}" in path:
            assert ask(eve, method, path.format(**{**names, "project": own}), token).status_code == 404
    assert stored(app) == before


def test_the_consoles_own_project_is_not_managed(app, eve):
    for method, path in IDENTIFIED:
        if "{project}" in path:
            path = path.format(project="console", client="0")
            assert ask(eve, method, path, eve.token()).status_code == 404


def test_a_member_may_look_and_nothing_else(app, ada, eve, names):
    add_member(app, eve, ada.organization_id, Role.MEMBER)
    token = eve.token()
    before = stored(app)

    for method, path in IDENTIFIED:
        response = ask(eve, method, path.format(**names), token)

        assert response.status_code == (200 if method == "GET" and path in FOR_MEMBERS else 403), (method, path)
        if response.status_code == 200 and response.mimetype == "text/html":
            posts = re.findall(r'<form[^>]+method="post"[^>]*action="([^"]*)"', response.text)
            assert posts == [HOME + "/sign-out"], path
            assert "Create new project" not in response.text
            assert "Connect app<" not in response.text
    assert stored(app) == before


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OWNER])
def test_an_admin_may_do_all_of_it(app, ada, eve, names, role):
    add_member(app, eve, ada.organization_id, role)
    token = eve.token()

    for method, path in IDENTIFIED:
        response = ask(eve, method, path.format(**names), token)

        if path.endswith("/revoke"):  # names no secret
            assert response.status_code == 404
        else:
            assert response.status_code in (200, 303), (method, path, response.text)


def test_nothing_is_changed_without_a_token(app, ada, names):
    before = stored(app)

    for method, path in IDENTIFIED:
        if method == "POST":
            for data in (FILLED, {**FILLED, "csrf_token": ""}, {**FILLED, "csrf_token": "a" * 43}):
                response = ada.client.post(HOME + path.format(**names), data=data)
                assert response.status_code == 403, path
    assert ada.client.post(HOME + "/organizations/new", data=FILLED).status_code == 403
    assert stored(app) == before


def test_nothing_is_changed_with_another_persons_token_or_from_another_site(app, ada, eve, names):
    before = stored(app)
    form = {**FILLED, "csrf_token": ada.token()}
    path = f"{HOME}/projects/{names['project']}/settings"

    assert ada.client.post(path, data={**FILLED, "csrf_token": eve.token()}).status_code == 403
    assert ada.client.post(path, data=form, headers={"Origin": "https://evil.test"}).status_code == 403
    assert ada.client.post(path, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert stored(app) == before


def test_looking_changes_nothing(app, ada, names):
    before = stored(app)

    for method, path in IDENTIFIED:
        if method == "GET":
            for headers in ({}, {"X-HTTP-Method-Override": "POST"}):
                response = ada.client.get(HOME + path.format(**names), headers=headers)
                assert response.status_code == 200
    assert stored(app) == before


def test_an_ended_session_opens_nothing(app, ada, names):
    path = f"/projects/{names['project']}"
    ada.send(path, form="/sign-out")
    before = stored(app)

    page = ada.client.get(HOME + path)
    status = ada.client.get(HOME + path + "/status")
    posted = ada.client.post(HOME + path + "/settings", data=FILLED)

    assert (page.status_code, posted.status_code) == (303, 303)
    assert page.headers["Location"] == posted.headers["Location"] == HOME + "/login"
    assert (status.status_code, status.json["error"]) == (401, "login_required")
    assert stored(app) == before


@pytest.mark.parametrize("name", ["%00", "%ff", "a" * 1000, "%ed%a0%80", "..%2f", "'--", "%E2%80%AE"])
def test_strange_addresses_are_not_there(ada, name):
    for path in (f"/organizations/{name}", f"/projects/{name}", f"/projects/{name}/apps/{name}"):
        assert ada.client.get(HOME + path).status_code == 404


def test_every_page_and_refusal_is_safe_to_show(ada, names):
    for path in (f"/projects/{names['project']}", "/projects/nothing", "/organizations/new"):
        headers = ada.client.get(HOME + path).headers

        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
