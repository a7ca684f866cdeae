"""Anything at all in the parameters of the two endpoints that browsers are sent to by strangers.

Promises 5 and 10 of the threats: input never causes a 5xx, and a browser is sent to registered addresses only.
"""

import random
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest
from werkzeug.test import TestResponse

from flask_hanko_identity.flows import logout
from flask_hanko_identity.protocol.authorization_request import KNOWN
from tests.authorization import CONSENT
from tests.authorization import PAGE
from tests.authorization import outcome
from tests.evidence import contents
from tests.queries import count_statements
from tests.sign_in import engine_of
from tests.tenants import PREFIX
from tests.tenants import RelyingParty
from tests.tenants import connect

SEED = 20_260_101
ROUNDS = 12
"""How often each parameter gets each kind of nonsense; more for a long run."""

TEXTS = (
    "",
    "null",
    "-1",
    "9" * 400,
    "true",
    "{}",
    "[[]]",
    '{"userinfo":{"email":{"value":1e400}}}',
    '{"id_token":{"acr":{"essential":true,"values":[null]}}}',
    "none",
    "login consent select_account create",
    "openid profile email address phone offline_access",
    "https://rp.example/cb",
    "https://rp.example/cb?x=1",
    "https://rp.example\\@evil.test/cb",
    "//evil.test",
    "javascript:alert(1)",
    "http://127.0.0.1:1/cb",
    "a.b.c",
    "eyJhbGciOiJub25lIn0.e30.",
    "' OR 1=1 --",
    "{{7*7}}${7*7}%(x)s%s{0}",
    "<script>alert(1)</script>",
    "a" * 3000,
    "\u202e\u200b\ufeff",
    "😀" * 50,
    "é",
)


def nonsense(dice: random.Random) -> bytes:
    """The value of a parameter, as bytes that stand percent-encoded in the request."""
    kind = dice.randrange(5)
    if kind == 0:
        return dice.randbytes(dice.randrange(40))
    if kind == 1:
        return bytes(dice.choices(range(32), k=dice.randrange(1, 6)))
    if kind == 2:
        text = dice.choice(TEXTS).encode()
        at = dice.randrange(len(text) + 1)
        return text[:at] + dice.choice([b"\0", b"\r\n", b"\xed\xa0\x80", b"\xff", b"%00", b" ", b"#"]) + text[at:]
    return dice.choice(TEXTS).encode()


def encode(dice: random.Random, pairs: list[tuple[str, bytes]]) -> str:
    """A query; now and then a value stands in it raw."""
    raw = str.maketrans({"&": "%26", "#": "%23", "+": "%2B"})
    values = (
        value.decode("latin-1").translate(raw) if dice.random() < 0.1 else quote_from_bytes(value) for _, value in pairs
    )
    return "&".join(f"{name}={value}" for (name, _), value in zip(pairs, values, strict=True))


def mutations(dice: random.Random, good: dict[str, str], known: tuple[str, ...]) -> Iterator[list[tuple[str, bytes]]]:
    """Good requests with one to three parameters replaced, repeated, left out or added."""
    for name in known * ROUNDS:
        pairs = [(each, value.encode()) for each, value in good.items()]
        for target in (name, *dice.sample(known, dice.randrange(3))):
            change = dice.randrange(4)
            if change < 2:
                pairs = [pair for pair in pairs if pair[0] != target]
            if change > 0:
                pairs.append((target, nonsense(dice)))
        dice.shuffle(pairs)
        yield pairs


def send(rp: RelyingParty, path: str, query: str, *, post: bool) -> TestResponse:
    if post:
        form = "application/x-www-form-urlencoded"
        return rp.browser.post(f"{PREFIX}/shop/{path}", data=query.encode("latin-1"), content_type=form)
    return rp.browser.get(f"{PREFIX}/shop/{path}", environ_overrides={"QUERY_STRING": query})


def is_ours(location: str, registered: str) -> bool:
    return location.startswith((f"{PREFIX}/shop/", f"{registered}?")) or location == registered


def has_written(statements: list[str]) -> bool:
    return any(statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")) for statement in statements)


@pytest.mark.parametrize("first_party", [True, False], ids=["first party", "third party"])
def test_authorize(app, rp, first_party):
    dice = random.Random(SEED)
    party = connect(app, browser=rp.browser, first_party=first_party)
    before = contents(app)
    refused = answered = 0
    with app.app_context():
        engine = engine_of(app)
    for pairs in mutations(dice, party.parameters(), KNOWN):
        query, post = encode(dice, pairs), dice.random() < 0.3
        with count_statements(engine) as seen:
            response = send(party, "authorize", query, post=post)

        assert response.status_code in (303, 400), (response.status_code, query)
        location = response.headers.get("Location", f"{PREFIX}/shop/")
        assert is_ours(location, party.redirect_uri), (location, query)
        assert location.isascii() and location.isprintable() and "evil" not in location.partition("?")[0]
        if outcome(response) not in (PAGE, CONSENT, "code", "login", "signup"):
            assert location.endswith("&iss=http%3A%2F%2Flocalhost%2Fidentity%2Fshop"), location
        if response.status_code == 400 or "error=" in location:
            refused += 1
            assert not has_written(seen.statements), (query, str(seen))
        else:
            answered += 1

    assert refused > 100
    assert answered > 10
    changed = {name for name, rows in contents(app).items() if rows != before[name]}
    assert changed <= {"hanko_authorization", "hanko_authorization_request"}


def test_logout(app, rp):
    dice = random.Random(SEED)
    before = contents(app)
    good = {"post_logout_redirect_uri": "https://rp.example/bye", "client_id": rp.client_id, "state": "s"}
    with app.app_context():
        engine = engine_of(app)
    for pairs in mutations(dice, good, logout.KNOWN):
        query, post = encode(dice, pairs), dice.random() < 0.3
        with count_statements(engine) as seen:
            response = send(rp, "logout", query, post=post)

        assert response.status_code in (200, 303, 400), (response.status_code, query)
        assert response.headers.get("Location", f"{PREFIX}/shop/").startswith(f"{PREFIX}/shop/"), query
        assert response.status_code != 400 or not has_written(seen.statements), query

    # Nothing of all this proved who asks, so the person is still signed in.
    changed = {name for name, rows in contents(app).items() if rows != before[name]}
    assert changed <= {"hanko_logout_request"}
    assert "code" in rp.answer(rp.authorize(prompt="none"))
