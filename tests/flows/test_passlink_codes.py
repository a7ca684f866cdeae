"""The six digits of a mail: guessed, and as they are stored."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from flask_hanko_identity.crypto import digest
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.flows.passlink_requests import ask
from flask_hanko_identity.flows.passlink_uses import WrongCode
from flask_hanko_identity.flows.passlink_uses import use_code
from flask_hanko_identity.flows.passlink_uses import use_link
from flask_hanko_identity.flows.users import create_user
from flask_hanko_identity.storage import Passlink
from tests.by_mail import ADA
from tests.by_mail import EVE
from tests.by_mail import wrong
from tests.evidence import dump
from tests.mails import Outbox
from tests.sign_in import add_project
from tests.sign_in import events
from tests.sign_in import make_context


@pytest.fixture
def outbox():
    return Outbox()


@pytest.fixture
def ctx(app, outbox):
    with app.app_context():
        add_project(app, "shop", signup="closed")
        ctx = replace(make_context(app), mailer=outbox)
        create_user(ctx, email=ADA)
        yield ctx


def test_only_digests_are_stored(ctx, outbox, canaries):
    handle = ask(ctx, email=ADA)
    canaries.add(outbox.secret)
    canaries.add(outbox.code)

    link = ctx.session.scalars(select(Passlink)).one()

    assert bytes(link.digest) == digest(outbox.secret)
    assert bytes(link.browser_digest) == digest(ctx.origin.browser)
    stored = dump(ctx.sender)
    for each in (outbox.secret, outbox.code, outbox.code.replace(" ", ""), ctx.origin.browser):
        assert each.encode() not in stored
    assert ctx.ring.verify_mac(link.code_digest, "passlink code", handle, outbox.code.replace(" ", ""))


@pytest.mark.parametrize("shape", ["{0} {1}", "{0}{1}", " {0}-{1} ", "{0}\u00a0{1}", "{0}\t{1}"])
def test_code_as_people_type_it(ctx, outbox, shape):
    handle = ask(ctx, email=ADA)

    assert use_code(ctx, handle, code=shape.format(*outbox.code.split()), current_token=None).opened


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "12345x", "1" * 5000, "\0" * 6, "\ud800" * 6, "²³¹²³¹"]
)
def test_what_is_no_code_costs_no_try(ctx, outbox, code):
    handle = ask(ctx, email=ADA)

    with pytest.raises(InvalidInput):
        use_code(ctx, handle, code=code, current_token=None)
    assert ctx.session.scalars(select(Passlink.attempts)).one() == 0


@pytest.mark.parametrize("email", [ADA, EVE])
def test_after_five_wrong_codes_the_mail_is_dead(ctx, outbox, email):
    handle = ask(ctx, email=email)
    real = outbox.mails[0].values.get("code", "000 000")

    left = []
    for number in range(5):
        with pytest.raises(WrongCode) as refused:
            use_code(ctx, handle, code=wrong(real, number + 1), current_token=None)
        left.append(refused.value.left)

    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(PageExpired):
        use_code(ctx, handle, code=real, current_token=None)
    if email == ADA:
        with pytest.raises(PageExpired):
            use_link(ctx, outbox.secret, current_token=None)
    assert events(ctx)[-5:] == [("passlink.refused", "wrong code")] * 5


def test_the_fifth_try_may_be_right(ctx, outbox):
    handle = ask(ctx, email=ADA)
    for number in range(4):
        with pytest.raises(WrongCode):
            use_code(ctx, handle, code=wrong(outbox.code, number + 1), current_token=None)

    assert use_code(ctx, handle, code=outbox.code, current_token=None).opened


def test_of_many_guesses_at_once_five_are_looked_at(ctx, outbox):
    handle = ask(ctx, email=ADA)
    app, browser, code = ctx.sender, ctx.origin.browser, outbox.code

    def guess(number):
        with app.app_context():
            try:
                use_code(make_context(app, browser=browser), handle, code=wrong(code, number + 1), current_token=None)
            except (WrongCode, PageExpired) as refusal:
                return type(refusal).__name__
            return "signed in"

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(guess, range(20)))

    assert sorted(answers) == ["PageExpired"] * 15 + ["WrongCode"] * 5


@pytest.mark.parametrize("handle", [None, "", "x" * 22, "x" * 65, "\0"])
def test_unknown_handles(ctx, handle):
    with pytest.raises(PageExpired):
        use_code(ctx, handle, code="123456", current_token=None)


def test_nobody_can_find_the_code_of_a_decoy(ctx, outbox):
    """Each of the million codes is wrong, so that a guess tells nothing about the address."""
    handle = ask(ctx, email=EVE)
    stored = ctx.session.scalars(select(Passlink.code_digest)).one()

    assert not any(ctx.ring.verify_mac(stored, "passlink code", handle, f"{n:06d}") for n in range(0, 1_000_000, 97))
