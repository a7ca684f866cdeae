"""``flask identity …``, as scripts and people use it."""

import json
import re

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.storage import AuditEvent
from flask_hanko_identity.storage import Client
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage import migrate
from flask_hanko_identity.storage.users import find_user_by_email
from tests.commands import findings
from tests.commands import run as run
from tests.commands import say as say
from tests.commands import shop as shop
from tests.management import make_context

LONG = "0123456789abcdef0123456789abcdef"


def connect(run, *more, kind="web", url="https://rp.example", uri="https://rp.example/cb", **options):
    start = ("apps", "connect", "--project", "shop", "--name", "Books", "--type", kind, "--url", url)
    return run(*start, "--redirect-uri", uri, *more, **options)


def test_an_empty_database_becomes_a_provider(app_factory, postgresql_url, tmp_path, run):
    for url in (postgresql_url, f"sqlite:///{tmp_path / 'empty.sqlite'}"):
        app = app_factory(SQLALCHEMY_DATABASE_URI=url)

        assert run("db", "current", app=app) == {"revision": None, "head": migrate.head(), "up_to_date": False}
        assert "flask identity init" in findings(run("check", exit_code=1, app=app), "error")["migrations"]
        first = run("init", app=app)

        assert first["console"] == "http://localhost/identity/console/"
        assert first["sign_up_link"].startswith("http://localhost/identity/console/link/")
        assert (first["revision"], first["status"]) == (migrate.head(), "ready")
        assert run("init", app=app)["sign_up_link"] != first["sign_up_link"]
        assert run("db", "current", app=app)["up_to_date"]


def test_nothing_works_before_the_tables_are_there_and_says_why(app_factory, postgresql_url, run):
    app = app_factory(SQLALCHEMY_DATABASE_URI=postgresql_url)

    refusal = run("organizations", "create", "--name", "Acme", exit_code=1, app=app)

    assert "flask identity check" in refusal["error"]
    assert "Acme" not in refusal["error"]


def test_setting_up_ends_with_the_first_account(run):
    run("init")
    run("users", "create", "--project", "console", "--email", "ada@example.com")

    assert run("init")["sign_up_link"] is None
    assert "/console/link/" in run("invite", "bob@example.com")["sign_up_link"]


def test_where_anybody_may_sign_up_no_link_is_needed(app_factory, run):
    app = app_factory(HANKO_IDENTITY_CONSOLE_SIGNUP="open")

    assert run("init", app=app)["sign_up_link"] == "http://localhost/identity/console/signup"


def test_an_invitation_needs_an_address(run):
    assert run("invite", "nobody", exit_code=1)["field"] == "email"


def test_a_project_is_ready_at_once(run, shop):
    assert shop == {
        "slug": "shop",
        "name": "Shop",
        "type": "identity",
        "issuer": "http://localhost/identity/shop",
        "status": "ready",
        "reason": None,
    }
    assert [key["state"] for key in run("keys", "list", "--project", "shop")["keys"]] == ["active"] * 3


def test_a_project_may_have_a_slug_and_a_type(run):
    organization = run("organizations", "create", "--name", "Acme")["id"]
    start = ("projects", "create", "--organization", organization, "--name", "Ours", "--slug", "ours-1")

    assert run(*start, "--type", "host")["type"] == "host"
    assert run(*start, exit_code=1)["field"] == "slug"
    assert run(*start, "--type", "other", exit_code=2)["field"] == "project_type"


def test_a_web_app_is_connected(app, run, shop):
    printed = connect(
        run, "--logout-uri", "https://rp.example/bye", "--auth-method", "client_secret_post", "--refresh-tokens",
        "--no-pkce", "--first-party", "--redirect-uri", "https://rp.example/cb2",
    )  # fmt: skip

    assert set(printed) == {"issuer", "client_id", "client_secret"}
    assert printed["issuer"] == shop["issuer"]
    with app.app_context():
        ctx = make_context(app, "shop")
        client = ctx.snapshots.client(ctx.session, project_id=ctx.project.id, client_id=printed["client_id"])
        assert client is not None
        assert client.redirect_uris == {"https://rp.example/cb", "https://rp.example/cb2"}
        assert client.post_logout_redirect_uris == {"https://rp.example/bye"}
        assert client.token_endpoint_auth_method == "client_secret_post"
        assert (client.refresh_tokens, client.require_pkce, client.first_party) == (True, False, True)


def test_a_native_app_has_no_secret(run, shop):
    printed = connect(run, kind="native", url="com.example.app", uri="com.example.app:/cb")

    assert printed["client_secret"] is None


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"url": "https://RP.example"}, "application_uri"),
        ({"uri": "http://rp.example/cb"}, "redirect_uris"),
        ({"uri": "https://rp.example/cb#"}, "redirect_uris"),
        ({"kind": "native", "url": "com.example.app", "uri": "com.evil.app:/cb"}, "redirect_uris"),
    ],
)
def test_what_cannot_be_connected_is_refused_on_stdout(app, run, shop, options, field):
    refusal = connect(run, exit_code=1, **options)

    assert refusal["field"] == field and refusal["error"]
    with app.app_context():
        assert make_context(app).session.scalar(select(func.count(Client.id))) == 0


def test_people_are_told_which_option_to_mend(say, run, shop):
    start = ("apps", "connect", "--project", "shop", "--name", "B", "--type", "web", "--redirect-uri", "https://x/")

    code, out, err = say(*start, "--url", "https://RP.example")

    assert (code, out) == (1, "")
    assert err.startswith("--url: ") and "“R”" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("organizations", "create"),
        ("organizations", "create", "--name", "x", "--nmae", "y"),
        ("apps", "connect", "--type", "spa"),
        ("keys", "rotate", "--project", "shop", "--algorithm", "HS256"),
        ("check", "superfluous"),
    ],
)
def test_a_wrong_option_is_json_too(run, arguments):
    assert run(*arguments, exit_code=2)["error"]


def test_what_is_not_there_is_told(run, shop):
    assert run("keys", "list", "--project", "nope", exit_code=1)["field"] == "project"
    assert run("projects", "create", "--organization", "x", "--name", "y", exit_code=1)["field"] == "organization"
    for text in ("\0", "\udcff"):
        assert run("keys", "list", "--project", text, exit_code=1)["field"] == "project"
        sign_in = ("users", "sign-in-link", "--project", "shop", "--email", text)
        assert run(*sign_in, exit_code=1)["field"] == "email"


def test_a_user_is_made_and_signs_in_by_a_link(app, run, shop):
    claims = {"given_name": "Ada", "email_verified": True, "address": {"locality": "London"}}

    made = run("users", "create", "--project", "shop", "--email", "ada@example.com", "--claims", json.dumps(claims))

    with app.app_context():
        ctx = make_context(app, "shop")
        user = find_user_by_email(ctx.session, project_id=ctx.project.id, email="ada@example.com")
        assert user is not None
        assert made == {"project": "shop", "sub": user.sub, "email": "ada@example.com"}
        assert (user.email_verified, user.claims["given_name"]) == (True, "Ada")
    link = run("users", "sign-in-link", "--project", "shop", "--email", "ADA@example.com")
    assert re.fullmatch(r"http://localhost/identity/shop/link/[A-Za-z0-9]{43}", link["sign_in_link"])
    assert link["expires_in"] == 600
    again = ("users", "create", "--project", "shop", "--email", "ada@example.com")
    assert run(*again, exit_code=1)["field"] == "email"
    assert run("users", "sign-in-link", "--project", "shop", "--email", "b@c.de", exit_code=1)["field"] == "email"


@pytest.mark.parametrize("claims", ["", "{", "[]", "7", '{"name": 7}', "[" * 100_000, '{"updated_at": NaN}'])
def test_claims_that_are_none_are_refused(app, run, shop, claims):
    create = ("users", "create", "--project", "shop", "--email", "a@example.com", "--claims", claims)

    assert run(*create, exit_code=1)["field"] == "claims"
    with app.app_context():
        assert make_context(app).session.scalar(select(func.count(User.id))) == 0


def test_keys_are_rotated(run, shop, clock):
    added = run("keys", "rotate", "--project", "shop")["keys"]

    states = {key["kid"]: key["state"] for key in run("keys", "list", "--project", "shop")["keys"]}
    assert [states[key["kid"]] for key in added] == ["next"] * 3
    assert run("keys", "rotate", "--project", "shop", exit_code=1)["error"]
    clock.advance(seconds=1)
    [now] = run("keys", "rotate", "--project", "shop", "--algorithm", "RS256", "--at-once")["keys"]
    states = {key["kid"]: key["state"] for key in run("keys", "list", "--project", "shop")["keys"]}
    assert states[now["kid"]] == "active"


def test_what_is_encrypted_is_sealed_with_the_first_key(app_factory, run, shop):
    both = app_factory(HANKO_IDENTITY_ENCRYPTION_KEYS=["new", "a secret key for tests only"])
    only_new = app_factory(HANKO_IDENTITY_ENCRYPTION_KEYS=["new"])

    assert "cannot be decrypted" in findings(run("check", exit_code=1, app=only_new), "error")["project:shop"]
    assert len(run("encryption", "rotate", exit_code=1, app=only_new)["unreadable"]) == 3
    assert run("encryption", "rotate", app=both) == {"resealed": 3, "unreadable": []}
    assert run("encryption", "rotate", app=only_new)["unreadable"] == []


def test_what_has_expired_is_purged(run, shop, clock):
    run("users", "create", "--project", "shop", "--email", "ada@example.com")
    run("users", "sign-in-link", "--project", "shop", "--email", "ada@example.com")
    clock.advance(days=1)

    assert run("purge")["deleted"]["passlinks"] == 1


def test_our_tables_can_be_noted_as_up_to_date(run):
    assert run("db", "stamp") == {"revision": migrate.head()}
    assert run("db", "upgrade") == {"revision": migrate.head()}


def test_the_command_line_stands_in_the_audit_log(app, run, shop):
    connect(run)

    with app.app_context():
        assert set(make_context(app).session.scalars(select(AuditEvent.actor))) == {"command-line"}


def test_secrets_are_printed_and_not_logged(run, shop, canaries):
    canaries.add(connect(run)["client_secret"])
    canaries.add(run("invite", "ada@example.com")["sign_up_link"].rpartition("/")[2])
