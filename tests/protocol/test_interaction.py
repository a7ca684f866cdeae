"""What a request still waits for (OpenID Connect Core 1.0, section 3.1.2.3)."""

from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest

from flask_hanko_identity.protocol.assurance import reached
from flask_hanko_identity.protocol.assurance import satisfies
from flask_hanko_identity.protocol.interaction import Interaction
from flask_hanko_identity.protocol.interaction import Situation
from flask_hanko_identity.protocol.interaction import next_interaction
from flask_hanko_identity.protocol.interaction import proves_identity
from tests.authorization import NATIVE
from tests.authorization import WEB
from tests.authorization import check

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FIRST_PARTY = replace(WEB, first_party=True)
NATIVE_FIRST_PARTY = replace(NATIVE, first_party=True)
CLAIMED = replace(NATIVE, redirect_uris=frozenset({"https://app.example/cb"}))
PRIVATE = replace(NATIVE, redirect_uris=frozenset({"com.example.app:/cb"}))

LOGIN, CREATE, CONSENT, NONE, SELECT, UNMET = (
    Interaction.LOGIN,
    Interaction.CREATE,
    Interaction.CONSENT,
    Interaction.NONE,
    Interaction.SELECT,
    Interaction.UNMET,
)


@dataclass(frozen=True)
class Session:
    """Signed in ``age`` seconds ago."""

    age: float = 3600
    acr: str = "phr"
    sub: str = "ada"

    @property
    def auth_time(self) -> datetime:
        return NOW - timedelta(seconds=self.age)


def decide(request, session, *, consented=("openid",), waiting=None, hinted=None):
    """:param waiting: for how many seconds the request has waited for the person."""
    since = None if waiting is None else NOW - timedelta(seconds=waiting)
    return next_interaction(request, Situation(NOW, session, consented, hinted, since))


SESSIONS = [
    pytest.param({}, None, LOGIN, id="nobody is signed in"),
    pytest.param({}, Session(), NONE, id="somebody is signed in"),
    pytest.param({"prompt": "none"}, None, LOGIN, id="prompt=none and nobody signed in"),
    pytest.param({"prompt": "create"}, None, CREATE, id="prompt=create and nobody signed in"),
    pytest.param({"prompt": "create"}, Session(), CREATE, id="prompt=create and somebody signed in"),
    pytest.param({"prompt": "login"}, Session(age=0), LOGIN, id="prompt=login with the newest session"),
    pytest.param({"prompt": "login consent"}, Session(), LOGIN, id="login comes before consent"),
    pytest.param({"prompt": "select_account"}, Session(), SELECT, id="prompt=select_account"),
    pytest.param({"prompt": "consent"}, Session(), CONSENT, id="prompt=consent although remembered"),
    pytest.param({"max_age": "60"}, Session(age=60), NONE, id="max_age: just young enough"),
    pytest.param({"max_age": "60"}, Session(age=60.001), LOGIN, id="max_age: just too old"),
    pytest.param({"max_age": "0"}, Session(age=0), LOGIN, id="max_age=0 is prompt=login"),
    pytest.param({"max_age": "60"}, Session(age=-5), NONE, id="max_age: the clock went back"),
    pytest.param({"acr_values": "phr"}, Session(acr="phr"), NONE, id="as strong as asked"),
    pytest.param({"acr_values": "phr"}, Session(acr="phrh"), NONE, id="stronger than asked"),
    pytest.param({"acr_values": "phrh"}, Session(acr="phr"), LOGIN, id="weaker than asked"),
    pytest.param({"acr_values": "phrh 1"}, Session(acr="1"), NONE, id="the second choice"),
    pytest.param({"acr_values": "gold"}, Session(acr="1"), NONE, id="an unknown class, voluntary"),
]


@pytest.mark.parametrize(("changes", "session", "expected"), SESSIONS)
def test_what_comes_first(changes, session, expected):
    assert decide(check(**changes), session) is expected


WAITED = [
    pytest.param({"prompt": "login"}, Session(age=31), LOGIN, id="prompt=login: signed in before it asked"),
    pytest.param({"prompt": "login"}, Session(age=30), LOGIN, id="prompt=login: signed in at the same moment"),
    pytest.param({"prompt": "login"}, Session(age=29.999999), NONE, id="prompt=login: signed in a moment later"),
    pytest.param({"prompt": "login"}, Session(age=1), NONE, id="prompt=login: signed in since"),
    pytest.param({"prompt": "create"}, Session(age=1), NONE, id="prompt=create: signed up since"),
    pytest.param({"prompt": "select_account"}, Session(age=1), NONE, id="prompt=select_account: chosen since"),
    pytest.param({"prompt": "login consent"}, Session(age=1), CONSENT, id="prompt=login consent: consent is left"),
    pytest.param({"max_age": "0"}, Session(age=1), NONE, id="max_age=0: signed in since"),
    pytest.param({"max_age": "5"}, Session(age=20), NONE, id="max_age: signed in since, and slow to go on"),
    pytest.param({"max_age": "5"}, Session(age=31), LOGIN, id="max_age: an older session comes back"),
    pytest.param({"acr_values": "phrh"}, Session(age=1), UNMET, id="signed in since, not strongly enough"),
    pytest.param({"acr_values": "phrh"}, Session(age=31), LOGIN, id="may still sign in more strongly"),
    pytest.param({}, None, LOGIN, id="signed out in the meantime"),
]


@pytest.mark.parametrize(("changes", "session", "expected"), WAITED)
def test_only_a_sign_in_after_the_request_answers_it(changes, session, expected):
    assert decide(check(**changes), session, waiting=30) is expected


def test_essential_class_that_nobody_reaches_is_not_waved_through():
    request = check(claims='{"id_token": {"acr": {"essential": true, "values": ["gold"]}}}')

    assert decide(request, Session(acr="phrh")) is LOGIN
    assert decide(request, Session(age=1, acr="phrh"), waiting=30) is UNMET


def test_hinted_person_and_nobody_else():
    request = check(id_token_hint="whatever the flow has read of it")

    assert decide(request, Session(sub="ada"), hinted="ada") is NONE
    assert decide(request, Session(sub="bob"), hinted="ada") is LOGIN
    assert decide(request, Session(sub="bob", age=1), hinted="ada", waiting=30) is UNMET


CONSENTS = [
    pytest.param(WEB, {}, (), CONSENT, id="never asked"),
    pytest.param(WEB, {}, ("openid",), NONE, id="remembered"),
    pytest.param(WEB, {"scope": "openid email"}, ("openid",), CONSENT, id="wider than remembered"),
    pytest.param(WEB, {"scope": "openid"}, ("openid", "email"), NONE, id="narrower than remembered"),
    pytest.param(WEB, {"claims": '{"userinfo":{"email":null}}'}, ("openid",), CONSENT, id="claim by name"),
    pytest.param(WEB, {"claims": '{"id_token":{"name":null}}'}, ("openid",), CONSENT, id="claim in the ID token"),
    pytest.param(WEB, {"claims": '{"userinfo":{"email":null}}'}, ("openid", "email"), NONE, id="claim remembered"),
    pytest.param(WEB, {"claims": '{"id_token":{"auth_time":null}}'}, ("openid",), NONE, id="claim of the protocol"),
    pytest.param(FIRST_PARTY, {"scope": "openid email"}, (), NONE, id="first party"),
    pytest.param(FIRST_PARTY, {"prompt": "consent"}, ("openid",), CONSENT, id="first party that wants to ask"),
    pytest.param(NATIVE, {}, ("openid",), CONSENT, id="loopback: cannot prove who it is"),
    pytest.param(PRIVATE, {}, ("openid",), CONSENT, id="private-use scheme: cannot prove who it is"),
    pytest.param(NATIVE_FIRST_PARTY, {}, ("openid",), CONSENT, id="loopback of a first party"),
    pytest.param(CLAIMED, {}, ("openid",), NONE, id="claimed https address"),
]


@pytest.mark.parametrize(("client", "changes", "consented", "expected"), CONSENTS)
def test_who_is_asked(client, changes, consented, expected):
    assert decide(check(client, **changes), Session(), consented=consented) is expected


def test_web_app_on_its_makers_machine_proves_itself_by_its_secret():
    assert proves_identity(WEB, "http://localhost:8000/cb")
    assert not proves_identity(NATIVE, "http://localhost:8000/cb")


def test_strongest_class_asked_for_is_the_one_named():
    assert reached("phrh", ("1", "phr")) == "phr"
    assert reached("phrh", ("phr", "1")) == "phr"
    assert reached("phr", ("phrh",)) is None
    assert reached("1", ()) is None
    assert satisfies("1", (), essential=True)
    assert not satisfies("1", ("gold",), essential=True)
    assert satisfies("phr", ("gold", "1"), essential=True)
