"""One-time links."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy import update

from flask_hanko_identity.crypto import digest
from flask_hanko_identity.errors import Forbidden
from flask_hanko_identity.errors import InvalidInput
from flask_hanko_identity.errors import NotFound
from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.passlink_uses import use_link
from flask_hanko_identity.flows.passlinks import create_invitation
from flask_hanko_identity.flows.passlinks import create_sign_in_link
from flask_hanko_identity.flows.passlinks import look_up
from flask_hanko_identity.storage import Passlink
from flask_hanko_identity.storage import User
from flask_hanko_identity.storage.passlinks import PasslinkPurpose
from tests.sign_in import add_project
from tests.sign_in import events
from tests.sign_in import make_context
from tests.sign_in import sign_up


def use_sign_in_link(ctx, secret, *, current_token):
    """Use a link that signs somebody in; gives the new session."""
    used = use_link(ctx, secret, current_token=current_token)
    assert (used.purpose, used.request, used.page) == (PasslinkPurpose.SIGN_IN, None, None)
    return used.opened


@pytest.fixture
def ctx(app, authenticator):
    """A browser in a project with one user."""
    with app.app_context():
        add_project(app, "shop")
        add_project(app, "console")
        ctx = make_context(app)
        sign_up(ctx, authenticator)
        yield ctx


@pytest.fixture
def user(ctx):
    return ctx.session.scalars(select(User)).one()


@pytest.fixture
def secret(ctx, user):
    link = create_sign_in_link(ctx, user=user)
    assert link.startswith("http://localhost/identity/shop/link/")
    return link.rpartition("/")[2]


def test_link_signs_its_user_in(ctx, user, secret):
    opened = use_sign_in_link(ctx, secret, current_token=None)

    signed_in = find_signed_in(ctx, opened.token)
    assert signed_in is not None
    assert (signed_in.sub, signed_in.acr, signed_in.amr) == (user.sub, "1", ("otp",))
    assert events(ctx)[-1] == ("session.opened", None)


def test_only_the_digest_is_stored(ctx, secret, canaries):
    canaries.add(secret)

    link = ctx.session.scalars(select(Passlink)).one()

    assert bytes(link.digest) == digest(secret)
    assert len(secret) >= 43
    assert secret not in str(vars(link))


def test_looking_does_not_spend(ctx, secret):
    for _ in range(3):
        found = look_up(ctx, secret)
        assert found is not None
        assert (found.purpose, found.email) == (PasslinkPurpose.SIGN_IN, "ada@example.com")

    use_sign_in_link(ctx, secret, current_token=None)

    assert look_up(ctx, secret) is None


def test_link_works_on_another_device(ctx, secret):
    elsewhere = make_context(ctx.sender)

    use_sign_in_link(elsewhere, secret, current_token=None)


def test_link_works_once(ctx, secret):
    use_sign_in_link(ctx, secret, current_token=None)

    with pytest.raises(PageExpired):
        use_sign_in_link(ctx, secret, current_token=None)


def test_twenty_at_once_open_one_session(ctx, secret):
    app = ctx.sender

    def use(_number):
        with app.app_context():
            try:
                use_sign_in_link(make_context(app), secret, current_token=None)
            except PageExpired:
                return "used up"
            return "signed in"

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(use, range(20)))

    assert sorted(answers) == ["signed in"] + ["used up"] * 19


def test_link_works_for_ten_minutes(ctx, user, secret, clock):
    other = create_sign_in_link(ctx, user=user).rpartition("/")[2]

    clock.advance(minutes=10, seconds=-1)
    use_sign_in_link(make_context(ctx.sender), other, current_token=None)
    clock.advance(seconds=1)

    late = make_context(ctx.sender)
    assert look_up(late, secret) is None
    with pytest.raises(PageExpired):
        use_sign_in_link(late, secret, current_token=None)


def test_used_expired_and_unknown_links_answer_alike(ctx, user, secret, clock):
    used = create_sign_in_link(ctx, user=user).rpartition("/")[2]
    use_sign_in_link(ctx, used, current_token=None)
    clock.advance(minutes=11)
    late = make_context(ctx.sender)

    messages = set()
    for each in (used, secret, "unknown", "", "\0", "\ud800", "x" * 1000):
        with pytest.raises(PageExpired) as refused:
            use_sign_in_link(late, each, current_token=None)
        messages.add(refused.value.message)

    assert len(messages) == 1


def test_link_belongs_to_its_project(ctx, secret):
    console = make_context(ctx.sender, "console")

    assert look_up(console, secret) is None
    with pytest.raises(PageExpired):
        use_sign_in_link(console, secret, current_token=None)


def test_invitation_signs_nobody_in(ctx):
    console = make_context(ctx.sender, "console")
    secret = create_invitation(console, email="ada@example.com").rpartition("/")[2]

    with pytest.raises(PageExpired):
        use_sign_in_link(console, secret, current_token=None)

    assert look_up(console, secret) is not None


def test_link_replaces_the_session_before(ctx, user, secret):
    first = use_sign_in_link(ctx, secret, current_token=None)
    again = create_sign_in_link(ctx, user=user).rpartition("/")[2]

    second = use_sign_in_link(ctx, again, current_token=first.token)

    assert find_signed_in(ctx, first.token) is None
    assert find_signed_in(ctx, second.token) is not None


def test_inactive_user_stays_out(ctx, secret):
    ctx.session.execute(update(User).values(state="inactive"))
    ctx.session.commit()

    with pytest.raises(Forbidden):
        use_sign_in_link(ctx, secret, current_token=None)


def test_host_project_has_no_links(ctx, user):
    add_project(ctx.sender, "guests", type="host")

    with pytest.raises(NotFound):
        create_sign_in_link(make_context(ctx.sender, "guests"), user=user)


def test_invitation_needs_an_address(ctx):
    with pytest.raises(InvalidInput):
        create_invitation(make_context(ctx.sender, "console"), email="nobody")
