"""A shop whose one user is signed in, and the app that asks for tokens."""

import pytest
from flask import Flask

from tests.tenants import ADA
from tests.tenants import RelyingParty
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser


@pytest.fixture
def sub(app: Flask) -> str:
    """Ada, a user of the project ``shop``, who has every standard claim."""
    make_tenant(app)
    return make_user(app, **ADA)


@pytest.fixture
def rp(app: Flask, sub: str) -> RelyingParty:
    """A web app of the shop whose browser Ada has signed in with; it may refresh."""
    party = connect(app)
    party.scope = "openid offline_access"
    sign_in_browser(app, party.browser, sub)
    return party
