"""Users as admins manage them, and the claims that can be stored."""

import pytest
from sqlalchemy import func
from sqlalchemy import select

from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.flows.users import activate_user
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.flows.users import deactivate_user
from flask_hanko_identity.storage import Authorization
from flask_hanko_identity.storage import LoginSession
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.users import find_user_by_email
from tests.management import at_once
from tests.management import authorize
from tests.management import connect
from tests.management import events
from tests.management import make_context
from tests.management import make_project
from tests.management import make_user

EVERY_CLAIM = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "middle_name": "King",
    "nickname": "Ada",
    "preferred_username": "ada",
    "profile": "https://example.com/ada",
    "picture": "https://example.com/ada.png",
    "website": "http://ada.example.com/",
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "phone_number": "+1 (604) 555-1234;ext=5678",
    "phone_number_verified": True,
    "address": {
        "formatted": "12 St James's Square\nLondon",
        "street_address": "12 St James's Square",
        "locality": "London",
        "region": "Greater London",
        "postal_code": "SW1Y 4JH",
        "country": "United Kingdom",
    },
}


@pytest.fixture(autouse=True)
def shop(app):
    with app.app_context():
        make_project(app)
        yield


def test_every_standard_claim_keeps_its_json_type(app):
    """OpenID Connect Core 1.0, section 5.1."""
    created = create_user(make_context(app, "shop"), email="Ada@EXAMPLE.com", claims=EVERY_CLAIM)

    ctx = make_context(app)
    user = find_user_by_email(ctx.session, project_id=created.project_id, email="ADA@example.com")
    assert user is not None
    assert user.claims == EVERY_CLAIM
    assert (user.email, user.email_verified) == ("Ada@example.com", False)
    assert (len(user.user_handle), user.state, user.updated_at) == (64, "active", ctx.now)
    assert len(user.sub) >= 22 and user.sub.isalnum()
    assert events(app, subject=f"user:{user.sub}") == ["user.created"]


def test_people_may_come_from_another_system(app):
    claims = {"email": "ada@example.com", "email_verified": True, "updated_at": 1_700_000_000}

    user = create_user(make_context(app, "shop"), email="ada@example.com", claims=claims)

    assert (user.email_verified, user.claims, user.updated_at.timestamp()) == (True, {}, 1_700_000_000)


@pytest.mark.parametrize("birthdate", ["1815", "0000-02-29", "2000-02-29", "1815-12-10"])
def test_a_birthdate_may_leave_out_a_part(app, birthdate):
    claims = {"birthdate": birthdate}

    assert create_user(make_context(app, "shop"), email="a@example.com", claims=claims).claims == claims


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param([], id="a list"),
        pytest.param("x", id="a text"),
        pytest.param({"name": ""}, id="empty"),
        pytest.param({"name": " "}, id="blank"),
        pytest.param({"name": None}, id="null"),
        pytest.param({"name": 7}, id="a number for a text"),
        pytest.param({"name": ["Ada"]}, id="a list for a text"),
        pytest.param({"name": "a\0b"}, id="NUL"),
        pytest.param({"name": "\ud800"}, id="lone surrogate"),
        pytest.param({"name": "a\nb"}, id="newline in a name"),
        pytest.param({"name": "x" * 1001}, id="too long"),
        pytest.param({"profile": "javascript:alert(1)"}, id="a script for a URL"),
        pytest.param({"picture": "//example.com"}, id="no scheme"),
        pytest.param({"website": "https://[::1"}, id="broken URL"),
        pytest.param({"birthdate": "1815-13-01"}, id="month 13"),
        pytest.param({"birthdate": "1815-02-29"}, id="no such day"),
        pytest.param({"birthdate": "10.12.1815"}, id="another form of date"),
        pytest.param({"birthdate": 1815}, id="a year as a number"),
        pytest.param({"zoneinfo": "no zone!"}, id="zone"),
        pytest.param({"locale": "english please"}, id="locale"),
        pytest.param({"phone_number": "call me"}, id="phone number"),
        pytest.param({"phone_number_verified": "true"}, id="a text for a boolean"),
        pytest.param({"phone_number_verified": 1}, id="a number for a boolean"),
        pytest.param({"email_verified": "false"}, id="a text for email_verified"),
        pytest.param({"address": "London"}, id="a text for the address"),
        pytest.param({"address": {}}, id="empty address"),
        pytest.param({"address": {"city": "London"}}, id="unknown part of the address"),
        pytest.param({"address": {"locality": 7}}, id="a number in the address"),
        pytest.param({"sub": "chosen"}, id="sub"),
        pytest.param({"email": "other@example.com"}, id="another email"),
        pytest.param({"updated_at": "yesterday"}, id="a text for updated_at"),
        pytest.param({"updated_at": True}, id="true for updated_at"),
        pytest.param({"updated_at": float("nan")}, id="NaN for updated_at"),
        pytest.param({"updated_at": float("inf")}, id="Infinity for updated_at"),
        pytest.param({"updated_at": 10**20}, id="updated_at in the far future"),
        pytest.param({"updated_at": -1}, id="updated_at before 1970"),
        pytest.param({"given_nam": "Ada"}, id="no such claim"),
        pytest.param({"is_admin": True}, id="a claim of nobody"),
        pytest.param({"iss": "https://evil.test"}, id="iss"),
        pytest.param({"": "x"}, id="a claim without a name"),
        pytest.param(
            {name: "x" * 1000 for name in EVERY_CLAIM if name.endswith("name")}
            | {"address": dict.fromkeys(EVERY_CLAIM["address"], "é" * 1000)},  # type: ignore[call-overload]
            id="all too large",
        ),
    ],
)
def test_a_claim_that_is_not_what_it_should_be_is_refused(app, claims):
    with pytest.raises(InvalidInput) as refusal:
        create_user(make_context(app, "shop"), email="ada@example.com", claims=claims)

    assert refusal.value.field == "claims"
    assert make_context(app).session.scalar(select(func.count(User.id))) == 0


@pytest.mark.parametrize(
    "email",
    ["", "ada", "@example.com", "ada@", "a@b@c", "a\0@example.com", "a\n@example.com", "\ud800@example.com"]
    + ["a@" + "b" * 300 + ".com", "a b@example.com", "ada@exa\u202emple.com", None, 7],
)
def test_what_is_no_address_is_refused(app, email):
    with pytest.raises(InvalidInput) as refusal:
        create_user(make_context(app, "shop"), email=email)

    assert refusal.value.field == "email"


@pytest.mark.parametrize("email", ["ada@intranet", "ada@shop.test", "Ада@пример.рф", "a+b@example.com"])
def test_an_address_need_not_be_of_the_public_internet(app, email):
    assert create_user(make_context(app, "shop"), email=email).email == email


def test_an_address_is_held_by_one_user_of_a_project(app):
    make_user(app)
    make_project(app, "other")

    with pytest.raises(Conflict) as refusal:
        create_user(make_context(app, "shop"), email="ADA@example.com")

    assert refusal.value.field == "email"
    assert create_user(make_context(app, "other"), email="ada@example.com").email == "ada@example.com"


def test_four_at_once_with_one_address_make_one_user(app):
    results = at_once(app, lambda _: create_user(make_context(app, "shop"), email="ada@example.com").sub)

    assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 3 + ["str"]
    assert make_context(app).session.scalar(select(func.count(User.id))) == 1


def test_a_user_who_is_deactivated_has_nothing_open_any_more(app):
    """F14."""
    user = make_user(app)
    authorization_id = authorize(app, connect(app).client, user)
    ctx = make_context(app)
    ctx.session.add(
        LoginSession(
            project_id=user.project_id,
            user_id=user.id,
            digest=b"x" * 32,
            sid="sid",
            auth_time=ctx.now,
            acr="1",
            amr=["otp"],
            created_at=ctx.now,
            last_seen_at=ctx.now,
            expires_at=ctx.now.replace(year=ctx.now.year + 1),
        )
    )
    ctx.session.commit()

    user = deactivate_user(make_context(app, "shop"), user)

    assert user.state == "inactive"
    assert ctx.session.get_one(Authorization, authorization_id).revoked_at == ctx.now
    assert ctx.session.scalars(select(LoginSession.ended_at)).all() == [ctx.now]
    user = activate_user(make_context(app, "shop"), user)
    assert user.state == "active"
    assert ctx.session.scalars(select(LoginSession.ended_at)).all() == [ctx.now]
    assert events(app, subject=f"user:{user.sub}") == ["user.created", "user.deactivated", "user.activated"]
