"""What may be done how often: counted in the database and in Redis alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from limits import parse
from sqlalchemy import select

from flask_hanko_identity.errors import ConfigurationError
from flask_hanko_identity.errors import TooManyRequests
from flask_hanko_identity.flows import rate_limits
from flask_hanko_identity.flows.counters import STEP
from flask_hanko_identity.flows.counters import Counters
from flask_hanko_identity.flows.counters import make_counters
from flask_hanko_identity.flows.passlink_requests import ask
from flask_hanko_identity.flows.passlink_uses import WrongCode
from flask_hanko_identity.flows.passlink_uses import use_code
from flask_hanko_identity.flows.purge import purge
from flask_hanko_identity.flows.rate_limits import Rule
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.storage import RateLimit
from flask_hanko_identity.storage.rate_limits import DatabaseCounters
from tests.by_mail import wrong
from tests.mails import Outbox
from tests.queries import count_statements
from tests.servers import free_port
from tests.sign_in import add_project
from tests.sign_in import engine_of
from tests.sign_in import make_context
from tests.sign_in import sign_in
from tests.sign_in import sign_up

THREE = Rule("test", account=(parse("3 per 10 minutes"),))
BY_NETWORK = Rule("test", account=(parse("100 per hour"),), network=(parse("3 per hour"),))
SAMPLED = Rule("test", network=(parse("30 per hour"),), sampled=True)


@pytest.fixture(params=["database", "redis"])
def counters(request):
    """Both places where a host may count."""
    if request.param == "database":
        return Counters()
    return make_counters(request.getfixturevalue("redis_url"))


@pytest.fixture
def base(app):
    with app.app_context():
        add_project(app, "shop")
        yield make_context(app)


@pytest.fixture
def ctx(base, counters):
    return replace(base, counters=counters)


def at(ctx, address, slug="shop"):
    """The same work, from another address."""
    fresh = make_context(ctx.sender, slug)
    origin = replace(fresh.origin, ip_address=address)
    return replace(fresh, counters=ctx.counters, origin=origin, mailer=ctx.mailer)


def times(ctx, rule, account, most=10):
    """How often it can be done."""
    for number in range(most):
        try:
            rate_limits.spend(ctx, rule, account=account)
        except TooManyRequests:
            return number
    return most


class TestCounting:
    def test_a_limit_is_kept(self, ctx):
        assert times(ctx, THREE, "ada") == 3

        with pytest.raises(TooManyRequests) as refused:
            rate_limits.spend(ctx, THREE, account="ada")
        assert timedelta(minutes=9, seconds=50) < refused.value.retry_after <= timedelta(minutes=10)
        assert refused.value.message == "That was tried too often. Try again in 10 minutes."

    def test_accounts_and_projects_are_counted_apart(self, ctx):
        add_project(ctx.sender, "other")

        assert times(ctx, THREE, "ada") == 3
        assert times(ctx, THREE, "eve") == 3
        assert times(ctx, THREE, "ADA") == 0
        assert times(at(ctx, "192.0.2.1", "other"), THREE, "ada") == 3

    @pytest.mark.parametrize(
        ("one", "other", "together"),
        [
            ("192.0.2.1", "192.0.2.2", False),
            ("2001:db8::1", "2001:db8::ffff:1", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("fe80::1%eth0", "fe80::2", True),
        ],
    )
    def test_networks(self, ctx, one, other, together):
        assert times(at(ctx, one), BY_NETWORK, "ada") == 3
        assert times(at(ctx, other), BY_NETWORK, "eve") == (0 if together else 3)

    def test_without_a_network_address(self, ctx):
        assert times(at(ctx, None), BY_NETWORK, "ada") == 10

    def test_who_is_refused_for_their_network_spends_nothing_of_the_account(self, ctx):
        times(at(ctx, "192.0.2.1"), BY_NETWORK, "eve")
        rule = replace(BY_NETWORK, account=THREE.account)

        assert times(at(ctx, "192.0.2.1"), rule, "ada") == 0
        assert times(at(ctx, "192.0.2.2"), rule, "ada") == 3

    def test_failures_are_counted_and_forgiven(self, ctx):
        for _ in range(3):
            rate_limits.require_left(ctx, THREE, account="ada")
            rate_limits.note(ctx, THREE, account="ada")
        with pytest.raises(TooManyRequests):
            rate_limits.require_left(ctx, THREE, account="ada")

        rate_limits.forgive(ctx, THREE, account="ada")

        rate_limits.require_left(ctx, THREE, account="ada")

    def test_success_forgives_the_own_account_only(self, ctx):
        """F17: who alternates guesses with sign-ins of their own is stopped all the same."""
        for _ in range(3):
            rate_limits.note(ctx, BY_NETWORK, account="ada")
            rate_limits.forgive(ctx, BY_NETWORK, account="eve")
            rate_limits.forgive(ctx, BY_NETWORK, account="ada")

        with pytest.raises(TooManyRequests):
            rate_limits.require_left(ctx, BY_NETWORK, account="ada")

    def test_twenty_at_once(self, ctx):
        app, counters = ctx.sender, ctx.counters

        def spend(_number):
            with app.app_context():
                try:
                    rate_limits.spend(replace(make_context(app), counters=counters), THREE, account="ada")
                except TooManyRequests:
                    return "refused"
                return "done"

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(spend, range(20)))

        assert sorted(answers) == ["done"] * 3 + ["refused"] * 17

    def test_samples(self, ctx):
        """One of ten costs a statement, and once there is nothing left none does."""
        with count_statements(engine_of(ctx.sender)) as seen:
            allowed = times(ctx, SAMPLED, None, most=200)
        assert 30 <= allowed < 30 + STEP
        assert seen.count <= 5
        with count_statements(engine_of(ctx.sender)) as seen, pytest.raises(TooManyRequests):
            rate_limits.spend(ctx, SAMPLED)
        assert seen.count == 0

    def test_nothing_is_counted_where_it_is_off(self, base):
        assert times(replace(base, counters=make_counters("none")), THREE, "ada") == 10


class TestDatabase:
    def test_a_window_ends(self, base, clock):
        assert times(base, THREE, "ada") == 3
        clock.advance(minutes=9, seconds=59)
        assert times(make_context(base.sender), THREE, "ada") == 0
        clock.advance(seconds=1)
        assert times(make_context(base.sender), THREE, "ada") == 3

    def test_hours(self, base):
        rule = Rule("test", account=(parse("1 per day"),))
        rate_limits.spend(base, rule, account="ada")

        with pytest.raises(TooManyRequests, match="Try again in 24 hours"):
            rate_limits.spend(base, rule, account="ada")

    def test_no_address_is_readable(self, base):
        rate_limits.spend(base, THREE, account="ada@example.com")

        keys = base.session.scalars(select(RateLimit.key)).all()
        assert len(keys) == 1 and "ada" not in keys[0] and len(keys[0]) <= 200

    def test_every_rule_has_a_key_that_fits(self, base):
        rules = [rule for rule in vars(rate_limits).values() if isinstance(rule, Rule)]
        assert len(rules) == 5
        for rule in rules:
            ctx = at(base, "2001:db8:1234:5678:9abc:def0:1234:5678")
            for item, key in rate_limits._keys(ctx, rule, "x" * 254):
                assert len(item.key_for(*key)) <= 120

    def test_storage_of_the_library(self, base, clock):
        storage = DatabaseCounters(base.session, base.now)

        assert (storage.get("a"), storage.incr("a", 60), storage.incr("a", 60, 4), storage.get("a")) == (0, 1, 5, 5)
        assert storage.get_expiry("a") == base.now.timestamp() + 60
        assert storage.get_expiry("b") == base.now.timestamp()
        storage.incr("b", 60)
        storage.clear("a")
        assert (storage.get("a"), storage.get("b"), storage.check(), storage.reset(), storage.get("b")) == (
            0,
            1,
            True,
            1,
            0,
        )

    def test_purge(self, base, clock):
        times(base, THREE, "ada")
        clock.advance(minutes=80)

        assert purge(make_context(base.sender))["rate_limits"] == 1

    def test_redis_that_does_not_answer(self, base):
        ctx = replace(base, counters=make_counters(f"redis://127.0.0.1:{free_port()}/0"))

        assert times(ctx, THREE, "ada") == 3
        rate_limits.forgive(ctx, THREE, account="ada")
        assert times(ctx, THREE, "ada") == 3

    @pytest.mark.parametrize(
        "url", ["memory://", "async+redis://localhost", "http://localhost", "redis", "redis://x:y"]
    )
    def test_urls_that_are_none(self, app_factory, url):
        with pytest.raises(ConfigurationError, match="RATE_LIMIT_URL"):
            app_factory(HANKO_IDENTITY_RATE_LIMIT_URL=url)


class TestSignIn:
    @pytest.fixture
    def outbox(self):
        return Outbox()

    @pytest.fixture
    def shop(self, ctx, outbox):
        create_user(ctx, email="ada@example.com")
        return replace(ctx, mailer=outbox)

    @pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
    def test_mails_to_one_address(self, shop, outbox, email):
        for number in range(5):
            ask(at(shop, f"192.0.2.{number}"), email=email)

        with pytest.raises(TooManyRequests):
            ask(at(shop, "192.0.2.200"), email=email.upper())
        assert len(outbox.mails) == 5
        ask(shop, email="other@example.com")

    def test_mails_from_one_network(self, shop, outbox):
        for number in range(30):
            ask(shop, email=f"somebody{number}@example.com")

        with pytest.raises(TooManyRequests):
            ask(shop, email="ada@example.com")
        assert len(outbox.mails) == 30
        ask(at(shop, "192.0.2.200"), email="ada@example.com")

    def test_wrong_codes(self, shop, outbox, authenticator):
        """F16: twenty guesses in an hour, whoever makes them; a passkey works all the same."""
        sign_up(shop, authenticator, email="ada@example.com")
        strangers = [at(shop, f"198.51.100.{number}") for number in range(5)]
        handles = [ask(stranger, email="ada@example.com") for stranger in strangers]
        answers = []
        for stranger, handle, mail in zip(strangers, handles, outbox.mails, strict=True):
            for _ in range(5):
                with pytest.raises((WrongCode, TooManyRequests)) as refused:
                    use_code(stranger, handle, code=wrong(mail.values["code"]), current_token=None)
                answers.append(refused.type)

        assert answers == [WrongCode] * 20 + [TooManyRequests] * 5
        assert sign_in(strangers[0], authenticator).token
