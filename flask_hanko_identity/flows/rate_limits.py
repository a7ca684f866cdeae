"""What may be done how often, and by whom.

Requests are counted as they come (``spend``). Guesses are counted when they were wrong (``note``, after
``require_left``), so that nobody is kept out by being right.
"""

import ipaddress
import logging
import math
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from typing import TypeVar

from limits import RateLimitItem
from limits import parse_many
from limits.errors import StorageError
from limits.strategies import FixedWindowRateLimiter

from ..errors import TooManyRequests
from ..storage.rate_limits import DatabaseCounters
from ..text import ngettext
from .context import Context
from .unit_of_work import transaction

log = logging.getLogger("flask_hanko_identity")

T = TypeVar("T")
Limits = tuple[RateLimitItem, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """How often one thing may be done, counted in windows that begin with the first time."""

    name: str
    account: Limits = ()
    """For one account, or for the e-mail address that was typed, whether or not anybody has it."""
    network: Limits = ()
    """From one address of the internet; a network of 64 bits counts as one where it is IPv6."""
    project: Limits = ()
    """In the project altogether."""
    sampled: bool = False
    """Counted by samples, where it happens often and each time alone is harmless."""


def _limits(text: str) -> Limits:
    return tuple(parse_many(text))


PASSLINKS = Rule(
    "passlink",
    account=_limits("5 per 10 minutes; 20 per day"),
    network=_limits("30 per 10 minutes"),
    project=_limits("2000 per 10 minutes"),
)
WRONG_CODES = Rule(
    "code",
    account=_limits("20 per hour; 60 per day"),
    network=_limits("60 per hour"),
    project=_limits("3000 per hour"),
)
RECOVERY = Rule(
    "recovery",
    account=_limits("10 per hour; 30 per day"),
    network=_limits("30 per hour"),
    project=_limits("1000 per hour"),
)
# No limit for the whole project here: strangers could use it up, and nobody would get in with a passkey.
SIGN_IN = Rule("sign-in", network=_limits("600 per 5 minutes"), sampled=True)
SIGN_UP = Rule("sign-up", network=_limits("120 per 10 minutes"), project=_limits("6000 per 10 minutes"), sampled=True)


def spend(ctx: Context, rule: Rule, *, account: str | None = None) -> None:
    """Count one, unless the limit is reached already. Not to be called inside a transaction of a flow.

    :param account: an address as it was typed, or a user's ``sub``.
    :raises TooManyRequests: saying when to try again.
    """
    if ctx.counters.off:
        return
    used_up = _sampled(ctx, rule, account) if rule.sampled else _count(ctx, rule, account, stop=True)
    if used_up is not None:
        raise too_many(used_up)


def require_left(ctx: Context, rule: Rule, *, account: str | None = None) -> None:
    """Refuse a try where the limit is reached; nothing is counted.

    :raises TooManyRequests: saying when to try again.
    """
    if ctx.counters.off:
        return

    def look(limiter: FixedWindowRateLimiter) -> timedelta | None:
        for item, key in _keys(ctx, rule, account):
            if not limiter.test(item, *key):
                return _left(ctx, limiter, item, key)
        return None

    used_up = _with_limiter(ctx, look, writes=False)
    if used_up is not None:
        raise too_many(used_up)


def note(ctx: Context, rule: Rule, *, account: str | None = None) -> None:
    """Count a try that failed."""
    if not ctx.counters.off:
        _count(ctx, rule, account, stop=False)


def forgive(ctx: Context, rule: Rule, *, account: str) -> None:
    """Forget the account's failures, now that it got in; what came from the same network stays counted."""
    if ctx.counters.off:
        return

    def clear(limiter: FixedWindowRateLimiter) -> None:
        for item, key in _keys(ctx, rule, account):
            if key[1] == "account":
                limiter.clear(item, *key)

    _with_limiter(ctx, clear, writes=True)


def too_many(wait: timedelta) -> TooManyRequests:
    """The refusal, in words for people."""
    minutes = max(1, math.ceil(wait.total_seconds() / 60))
    if minutes > 90:
        message = ngettext(
            "That was tried too often. Try again in %(num)d hour.",
            "That was tried too often. Try again in %(num)d hours.",
            math.ceil(minutes / 60),
        )
    else:
        message = ngettext(
            "That was tried too often. Try again in %(num)d minute.",
            "That was tried too often. Try again in %(num)d minutes.",
            minutes,
        )
    return TooManyRequests(message, retry_after=wait)


def _count(ctx: Context, rule: Rule, account: str | None, *, stop: bool) -> timedelta | None:
    """Count in each window, and say how long to wait for the first one that is full.

    With ``stop`` the rest is not counted then: who is refused for their own network does not use up what belongs
    to the account of somebody else.
    """

    def count(limiter: FixedWindowRateLimiter) -> timedelta | None:
        wait = None
        for item, key in _keys(ctx, rule, account):
            if not limiter.hit(item, *key) and wait is None:
                wait = _left(ctx, limiter, item, key)
                if stop:
                    break
        return wait

    return _with_limiter(ctx, count, writes=True)


def _sampled(ctx: Context, rule: Rule, account: str | None) -> timedelta | None:
    counters, now = ctx.counters, ctx.now.timestamp()
    for item, key in _keys(ctx, rule, account):
        name = item.key_for(*key)
        until = counters.used_up_until(name, now=now)
        if until is not None:
            return timedelta(seconds=until - now)
        amount = counters.sample(name)
        if not amount:
            continue

        def count(
            limiter: FixedWindowRateLimiter, item: RateLimitItem = item, key: Any = key, amount: int = amount
        ) -> timedelta | None:
            return None if limiter.hit(item, *key, cost=amount) else _left(ctx, limiter, item, key)

        wait = _with_limiter(ctx, count, writes=True)
        if wait is not None:
            counters.note_used_up(name, until=now + wait.total_seconds())
            return wait
    return None


def _with_limiter(ctx: Context, work: Callable[[FixedWindowRateLimiter], T], *, writes: bool) -> T:
    if ctx.counters.shared is not None:
        try:
            return work(FixedWindowRateLimiter(ctx.counters.shared))
        except StorageError as error:
            log.warning("Redis does not count for the rate limits (%s); the database does.", type(error.storage_error))
    with transaction(ctx) if writes else nullcontext():
        return work(FixedWindowRateLimiter(DatabaseCounters(ctx.session, ctx.now)))


def _left(ctx: Context, limiter: FixedWindowRateLimiter, item: RateLimitItem, key: tuple[str, ...]) -> timedelta:
    is_ours = isinstance(limiter.storage, DatabaseCounters)
    now = ctx.now.timestamp() if is_ours else time.time()
    left = limiter.storage.get_expiry(item.key_for(*key)) - now
    return timedelta(seconds=min(max(1.0, left), item.get_expiry()))


def _keys(ctx: Context, rule: Rule, account: str | None) -> Iterator[tuple[RateLimitItem, tuple[str, ...]]]:
    """Each window with the name of its counter; always in the same order, so that nobody waits in a circle."""
    tenant = str(ctx.project.id)
    network = _network(ctx.origin.ip_address)
    if network is not None:
        for item in rule.network:
            yield item, (rule.name, "network", tenant, network)
    for item in rule.project:
        yield item, (rule.name, "project", tenant)
    if account is not None:
        # No address is readable in what is counted.
        name = ctx.ring.mac("rate-limit", account.lower())
        for item in rule.account:
            yield item, (rule.name, "account", tenant, name)


def _network(address: str | None) -> str | None:
    if not address:
        return None
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a Unix socket, say
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
