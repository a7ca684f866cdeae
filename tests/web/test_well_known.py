"""What browsers and password managers look for at the root of the host."""

import pytest

from tests.sign_in import add_project

ENDPOINTS = "/.well-known/passkey-endpoints"
ORIGINS = "/.well-known/webauthn"


@pytest.fixture
def client(app_factory):
    """Makes a browser in front of a host with these settings, which has a console and a shop."""

    def make(**settings):
        app = app_factory(**settings)
        with app.app_context():
            add_project(app, "console")
            add_project(app, "shop")
            add_project(app, "guests", type="host")
        return app.test_client()

    return make


class TestPasskeyEndpoints:
    @pytest.mark.parametrize(
        ("settings", "slug"),
        [({}, "console"), ({"HANKO_IDENTITY_PASSKEY_PROJECT": "shop"}, "shop")],
    )
    def test_points_to_one_project(self, client, settings, slug):
        answer = client(**settings).get(ENDPOINTS)

        url = f"http://localhost/identity/{slug}/profile/passkeys"
        assert answer.json == {"enroll": url, "manage": url}
        assert answer.mimetype == "application/json"
        assert "public" in answer.headers["Cache-Control"]
        assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        "settings",
        [
            {"HANKO_IDENTITY_CONSOLE": False},
            {"HANKO_IDENTITY_PASSKEY_PROJECT": "nowhere"},
            {"HANKO_IDENTITY_PASSKEY_PROJECT": "guests"},
        ],
        ids=str,
    )
    def test_is_not_there_where_there_is_no_such_page(self, client, settings):
        answer = client(**settings).get(ENDPOINTS)

        assert answer.status_code == 404
        assert answer.mimetype == "application/json"


class TestRelatedOrigins:
    """Web Authentication Level 3, section 5.11."""

    def test_names_origins_of_other_domains(self, client):
        answer = client(
            HANKO_IDENTITY_BASE_URL="https://id.example.com",
            HANKO_IDENTITY_RP_ID="example.com",
            HANKO_IDENTITY_ORIGINS=[
                "https://id.example.com",
                "https://example.com",
                "https://example.de",
                "https://evilexample.com:8443",
                "android:apk-key-hash:abc",
            ],
        ).get(ORIGINS)

        assert answer.json == {"origins": ["https://example.de", "https://evilexample.com:8443"]}
        assert answer.mimetype == "application/json"

    def test_is_not_there_where_there_are_none(self, client):
        assert client().get(ORIGINS).status_code == 404
