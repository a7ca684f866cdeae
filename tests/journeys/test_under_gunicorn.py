"""The whole flow by plain HTTP and by Authlib's client, against four workers, with either database."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import jwt
import pytest
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session

from tests.databases import worker_number
from tests.journeys.bookshop import environment
from tests.journeys.visitors import Visitor
from tests.journeys.visitors import query_of
from tests.live import ROOT
from tests.live import Gunicorn
from tests.live import serve_with_gunicorn
from tests.servers import create_database
from tests.servers import drop_database
from tests.servers import free_port

WORKERS = 4
APP = "http://localhost:1"
"""Where the relying party would be; nobody goes there, as the tests read the redirects."""


@dataclass
class Site:
    """A deployed bookshop: an environment, commands, and a server."""

    env: dict[str, str]
    server: Gunicorn

    @property
    def url(self) -> str:
        return self.server.url


def flask(env: dict[str, str], *command: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """Run a command as a deployer's script would."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "example_app", "identity", *command, "--json"],
        env={**os.environ, **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in codes, f"flask identity {' '.join(command)}: {done.stdout}{done.stderr}"
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An empty database, ``flask identity init``, then four workers at once."""
    if request.param == "sqlite":
        database_url = f"sqlite:///{tmp_path_factory.mktemp('bookshop') / 'bookshop.sqlite'}"
    else:
        database_url = create_database(f"bookshop_{worker_number()}")
    port = free_port()
    env = environment(f"http://localhost:{port}", database_url)
    flask(env, "init")
    with serve_with_gunicorn("example_app:create_app()", workers=WORKERS, env=env, port=port) as server:
        yield Site(env, server)
    assert "Traceback" not in server.stderr, server.stderr
    if request.param == "postgresql":
        drop_database(f"bookshop_{worker_number()}")


@pytest.fixture(scope="module")
def app(site: Site) -> dict[str, Any]:
    """Issuer and credentials of a web app, connected while the workers run."""
    organization = flask(site.env, "organizations", "create", "--name", "The Bookshop")
    project = flask(site.env, "projects", "create", "--organization", organization["id"], "--name", "Readers")
    return flask(
        site.env,
        *("apps", "connect", "--project", project["slug"], "--name", "Reading list", "--type", "web", "--url", APP),
        *("--redirect-uri", f"{APP}/callback", "--logout-uri", f"{APP}/", "--refresh-tokens"),
    )


@pytest.fixture
def reader(site: Site) -> Iterator[Visitor]:
    visitor = Visitor("reader@example.com", site.url)
    yield visitor
    visitor.close()


def test_from_authorization_to_logout(site, app, reader, canaries):
    canaries.add(app["client_secret"])
    metadata = httpx.get(f"{app['issuer']}/.well-known/openid-configuration").json()
    with make_client(app) as client:
        tokens = sign_up_and_get_tokens(client, metadata, reader)
        claims = verify_id_token(tokens["id_token"], app, metadata)
        assert claims["nonce"] == "chosen by the app"
        userinfo = client.get(metadata["userinfo_endpoint"]).json()
        assert (userinfo["sub"], userinfo["email"]) == (claims["sub"], "reader@example.com")

        old = tokens["refresh_token"]
        refreshed = client.refresh_token(metadata["token_endpoint"], refresh_token=old)
        assert refreshed["refresh_token"] != old
        assert client.get(metadata["userinfo_endpoint"]).status_code == 200
        introspected = client.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"])
        assert introspected.json()["active"] is True

        logout = httpx.QueryParams(
            id_token_hint=tokens["id_token"], post_logout_redirect_uri=f"{APP}/", state="goodbye"
        )
        left = reader.open(f"{metadata['end_session_endpoint']}?{logout}")
        assert left.headers["Location"] == f"{APP}/?state=goodbye"

    # Signed out at the provider: the next request needs the passkey, and the consent is remembered.
    with make_client(app) as client:
        address, verifier = authorization_address(client, metadata)
        page = reader.open(address)
        assert "to continue to Reading list" in page.text
        answer = reader.signs_in(page)
        again = redeem(client, metadata, answer, verifier)
        assert verify_id_token(again["id_token"], app, metadata)["sub"] == claims["sub"]


def test_four_workers_agree(site, app, reader):
    """What one worker has just done, every other knows: each request may reach any of them."""
    metadata = httpx.get(f"{app['issuer']}/.well-known/openid-configuration").json()
    with make_client(app) as client:
        tokens = sign_up_and_get_tokens(client, metadata, reader)

        # A code is worth one set of tokens, however many ask at once (RFC 6749, section 4.1.2).
        address, verifier = authorization_address(client, metadata)
        code = query_of(reader.open(address))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{APP}/callback"}
        answers = at_once(8, partial(post, app, metadata["token_endpoint"], {**form, "code_verifier": verifier}))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
        assert {answer.json().get("error") for answer in answers if answer.status_code == 400} == {"invalid_grant"}

        # A revoked token is dead for all.
        asked = {"Authorization": f"Bearer {tokens['access_token']}"}
        ask = partial(httpx.get, metadata["userinfo_endpoint"], headers=asked)
        assert {answer.status_code for answer in at_once(8, ask)} == {200}
        client.revoke_token(metadata["revocation_endpoint"], token=tokens["access_token"])
        assert {answer.status_code for answer in at_once(8, ask)} == {401}


def test_the_console_works_whichever_worker_answers(site):
    owner = Visitor("owner@bookshop.example", site.url)
    home = owner.signs_up(owner.open(f"{site.url}/identity/console/signup"))
    assert "owner&#39;s organization" in home.text

    form = owner.open(f"{home.url}/projects/new")
    fields = {"name": "Members", "type": "identity", "corners": "round"}
    dashboard = owner.presses(form, "submit", **fields)
    assert dashboard.status_code == 200, dashboard.text
    for _ in range(100):
        status = owner.open(f"{site.url}/identity/console/projects/members/status").json()["status"]
        if status != "initializing":
            break
    assert status == "ready"
    discovery = f"{site.url}/identity/members/.well-known/openid-configuration"
    assert {answer.status_code for answer in at_once(8, partial(httpx.get, discovery))} == {200}
    owner.close()


def test_commands_answer_in_json(site, app):
    slug = app["issuer"].rpartition("/")[2]
    assert {each["level"] for each in flask(site.env, "check", codes=(0, 1))["findings"]} <= {"ok", "warning", "error"}
    keys = flask(site.env, "keys", "list", "--project", slug)["keys"]
    assert {key["algorithm"] for key in keys} == {"RS256", "ES256", "Ed25519"}
    flask(site.env, "users", "create", "--project", slug, "--email", "ada@example.com", "--claims", '{"name": "Ada"}')
    link = flask(site.env, "users", "sign-in-link", "--project", slug, "--email", "ada@example.com")["sign_in_link"]

    ada = Visitor("ada@example.com", site.url)
    offer = ada.presses(ada.open(link), "submit")
    profile = ada.open(f"{site.url}/identity/{slug}/profile")

    assert "Next time, faster?" in offer.text
    assert "Ada" in profile.text
    assert ada.open(link).status_code in (400, 404, 410), "The link works once."
    ada.close()


def make_client(app: dict[str, Any]) -> OAuth2Session:
    return OAuth2Session(
        client_id=app["client_id"],
        client_secret=app["client_secret"],
        scope="openid email offline_access",
        redirect_uri=f"{APP}/callback",
        code_challenge_method="S256",
        default_timeout=30,
    )


def authorization_address(client: OAuth2Session, metadata: dict[str, Any]) -> tuple[str, str]:
    """Where the app sends the browser, and the PKCE verifier it keeps."""
    verifier = generate_token(48)
    address, _ = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce="chosen by the app"
    )
    return address, verifier


def sign_up_and_get_tokens(client: OAuth2Session, metadata: dict[str, Any], reader: Visitor) -> dict[str, Any]:
    address, verifier = authorization_address(client, metadata)
    page = reader.open(address)
    assert str(page.url).startswith(f"{metadata['issuer']}/login?request=")
    page = reader.open(str(page.url).replace("/login?", "/signup?"))
    consent = reader.signs_up(page)
    assert "Continue to Reading list?" in consent.text
    return redeem(client, metadata, reader.presses(consent, "allow"), verifier)


def redeem(client: OAuth2Session, metadata: dict[str, Any], answer: httpx.Response, verifier: str) -> dict[str, Any]:
    assert query_of(answer)["iss"] == metadata["issuer"]
    tokens: dict[str, Any] = client.fetch_token(
        metadata["token_endpoint"], authorization_response=answer.headers["Location"], code_verifier=verifier
    )
    return tokens


def verify_id_token(token: str, app: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """By PyJWT, with the keys that the provider publishes."""
    keys = httpx.get(metadata["jwks_uri"]).json()["keys"]
    header = jwt.get_unverified_header(token)
    key = next(jwt.PyJWK(key) for key in keys if key["kid"] == header["kid"])
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=[header["alg"]], audience=app["client_id"], issuer=app["issuer"]
    )
    return claims


def post(app: dict[str, Any], url: str, form: dict[str, str]) -> httpx.Response:
    return httpx.post(url, data=form, auth=(app["client_id"], app["client_secret"]), timeout=30)


def at_once(times: int, ask: Any) -> list[httpx.Response]:
    """So many requests, each on a connection of its own."""
    with ThreadPoolExecutor(times) as pool:
        return [each.result() for each in [pool.submit(ask) for _ in range(times)]]
