"""What people say of themselves (product S18; OpenID Connect Core 1.0, section 5.1; F09 of the threats)."""

import pytest

from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.flows.profile import TRAITS
from flask_hanko_identity.flows.profile import InvalidTraits
from flask_hanko_identity.flows.profile import change_traits
from flask_hanko_identity.flows.profile import find_traits
from flask_hanko_identity.signals import user_profile_changed
from tests.profiles import enter
from tests.sign_in import add_project
from tests.sign_in import events

EVERYTHING = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "gender": "female",
    "picture": "https://example.com/ada.png",
    "website": "http://ada.example.com/",
    "locale": "en-GB",
    "zoneinfo": "Europe/London",
    "birthdate": "1815-12-10",
    "phone_number": "+44 20 7946 0000",
    "address": {"street_address": "12 St James's Square\nFirst floor", "locality": "London", "country": "GB"},
}


@pytest.fixture(autouse=True)
def shop(app):
    with app.app_context():
        add_project(app, "shop")
        yield


@pytest.fixture
def ada(app):
    return enter(app)


def test_every_trait_can_be_set_and_is_a_claim(ada):
    assert set(EVERYTHING) == set(TRAITS)

    changed = change_traits(ada.ctx, ada.login, EVERYTHING)

    assert changed == sorted(EVERYTHING)
    assert ada.user.claims == EVERYTHING
    assert find_traits(ada.ctx, user_id=ada.user.id) == EVERYTHING
    assert ada.login.name == "Ada Lovelace"


def test_an_empty_trait_is_no_claim(ada):
    change_traits(ada.ctx, ada.login, EVERYTHING)

    change_traits(ada.ctx, ada.login, {name: " " for name in EVERYTHING if name != "address"})
    change_traits(ada.ctx, ada.login, {"address": {"locality": "\t", "country": ""}})

    assert ada.user.claims == {}


def test_a_part_of_an_address_can_go_alone(ada):
    change_traits(ada.ctx, ada.login, EVERYTHING)

    change_traits(ada.ctx, ada.login, {"address": {"street_address": "", "locality": "Paris", "country": "FR"}})

    assert ada.user.claims["address"] == {"locality": "Paris", "country": "FR"}


def test_what_is_not_named_stays(app):
    bob = enter(app, "bob@example.com", nickname="Bobby", name="Bob", website="https://bob.example")

    change_traits(bob.ctx, bob.login, {"name": "Robert"})

    assert bob.user.claims == {"nickname": "Bobby", "name": "Robert", "website": "https://bob.example"}


def test_updated_at_moves_only_with_a_change(ada, clock):
    change_traits(ada.ctx, ada.login, {"name": "Ada"})
    before = ada.user.updated_at
    clock.advance(minutes=1)

    assert change_traits(ada.ctx, ada.login, {"name": " Ada "}) == []
    assert ada.user.updated_at == before
    assert change_traits(ada.ctx, ada.login, {"name": "Ada L."}) == ["name"]
    assert ada.user.updated_at == clock()


def test_it_needs_no_fresh_sign_in(ada, clock):
    clock.advance(hours=2)

    assert change_traits(ada.ctx, ada.login, {"name": "Ada"}) == ["name"]


def test_the_journal_and_the_signal_name_claims_and_no_values(ada, canaries):
    heard = []
    with user_profile_changed.connected_to(lambda sender, **values: heard.append(values)):
        change_traits(ada.ctx, ada.login, {"name": "Ada", "gender": "female"})

    assert heard == [{"project": "shop", "user_id": ada.user.id, "sub": ada.sub, "claims": ["gender", "name"]}]
    assert ("user.profile_changed", None) in events(ada.ctx)


def test_a_new_phone_number_is_not_the_one_that_was_verified(app):
    bob = enter(app, "bob@example.com", phone_number="+1 555 123", phone_number_verified=True)

    change_traits(bob.ctx, bob.login, {"phone_number": "+1 555 123"})
    assert bob.user.claims["phone_number_verified"] is True
    change_traits(bob.ctx, bob.login, {"phone_number": "+1 555 124"})

    assert bob.user.claims == {"phone_number": "+1 555 124"}


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("name", "Ada\u202eecalevoL"),
        ("name", "A\u200bda"),
        ("name", "x" * 101),
        ("name", "x" * 10_000),
        ("given_name", "A\0da"),
        ("family_name", "\ud800"),
        ("gender", "\u2800"),
        ("gender", 7),
        ("picture", "http://example.com/ada.png"),
        ("picture", "javascript:alert(1)"),
        ("picture", "data:image/png;base64,AAAA"),
        ("picture", "https://"),
        ("website", "example.com"),
        ("website", "https://exa mple.com"),
        ("website", "https://[::1"),
        ("website", "https://example.com/" + "x" * 1000),
        ("locale", "English, please"),
        ("locale", "en_"),
        ("zoneinfo", "Paris, France"),
        ("zoneinfo", "../../etc/passwd"),
        ("birthdate", "10.12.1815"),
        ("birthdate", "1815-02-30"),
        ("birthdate", "1815-12"),
        ("phone_number", "call me"),
        ("phone_number", "1" * 60),
        ("address", "12 St James's Square"),
        ("address", ["London"]),
    ],
)
def test_what_cannot_be_accepted_is_named_and_nothing_is_written(ada, trait, value):
    with pytest.raises(InvalidTraits) as refused:
        change_traits(ada.ctx, ada.login, {"given_name": "Ada", trait: value})

    assert list(refused.value.faults) == [trait]
    assert "claim" not in refused.value.message
    assert ada.user.claims == {}


@pytest.mark.parametrize("part", ["\0", "\ud800", "x" * 1001, "\u0007"])
def test_so_is_a_part_of_an_address(ada, part):
    with pytest.raises(InvalidTraits) as refused:
        change_traits(ada.ctx, ada.login, {"address": {"locality": part, "country": "GB"}})

    assert list(refused.value.faults) == ["address.locality"]


def test_an_address_has_no_other_parts(ada):
    with pytest.raises(InvalidTraits):
        change_traits(ada.ctx, ada.login, {"address": {"planet": "Earth"}})


def test_all_faults_are_told_at_once(ada):
    with pytest.raises(InvalidTraits) as refused:
        change_traits(ada.ctx, ada.login, {"locale": "!", "zoneinfo": "!", "address": {"region": "\0"}})

    assert set(refused.value.faults) == {"locale", "zoneinfo", "address.region"}


@pytest.mark.parametrize("claim", ["sub", "email", "email_verified", "updated_at", "phone_number_verified", "nickname"])
def test_other_claims_cannot_be_set(ada, claim):
    with pytest.raises(InvalidInput):
        change_traits(ada.ctx, ada.login, {claim: "x"})

    assert ada.user.claims == {}


def test_what_an_admin_entered_may_stay_though_it_could_not_be_typed(app):
    long = "x" * 300
    bob = enter(app, "bob@example.com", name=long, picture="http://example.com/bob.png")

    change_traits(bob.ctx, bob.login, {"name": long, "picture": "http://example.com/bob.png", "gender": "male"})

    assert bob.user.claims["gender"] == "male"


def test_nobody_else_is_touched(app, ada):
    bob = enter(app, "bob@example.com", name="Bob")
    add_project(app, "club")
    twin = enter(app, "ada@example.com", slug="club", name="Ada")

    change_traits(ada.ctx, ada.login, EVERYTHING)

    assert bob.user.claims == {"name": "Bob"}
    assert twin.user.claims == {"name": "Ada"}
