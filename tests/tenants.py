"""Ready tenants with users and apps for the tests of the protocol, and a relying party that speaks plain HTTP."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from functools import cache
from typing import Any
from typing import TypeVar
from urllib.parse import parse_qs
from urllib.parse import parse_qsl
from urllib.parse import urlsplit

import jwt as pyjwt
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import OKPAlgorithm
from sqlalchemy import insert
from werkzeug.test import TestResponse

from flask_hanko_identity.flows.clients import connect_client
from flask_hanko_identity.flows.context import Context
from flask_hanko_identity.flows.login_sessions import open_session
from flask_hanko_identity.flows.unit_of_work import transaction
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.protocol.passkeys import DEVICE_BOUND
from flask_hanko_identity.protocol.passkeys import Assurance
from flask_hanko_identity.protocol.signing import ALGORITHMS
from flask_hanko_identity.protocol.signing import NewKey
from flask_hanko_identity.protocol.signing import generate
from flask_hanko_identity.storage import Client
from flask_hanko_identity.storage import SigningKey
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.clients import find_client
from tests.management import make_context
from tests.sign_in import add_project

T = TypeVar("T")

PREFIX = "/identity"

# PyJWT knows the algorithm, but not yet by the name that RFC 9864 gave it.
pyjwt.register_algorithm("Ed25519", OKPAlgorithm())

ADA: dict[str, Any] = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "middle_name": "King",
    "nickname": "Ada",
    "preferred_username": "ada",
    "profile": "https://example.com/ada",
    "picture": "https://example.com/ada.png",
    "website": "https://example.com/",
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "address": {"formatted": "12 St James's Square, London", "country": "GB"},
    "phone_number": "+44 20 7946 0000",
    "phone_number_verified": False,
}
"""Every standard claim that a user can have besides e-mail."""


@cache
def _key_pair(algorithm: str, number: int) -> NewKey:
    """One pair for all tests of this process: making an RSA key takes longer than most tests."""
    return generate(algorithm)


def make_tenant(app: Flask, slug: str = "shop", *, number: int = 0) -> None:
    """A ready project with keys; tenants with different numbers have different ones."""
    with app.app_context():
        state = app.extensions["hanko_identity"]
        project = add_project(app, slug)
        rows = [
            {
                "project_id": project.id,
                "kid": pair.kid,
                "algorithm": pair.algorithm,
                "public_jwk": pair.public_jwk,
                "sealed_private_key": state.ring.encrypt(pair.private_der),
                "created_at": state.now(),
                "activates_at": state.now(),
            }
            for pair in (_key_pair(algorithm, number) for algorithm in ALGORITHMS)
        ]
        state.session.execute(insert(SigningKey), rows)
        state.session.commit()
        state.snapshots.forget()


def make_user(app: Flask, slug: str = "shop", *, email: str = "ada@example.com", **claims: Any) -> str:
    """A user of the project; gives the ``sub``."""
    with app.app_context():
        return create_user(make_context(app, slug), email=email, claims=claims or None).sub


@dataclass
class RelyingParty:
    """An app that is connected to a project, talking to the provider through Flask's test client.

    ``browser`` is the person's browser; what the app itself sends goes through a client without cookies.
    """

    app: Flask
    slug: str
    client_id: str
    secret: str | None
    redirect_uri: str
    auth_method: str
    browser: FlaskClient
    scope: str = "openid"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def issuer(self) -> str:
        issuer: str = self.app.extensions["hanko_identity"].settings.issuer(self.slug)
        return issuer

    @property
    def machine(self) -> FlaskClient:
        return self.app.test_client()

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """A good authorization request; a change to None leaves a parameter out, a list repeats it."""
        parameters: dict[str, Any] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        parameters.update(changes)
        return {name: value for name, value in parameters.items() if value is not None}

    def authorize(self, **changes: Any) -> TestResponse:
        """Send the browser to the authorization endpoint, one step."""
        return self.browser.get(f"{PREFIX}/{self.slug}/authorize", query_string=self.parameters(**changes))

    def answer(self, response: TestResponse) -> dict[str, str]:
        """What the provider sent back to the redirect URI."""
        assert response.status_code == 303, (response.status_code, response.text[:1500])
        location = response.headers["Location"]
        assert location.startswith(self.redirect_uri), location
        return dict(parse_qsl(urlsplit(location).query, keep_blank_values=True, strict_parsing=True))

    def code(self, **changes: Any) -> str:
        """Authorize silently, with a session and consent in place; gives the code."""
        answer = self.answer(self.authorize(**changes))
        assert "code" in answer, answer
        return answer["code"]

    def post(self, endpoint: str, form: dict[str, Any], **headers: str) -> TestResponse:
        """Post a form with the app's own client authentication."""
        form = {name: value for name, value in form.items() if value is not None}
        if self.auth_method == "client_secret_basic":
            pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            headers.setdefault("Authorization", f"Basic {pair}")
        elif self.auth_method == "client_secret_post":
            form = {"client_id": self.client_id, "client_secret": self.secret, **form}
        else:
            form = {"client_id": self.client_id, **form}
        return self.machine.post(f"{PREFIX}/{self.slug}/{endpoint}", data=form, headers=headers)

    def redeem(self, code: str, **changes: Any) -> TestResponse:
        """Exchange a code for tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **changes,
        }
        return self.post("token", form)

    def refresh(self, token: str, **changes: Any) -> TestResponse:
        """Exchange a refresh token for new tokens."""
        return self.post("token", {"grant_type": "refresh_token", "refresh_token": token, **changes})

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """The whole way: authorize silently, redeem, and return the token response."""
        response = self.redeem(self.code(**changes))
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.get_json()
        return body

    def userinfo(self, access_token: str) -> TestResponse:
        """Ask who the access token speaks for."""
        return self.machine.get(f"{PREFIX}/{self.slug}/userinfo", headers={"Authorization": f"Bearer {access_token}"})

    def introspect(self, token: str) -> dict[str, Any]:
        """Ask what a token is worth."""
        response = self.post("introspect", {"token": token})
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.get_json()
        return body

    def claims(self, id_token: str, **options: Any) -> dict[str, Any]:
        """Verify an ID token with an independent library against the published keys."""
        keys = self.machine.get(f"{PREFIX}/{self.slug}/jwks").get_json()["keys"]
        header = pyjwt.get_unverified_header(id_token)
        key = next(each for each in keys if each["kid"] == header["kid"])
        algorithm = "EdDSA" if header["alg"] == "Ed25519" else header["alg"]
        checks: Any = {"verify_exp": False, "verify_iat": False, **options}
        claims: dict[str, Any] = pyjwt.decode(
            id_token,
            pyjwt.PyJWK(key, algorithm=algorithm).key,
            algorithms=[header["alg"], algorithm],
            audience=self.client_id,
            issuer=self.issuer,
            options=checks,
        )
        return claims


def connect(app: Flask, slug: str = "shop", *, browser: FlaskClient | None = None, **values: Any) -> RelyingParty:
    """Connect a first-party web app with refresh tokens at https://rp.example, unless ``values`` say otherwise."""
    settings: dict[str, Any] = {
        "name": "Bookshop",
        "application_type": "web",
        "application_uri": "https://rp.example",
        "redirect_uris": ["https://rp.example/cb"],
        "post_logout_redirect_uris": ["https://rp.example/bye"],
        "refresh_tokens": True,
        "first_party": True,
        **values,
    }
    with app.app_context():
        connected = connect_client(make_context(app, slug), **settings)
        return RelyingParty(
            app=app,
            slug=slug,
            client_id=connected.client.client_id,
            secret=connected.secret,
            redirect_uri=settings["redirect_uris"][0],
            auth_method=connected.client.token_endpoint_auth_method,
            browser=browser or app.test_client(),
        )


def connect_native(app: Flask, slug: str = "shop", **values: Any) -> RelyingParty:
    """Connect a native app on the loopback address."""
    settings = {
        "application_type": "native",
        "application_uri": "com.example.app",
        "redirect_uris": ["http://127.0.0.1/cb"],
        "post_logout_redirect_uris": [],
        **values,
    }
    return connect(app, slug, **settings)


def change_client(rp: RelyingParty, change: Callable[[Context, Client], T]) -> T:
    """Do something to the app as an admin would; gives what that gave."""
    with rp.app.app_context():
        ctx = make_context(rp.app, rp.slug)
        client = find_client(ctx.session, project_id=ctx.project.id, client_id=rp.client_id)
        assert client is not None
        return change(ctx, client)


def sign_in_browser(
    app: Flask, browser: FlaskClient, sub: str, slug: str = "shop", *, assurance: Assurance = DEVICE_BOUND
) -> str:
    """Give a browser a login session of a user, as the end of a passkey ceremony would; gives the ``sid``."""
    with app.app_context():
        ctx = make_context(app, slug)
        user = ctx.session.query(User).filter_by(project_id=ctx.project.id, sub=sub).one()
        user_id = user.id
        with transaction(ctx) as work:
            opened = open_session(ctx, work, user_id=user_id, sub=sub, assurance=assurance)
    name = f"{app.extensions['hanko_identity'].settings.cookie_name}-{slug}"
    browser.set_cookie(name, opened.token, path="/")
    return opened.sid


def query_of(response: TestResponse) -> dict[str, list[str]]:
    """The query of a redirect, each parameter with all its values."""
    return parse_qs(urlsplit(response.headers["Location"]).query, keep_blank_values=True)
