"""Signing keys are rotated; what is encrypted is sealed anew."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from flask_hanko_identity.crypto import DecryptionFailed
from flask_hanko_identity.crypto import KeyRing
from flask_hanko_identity.errors import Conflict
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.flows.encryption import reseal_all
from flask_hanko_identity.flows.keys import rotate_keys
from flask_hanko_identity.protocol.signing import ALGORITHMS
from flask_hanko_identity.protocol.signing import active_key
from flask_hanko_identity.protocol.signing import key_state
from flask_hanko_identity.protocol.signing import published_keys
from flask_hanko_identity.signals import signing_key_rotated
from flask_hanko_identity.storage import SigningKey
from tests.management import at_once
from tests.management import events
from tests.management import make_context
from tests.management import make_project


@pytest.fixture(autouse=True)
def shop(app):
    with app.app_context():
        make_project(app, ready=True)
        yield


def keys(app):
    return make_context(app, "shop").project.keys


def signing_kid(app, algorithm="RS256"):
    return active_key(keys(app), algorithm, make_context(app).now).kid


def published_kids(app):
    ctx = make_context(app, "shop")
    return [key["kid"] for key in published_keys(keys(app), ctx.now, token_lifetime=ctx.settings.id_token_lifetime)]


def test_a_new_key_is_published_before_it_signs_and_the_old_one_after(app, clock):
    old = signing_kid(app)
    told = []

    with signing_key_rotated.connected_to(lambda _, **payload: told.append(payload)):
        [new] = rotate_keys(make_context(app, "shop"), algorithm="RS256")

    kid = new.kid
    assert told == [{"project": "shop", "kid": kid, "algorithm": "RS256"}]
    assert signing_kid(app) == old and kid in published_kids(app)
    clock.advance(hours=23, minutes=59)
    assert signing_kid(app) == old
    clock.advance(minutes=1)
    assert signing_kid(app) == kid and old in published_kids(app)
    assert [key_state(key, clock()) for key in keys(app) if key.kid == old] == ["retired"]
    clock.advance(hours=2)
    assert old not in published_kids(app)
    assert events(app, subject="project:shop")[-1] == "project.key_rotated"


def test_all_kinds_are_rotated_together_unless_one_is_named(app, clock):
    before = {algorithm: signing_kid(app, algorithm) for algorithm in ALGORITHMS}
    clock.advance(seconds=1)

    added = rotate_keys(make_context(app, "shop"), at_once=True)

    assert sorted(key.algorithm for key in added) == sorted(ALGORITHMS)
    assert all(signing_kid(app, algorithm) != kid for algorithm, kid in before.items())


def test_a_second_rotation_waits_for_the_first(app):
    rotate_keys(make_context(app, "shop"), algorithm="ES256")

    with pytest.raises(Conflict):
        rotate_keys(make_context(app, "shop"), algorithm="ES256")

    assert sorted(key.algorithm for key in rotate_keys(make_context(app, "shop"))) == ["Ed25519", "RS256"]


def test_at_once_a_key_that_waits_is_dropped(app, clock):
    [waiting] = rotate_keys(make_context(app, "shop"), algorithm="RS256")
    waiting_kid = waiting.kid
    clock.advance(hours=1)

    [new] = rotate_keys(make_context(app, "shop"), algorithm="RS256", at_once=True)

    kid = new.kid
    assert signing_kid(app) == kid
    assert waiting_kid not in published_kids(app)
    clock.advance(days=2)
    assert signing_kid(app) == kid


def test_four_rotations_at_once_make_one_key(app):
    results = at_once(app, lambda _: [key.kid for key in rotate_keys(make_context(app, "shop"), algorithm="ES256")])

    assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 3 + ["list"]
    assert sum(key.algorithm == "ES256" for key in keys(app)) == 2


def test_there_is_always_one_key_that_signs_however_many_rotate(app, clock):
    def rotate(number):
        ctx = make_context(app, "shop")
        now = ctx.now + timedelta(milliseconds=number + 1)
        return len(rotate_keys(replace(ctx, now=now), algorithm="ES256", at_once=True))

    assert at_once(app, rotate) == [1] * 4
    clock.advance(seconds=1)

    assert [key_state(key, clock()) for key in keys(app) if key.algorithm == "ES256"].count("active") == 1
    assert active_key(keys(app), "ES256", clock()).retires_at is None


@pytest.mark.parametrize("algorithm", ["HS256", "none", ""])
def test_no_other_algorithm(app, algorithm):
    with pytest.raises(InvalidInput):
        rotate_keys(make_context(app, "shop"), algorithm=algorithm or "x")


def test_a_project_without_keys_gets_some(app):
    make_project(app, "bare")

    assert len(rotate_keys(make_context(app, "bare"), at_once=True)) == 3


def test_encryption_keys_can_be_replaced(app):
    old, new = KeyRing(["a secret key for tests only"]), KeyRing(["new"])
    both = replace(make_context(app), ring=KeyRing(["new", "a secret key for tests only"]))

    assert reseal_all(both).count == 3

    for sealed in make_context(app).session.scalars(select(SigningKey.sealed_private_key)).all():
        assert new.decrypt(sealed)
        with pytest.raises(DecryptionFailed):
            old.decrypt(sealed)
    assert reseal_all(both).unreadable == ()


def test_what_cannot_be_opened_is_left_and_named(app):
    before = keys(app)
    result = reseal_all(replace(make_context(app), ring=KeyRing(["another"])))

    assert result.count == 0
    assert set(result.unreadable) == {key.kid for key in before}
    assert keys(app) == before
