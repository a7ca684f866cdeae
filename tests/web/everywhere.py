"""A walk through everything that the extension serves."""

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.sign_in import Visitor
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.web import visitors

STATIC = ("hanko_static.", "hanko_brand.")
METADATA = ("hanko_oidc.discovery", "hanko_oidc.jwks", "hanko_well_known.")


@dataclass(frozen=True)
class Answer:
    """What one endpoint of ours said."""

    endpoint: str
    request: str
    response: TestResponse

    @property
    def is_page(self) -> bool:
        return self.response.mimetype == "text/html" and self.response.status_code not in (301, 302, 303, 308)

    @property
    def may_be_kept(self) -> bool:
        """Whether it is a static file or metadata, the only things that others may keep."""
        return self.endpoint.startswith((*STATIC, *METADATA)) and self.response.status_code == 200

    def __str__(self) -> str:
        return f"{self.request} {self.response.status_code}"


def walk(app: Flask) -> list[Answer]:
    """Every endpoint by every method, as a stranger and signed in, after a whole sign-in at a relying party."""
    make_tenant(app)
    person = visitors.sign_in(app)
    if app.extensions["hanko_identity"].settings.secure:
        cookie = person.client.get_cookie("hanko_identity-console")
        assert cookie is not None
        person.client.set_cookie("__Host-hanko_identity-console", cookie.value)
    slug = person.create_project("Club")
    shopper = Visitor(app.test_client())
    answers = [
        Answer("hanko_login.signup_finish", "sign-up", shopper.sign_up()),
        Answer("hanko_login.login", "page", shopper.open("profile")),
        Answer("hanko_login.sign_out", "sign-out", shopper.submit("sign-out")),
        Answer("hanko_login.login_finish", "sign-in", shopper.sign_in()),
    ]
    relying_party = connect(app, browser=shopper.client, first_party=False)
    answers.append(Answer("hanko_oidc.authorize", "to consent", relying_party.authorize()))
    consent = shopper.client.get(answers[-1].response.headers["Location"])
    answers.append(Answer("hanko_oidc.resume", "consent", consent))
    values = {
        "slug": slug,
        "organization_id": person.organization_id,
        "client_id": "unknown",
        "address_id": 1,
        "passkey_id": 1,
        "session_id": 1,
        "sid": "unknown",
        "secret": "x" * 43,
        "filename": "identity.css",
    }
    for client in (app.test_client(), person.client):
        answers += _everything(app, client, values)
    answers += _everything(app, shopper.client, {**values, "slug": "shop", "filename": "unknown.css"})
    hint = {"id_token_hint": "unknown"}
    leave = shopper.client.get("/identity/shop/logout", query_string=hint)
    answers.append(Answer("hanko_oidc.end_session", "logout", leave))
    return answers


def _everything(app: Flask, client: FlaskClient, values: dict[str, Any]) -> list[Answer]:
    answers = []
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("hanko_"):
            continue
        path = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}, force_external=False)
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            if rule.endpoint.endswith((".sign_out", ".delete_app")) and method == "POST":
                continue
            response = client.open(path, method=method, data={} if method == "POST" else None, buffered=True)
            answers.append(Answer(rule.endpoint, f"{method} {path}", response))
    return answers
