"""Addresses that are verified by mail, and notices of what was changed, as a real server gets them (product S18)."""

import pytest

from tests.mails import serve_mail
from tests.tenants import make_tenant
from tests.web.profiles import browse

WORK = "ada@work.example"


@pytest.fixture
def smtp():
    with serve_mail() as server:
        yield server


@pytest.fixture
def ada(app_factory, smtp):
    app = app_factory(**smtp.config)
    make_tenant(app)
    return browse(app, name="Ada")


def mails_to(smtp, count):
    """The mails so far, by address; waits until there are as many."""
    smtp.wait_for(count)
    return {mail.envelope_to[0]: mail for mail in smtp.mails[-count:]}


def test_an_address_is_added_verified_and_made_the_primary_one(ada, smtp):
    inbox = ada.add(WORK).headers["Location"]
    found = mails_to(smtp, 2)
    assert found["ada@example.com"].message["Subject"] == "An e-mail address was added to your account"
    assert WORK in found["ada@example.com"].text
    assert "192.0.2" in found["ada@example.com"].text or "127.0.0.1" in found["ada@example.com"].text

    assert WORK in ada.open(inbox).text
    answer = ada.submit(inbox, code=found[WORK].code)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/identity/shop/profile/emails")
    assert "not verified" not in ada.open("profile/emails").text
    assert ada.email == "ada@example.com"

    ada.submit(f"profile/emails/{max(ada.addresses)}/primary")
    assert ada.email == WORK
    told = smtp.wait_for(4)
    assert told.message["Subject"] == "Your e-mail address was changed"
    assert {mail.envelope_to[0] for mail in smtp.mails[-2:]} == {"ada@example.com", WORK}


def test_by_the_link_it_is_verified_in_this_browser_only(ada, smtp):
    ada.add(WORK)
    link = mails_to(smtp, 2)[WORK].link.removeprefix("http://localhost")
    eve = browse(ada.person.app, "eve@example.com")

    eve.open("profile")
    assert eve.submit(link).status_code == 400
    ada.open(link)
    assert ada.submit(link).headers["Location"] == "/identity/shop/profile/emails"

    assert "not verified" not in ada.open("profile/emails").text


def test_a_mail_can_be_asked_for_again_but_not_for_ever(ada, smtp):
    ada.add(WORK)
    ada.open("profile/emails")
    number = max(ada.addresses)

    answers = [ada.submit(f"profile/emails/{number}/verify") for _ in range(12)]

    assert answers[0].status_code == 303
    assert answers[-1].status_code == 429
    assert 'role="alert"' in answers[-1].text


def test_one_that_somebody_else_holds_stays_theirs(ada, smtp):
    browse(ada.person.app, "bob@example.com")
    inbox = ada.add("bob@example.com").headers["Location"]
    code = mails_to(smtp, 2)["bob@example.com"].code

    ada.open(inbox)
    assert ada.submit(inbox, code=code).status_code == 409

    assert "not verified" in ada.open("profile/emails").text


def test_the_last_mail_says_that_the_account_is_gone(ada, smtp):
    ada.open("profile/account")
    ada.submit("profile/account/delete", confirmation="ada@example.com")

    mail = smtp.wait_for(1)
    assert mail.envelope_to == ["ada@example.com"]
    assert mail.message["Subject"] == "Your account was deleted"
    assert "Shop" in mail.text
