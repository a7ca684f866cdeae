"""RFC 9207: every authorization response names its issuer. Row A12."""

from urllib.parse import parse_qsl
from urllib.parse import urlsplit

import pytest

from tests.tenants import PREFIX
from tests.tenants import connect
from tests.tenants import make_tenant
from tests.tenants import make_user
from tests.tenants import sign_in_browser
from tests.web.deciding import allow
from tests.web.deciding import deny

# Nothing here depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

ERRORS = {
    "invalid_request": {"prompt": "none login"},
    "invalid_scope": {"scope": "email"},
    "unsupported_response_type": {"response_type": "token"},
    "request_not_supported": {"request": "x"},
    "request_uri_not_supported": {"request_uri": "https://a.test"},
    "registration_not_supported": {"registration": "{}"},
    "login_required": {"prompt": "none", "max_age": "0"},
    "consent_required": {"prompt": "none"},
}


def names_and_issuers(response) -> tuple[list[str], list[str]]:
    pairs = parse_qsl(urlsplit(response.headers["Location"]).query, keep_blank_values=True)
    return [name for name, _ in pairs], [value for name, value in pairs if name == "iss"]


# Section 2: the response parameter


def test_issuer_is_the_one_of_discovery_in_success_and_error(app, rp):
    asking = connect(app, browser=rp.browser, first_party=False)
    issuer = rp.machine.get(f"{PREFIX}/shop/.well-known/openid-configuration").get_json()["issuer"]

    responses = {error: asking.authorize(**changes) for error, changes in ERRORS.items()}
    responses["access_denied"] = deny(asking, asking.authorize())
    responses["code"] = allow(asking, asking.authorize())
    responses["a silent code"] = rp.authorize()
    responses["a code without state"] = rp.authorize(state=None)

    for expected, response in responses.items():
        names, issuers = names_and_issuers(response)
        assert issuers == [issuer], expected
        assert len(names) == len(set(names)), expected
        if expected in ERRORS or expected == "access_denied":
            assert asking.answer(response)["error"] == expected
            assert set(names) == {"error", "error_description", "state", "iss"}


def test_error_of_a_post_names_the_issuer(rp):
    response = rp.browser.post(f"{PREFIX}/shop/authorize", data=rp.parameters(scope="x"))

    assert names_and_issuers(response)[1] == [rp.issuer]


def test_each_project_is_an_issuer_of_its_own(app, rp):
    make_tenant(app, "other", number=1)
    there = connect(app, "other", browser=rp.browser)
    sign_in_browser(app, rp.browser, make_user(app, "other"), "other")

    assert rp.answer(rp.authorize())["iss"] == "http://localhost/identity/shop"
    assert there.answer(there.authorize())["iss"] == "http://localhost/identity/other"


def test_issuer_that_the_request_names_is_ignored(rp):
    assert rp.answer(rp.authorize(iss="https://evil.test"))["iss"] == rp.issuer


# Section 3: metadata


def test_metadata_promises_it(rp):
    metadata = rp.machine.get(f"{PREFIX}/shop/.well-known/openid-configuration").get_json()

    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["issuer"] == rp.issuer
