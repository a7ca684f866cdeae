"""What a person does on the consent page, by HTTP."""

import re
from html import unescape

from werkzeug.test import TestResponse

from tests.tenants import PREFIX
from tests.tenants import RelyingParty


def fields_of(page: TestResponse) -> dict[str, str]:
    """The hidden fields of a page's form."""
    tags = re.findall(r'<input[^>]*type="hidden"[^>]*>', page.text)
    pairs = [(re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)) for tag in tags]
    return {name[1]: unescape(value[1]) for name, value in pairs if name and value}


def consent_page(party: RelyingParty, response: TestResponse) -> TestResponse:
    """Follow the endpoint's answer to the page that asks."""
    assert "/authorize/resume?" in response.headers["Location"], response.headers["Location"]
    page = party.browser.get(response.headers["Location"])
    assert page.status_code == 200, page.text
    return page


def submit(party: RelyingParty, fields: dict[str, str], **headers: str) -> TestResponse:
    """Press a button of the page."""
    headers.setdefault("Origin", "http://localhost")
    return party.browser.post(f"{PREFIX}/{party.slug}/authorize/decision", data=fields, headers=headers)


def allow(party: RelyingParty, response: TestResponse) -> TestResponse:
    """Say yes to what the endpoint's answer leads to."""
    return submit(party, {**fields_of(consent_page(party, response)), "allow": "1"})


def deny(party: RelyingParty, response: TestResponse) -> TestResponse:
    """Say no."""
    return submit(party, {**fields_of(consent_page(party, response)), "deny": "1"})
