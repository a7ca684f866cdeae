"""Web Authentication Level 3, section 7.1, where somebody who is signed in adds a passkey: the steps that need what is
stored, and that the ceremony runs all the others."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from flask_hanko_identity.errors import PageExpired
from flask_hanko_identity.errors import PasskeyRejected
from flask_hanko_identity.flows.add_passkey import begin_add
from flask_hanko_identity.flows.add_passkey import finish_add
from flask_hanko_identity.flows.login import begin_login
from flask_hanko_identity.flows.login import finish_login
from flask_hanko_identity.flows.login_sessions import find_signed_in
from flask_hanko_identity.flows.signup import begin_signup
from flask_hanko_identity.flows.signup import finish_signup
from flask_hanko_identity.storage import Passkey
from tests.authenticator import Flag
from tests.authenticator import SoftwareAuthenticator
from tests.authenticator import Tampering
from tests.authenticator import from_base64url
from tests.authenticator import to_base64url
from tests.passkeys import make_member
from tests.sign_in import ORIGIN
from tests.sign_in import add_project
from tests.sign_in import events
from tests.sign_in import make_context
from tests.sign_in import sign_in

UP, UV, BE, BS, AT = (
    Flag.USER_PRESENT,
    Flag.USER_VERIFIED,
    Flag.BACKUP_ELIGIBLE,
    Flag.BACKED_UP,
    Flag.ATTESTED_CREDENTIAL_DATA,
)


@pytest.fixture
def here(app):
    with app.app_context():
        add_project(app, "shop")
        yield app


@pytest.fixture
def ada(here):
    return make_member(here)


@pytest.fixture
def device():
    return SoftwareAuthenticator(origin=ORIGIN)


def stored(ada):
    return ada.ctx.session.scalars(select(Passkey).order_by(Passkey.id)).all()


@pytest.mark.parametrize(
    ("tampering", "reason"),
    [
        pytest.param(Tampering(type="webauthn.get"), "type", id="7: type"),
        pytest.param(Tampering(challenge=bytes(32)), "challenge", id="8: challenge"),
        pytest.param(Tampering(origin="https://evil.test"), "origin", id="9: origin"),
        pytest.param(Tampering(origin="http://localhost:81"), "origin", id="9: other port"),
        pytest.param(Tampering(cross_origin=True), "cross-origin", id="10: crossOrigin"),
        pytest.param(Tampering(top_origin=ORIGIN), "cross-origin", id="11: topOrigin"),
        pytest.param(Tampering(rp_id_hash=bytes(32)), "InvalidRegistrationResponse", id="14: rpIdHash"),
        pytest.param(Tampering(flags=UV | AT), "user presence", id="15: UP"),
        pytest.param(Tampering(flags=UP | AT), "user verification", id="16: UV"),
        pytest.param(Tampering(flags=UP | UV | BS | AT), "backup state", id="17: BS without BE"),
        pytest.param(Tampering(fmt="unheard-of"), None, id="21: format"),
        pytest.param(Tampering(attestation_statement={"x": 1}), "attestation statement", id="22: statement"),
    ],
)
def test_each_step_refuses_and_leaves_nothing(ada, tampering, reason):
    with pytest.raises(PasskeyRejected) as refused:
        ada.add(tampering=tampering)

    assert reason is None or refused.value.reason == reason
    assert len(stored(ada)) == 1
    assert events(ada.ctx)[-1] == ("passkey.rejected", refused.value.reason)
    assert ada.post.mails == []


def test_record_holds_what_the_authenticator_said(ada, device):
    """Step 27."""
    device.aaguid = bytes(range(16))
    device.transports = ("usb", "nfc")

    ada.add(device, Tampering(flags=UP | UV | BE | BS | AT, sign_count=7))

    row, made = stored(ada)[1], device.credentials[0]
    assert (row.credential_id, row.public_key) == (made.credential_id, made.cose_key)
    assert (row.sign_count, row.backup_eligible, row.backup_state) == (7, True, True)
    assert (row.aaguid, row.transports) == ("00010203-0405-0607-0809-0a0b0c0d0e0f", ["nfc", "usb"])
    assert (row.rp_id, row.user_id, row.user_handle) == ("localhost", ada.login.user_id, made.user_handle)
    assert (row.created_at, row.last_used_at) == (ada.ctx.now, None)


@pytest.mark.parametrize("whose", ["own", "another's"])
def test_credential_is_registered_once(ada, here, device, whose):
    """Step 26: the credential id belongs to no user yet."""
    owner = ada if whose == "own" else make_member(here, email="eve@example.com")
    owner.add(device)
    count = len(stored(ada))
    ceremony = begin_add(ada.ctx, ada.login)
    response = device.create({**ceremony.options, "excludeCredentials": []})
    taken = device.credentials[0].credential_id
    replay = SoftwareAuthenticator(origin=ORIGIN)
    again = replay.create(ceremony.options)
    again["response"]["attestationObject"] = to_base64url(
        from_base64url(again["response"]["attestationObject"]).replace(replay.credentials[0].credential_id, taken)
    )
    again["id"] = again["rawId"] = to_base64url(taken)

    with pytest.raises(PasskeyRejected) as refused:
        finish_add(ada.ctx, ada.login, handle=ceremony.handle, response=again)

    assert refused.value.reason == "registered already"
    assert len(stored(ada)) == count
    with pytest.raises(PageExpired):
        finish_add(ada.ctx, ada.login, handle=ceremony.handle, response=response)


def test_challenge_is_for_one_kind_person_project_and_browser(ada, here, device):
    """Row E02 of the threats; section 13.4.3."""
    eve = make_member(here, email="eve@example.com")
    add_project(here, "other")
    browser = ada.ctx.origin.browser
    in_adas_browser = make_context(here, browser=browser)
    renewed = find_signed_in(ada.ctx, sign_in(ada.ctx, ada.authenticator).token)
    assert renewed is not None

    def refused(finish, *, ctx=ada.ctx, login=ada.login):
        ceremony = begin_add(ada.ctx, ada.login)
        response = SoftwareAuthenticator(origin=ORIGIN).create(ceremony.options)
        with pytest.raises(PageExpired):
            if finish is finish_add:
                finish(ctx, login, handle=ceremony.handle, response=response)
            else:
                finish(ctx, handle=ceremony.handle, response=response, current_token=None)

    refused(finish_signup)
    refused(finish_login)
    refused(finish_add, login=eve.login, ctx=in_adas_browser)
    refused(finish_add, login=renewed)
    refused(finish_add, ctx=eve.ctx)
    refused(finish_add, ctx=make_context(here, "other", browser=browser))

    login, signup = begin_login(ada.ctx), begin_signup(ada.ctx, email="new@example.com")
    for ceremony, response in (
        (login, ada.authenticator.get(login.options)),
        (signup, device.create(signup.options)),
    ):
        with pytest.raises(PageExpired):
            finish_add(ada.ctx, ada.login, handle=ceremony.handle, response=response)
    assert len(ada.names()) == 1


@pytest.mark.parametrize(("seconds", "kept"), [(299, True), (300, False)])
def test_challenge_lives_five_minutes(ada, device, clock, seconds, kept):
    ceremony = begin_add(ada.ctx, ada.login)
    response = device.create(ceremony.options)
    later = ada.at(clock.advance(seconds=seconds))

    if kept:
        finish_add(later.ctx, ada.login, handle=ceremony.handle, response=response)
    else:
        with pytest.raises(PageExpired):
            finish_add(later.ctx, ada.login, handle=ceremony.handle, response=response)


def test_failed_attempt_burns_its_challenge(ada, device):
    ceremony = begin_add(ada.ctx, ada.login)

    with pytest.raises(PasskeyRejected):
        finish_add(ada.ctx, ada.login, handle=ceremony.handle, response={})
    with pytest.raises(PageExpired):
        finish_add(ada.ctx, ada.login, handle=ceremony.handle, response=device.create(ceremony.options))


def test_one_ceremony_adds_one_passkey(ada, here, device):
    """Row E03 of the threats."""
    ceremony = begin_add(ada.ctx, ada.login)
    response = device.create(ceremony.options)
    browser = ada.ctx.origin.browser

    def finish(_):
        with here.app_context():
            try:
                finish_add(make_context(here, browser=browser), ada.login, handle=ceremony.handle, response=response)
            except PageExpired:
                return "used up"
            return "added"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(finish, range(8)))

    assert sorted(answers) == ["added"] + ["used up"] * 7
