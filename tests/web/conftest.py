"""People in front of a host app."""

import pytest

from tests.sign_in import Visitor
from tests.sign_in import add_project


@pytest.fixture
def host(app):
    """The host app, with a project called shop and the console's own."""
    with app.app_context():
        add_project(app, "shop")
        add_project(app, "console")
    return app


@pytest.fixture
def visitor(host):
    """A browser in front of the shop."""
    return Visitor(host.test_client())


@pytest.fixture
def member(visitor):
    """Somebody who has signed up and out again."""
    visitor.sign_up()
    visitor.open("profile")
    visitor.submit("sign-out")
    return visitor
