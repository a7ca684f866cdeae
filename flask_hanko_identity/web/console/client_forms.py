"""The forms of "Your apps"."""

from dataclasses import asdict
from typing import Any

from wtforms import BooleanField
from wtforms import Field
from wtforms import ValidationError
from wtforms.validators import Length

from ...errors import InvalidInput
from ...protocol.client_metadata import AUTH_METHODS
from ...protocol.client_metadata import settings_of
from ...protocol.names import clean_name
from ...protocol.redirect_uris import LONGEST_URI
from ...protocol.redirect_uris import MOST_URIS
from ...protocol.redirect_uris import check_application_uri
from ...protocol.redirect_uris import check_redirect_uri
from ...protocol.signing import ALGORITHMS
from ...storage.clients import ApplicationType
from ...storage.clients import Client
from ...text import gettext
from ...text import lazy_gettext
from .forms import UNPRINTABLE
from .forms import ChoiceField
from .forms import ConsoleForm
from .forms import Submission
from .forms import TextField
from .forms import strip
from .forms import text_field


class UriListField(Field):
    """Several addresses under one name; empty rows do not count.

    ``rows`` is what the page shows: the text of each row and what is wrong with it.
    """

    def __init__(self, label: Any = None, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.row_errors: dict[int, str] = {}

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = [strip(value) for value in valuelist[: MOST_URIS + 1]]

    @property
    def uris(self) -> tuple[str, ...]:
        """The addresses, each once, in their order."""
        return tuple(dict.fromkeys(value for value in self.data or [] if value))

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Text and error of each row; at least one row."""
        return [(text, self.row_errors.get(index, "")) for index, text in enumerate(self.data or [""])]

    def pre_validate(self, form: Any) -> None:
        for index, text in enumerate(self.data or []):
            if UNPRINTABLE.search(text):
                self.row_errors[index] = gettext("Leave out line breaks and invisible characters.")
            elif len(text) > LONGEST_URI:
                self.row_errors[index] = gettext("Use at most %(max)d characters.", max=LONGEST_URI)
        if len(self.uris) > MOST_URIS:
            raise ValidationError(gettext("An app can have at most %(max)d addresses here.", max=MOST_URIS))
        if self.row_errors:
            raise ValidationError(gettext("Mend the addresses that are marked below."))

    def check_each(self, application_type: str, application_uri: str, *, own_schemes: bool) -> None:
        """Mark every address that may not be registered.

        :param own_schemes: whether the app's package name is right, by which schemes other than http are judged.
        """
        for index, text in enumerate(self.data or []):
            if not text or index in self.row_errors or not (own_schemes or text.startswith("http")):
                continue
            try:
                check_redirect_uri(
                    text, application_type=application_type, application_uri=application_uri, field=self.name
                )
            except InvalidInput as refusal:
                self.row_errors[index] = refusal.message
        if self.row_errors:
            self.errors = [gettext("Mend the addresses that are marked below.")]


class ConnectAppForm(ConsoleForm):
    """Connect an app: row S9 of the product."""

    name = text_field(
        lazy_gettext("Application Name"),
        missing=lazy_gettext("Give the app a name. People see it when they sign in."),
    )
    application_type = ChoiceField(
        lazy_gettext("Application Type"),
        choices=[
            (ApplicationType.WEB.value, lazy_gettext("Web app")),
            (ApplicationType.NATIVE.value, lazy_gettext("Native or mobile app")),
        ],
        default=ApplicationType.WEB.value,
    )
    application_uri = text_field(
        lazy_gettext("Application URL or package name"),
        missing=lazy_gettext("Give the URL at which the app runs, or a mobile app's package name."),
        longest=LONGEST_URI,
    )
    redirect_uri = text_field(
        lazy_gettext("Login Redirect URL"),
        missing=lazy_gettext("Give the URL of your app that people come back to after sign-in."),
        longest=LONGEST_URI,
    )
    submission = Submission()

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        self.check("name", lambda: clean_name(self.name.text, "name"))
        kind, uri = str(self.application_type.data), self.application_uri.text
        known = self.check(
            "application_uri",
            lambda: check_application_uri(uri, application_type=kind, field="application_uri"),
        )
        redirect_uri = self.redirect_uri.text
        # Whether a scheme is the app's own can be told only once the app's package name is right.
        if known or redirect_uri.startswith("http"):
            self.check(
                "redirect_uri",
                lambda: check_redirect_uri(
                    redirect_uri, application_type=kind, application_uri=uri, field="redirect_uri"
                ),
            )
        return valid and not self.errors


class AppSettingsForm(ConsoleForm):
    """Everything of an app that can be changed, but its secrets."""

    application_type = ""
    """Of the client; it cannot be changed."""
    PLAIN = (
        "name",
        "application_uri",
        "token_endpoint_auth_method",
        "id_token_signed_response_alg",
        "refresh_tokens",
        "require_pkce",
        "first_party",
    )
    name = text_field(
        lazy_gettext("Application Name"),
        missing=lazy_gettext("The app needs a name."),
    )
    application_uri = text_field(
        lazy_gettext("Application URL or package name"),
        missing=lazy_gettext("Give the URL or the package name."),
        longest=LONGEST_URI,
    )
    redirect_uris = UriListField(lazy_gettext("Allowed login redirect URLs"))
    post_logout_redirect_uris = UriListField(lazy_gettext("Allowed logout redirect URLs"))
    token_endpoint_auth_method = ChoiceField(
        lazy_gettext("Token endpoint authentication method"),
        choices=[(method, method) for method in AUTH_METHODS[ApplicationType.WEB]],
    )
    id_token_signed_response_alg = ChoiceField(
        lazy_gettext("ID token algorithm"), choices=[(name, name) for name in ALGORITHMS]
    )
    refresh_tokens = BooleanField(lazy_gettext("Refresh tokens"))
    require_pkce = BooleanField(lazy_gettext("Require PKCE"))
    first_party = BooleanField(lazy_gettext("First-party app"))

    @classmethod
    def of(cls, client: Client) -> "AppSettingsForm":
        """The form as it was posted, else filled with what the client has."""
        form = cls(data=asdict(settings_of(client)))
        form.application_type = client.application_type
        if client.application_type == ApplicationType.NATIVE:
            # Public clients have no secret to send and always need PKCE (RFC 8252, sections 8.1 and 8.4).
            del form.token_endpoint_auth_method
            del form.require_pkce
        return form

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        self.check("name", lambda: clean_name(self.name.text, "name"))
        kind, uri = self.application_type, self.application_uri.text
        known = self.check(
            "application_uri",
            lambda: check_application_uri(uri, application_type=kind, field="application_uri"),
        )
        for field in (self.redirect_uris, self.post_logout_redirect_uris):
            field.check_each(kind, uri, own_schemes=known)
        if not self.redirect_uris.uris:
            self.redirect_uris.errors = [gettext("The app needs at least one address to come back to.")]
        return valid and not self.errors

    def edit_rows(self, action: str) -> None:
        """Add or remove a row without saving: ``add:<field>`` or ``remove:<field>:<index>``."""
        verb, _, rest = action.partition(":")
        name, _, index = rest.partition(":")
        field = {
            "redirect_uris": self.redirect_uris,
            "post_logout_redirect_uris": self.post_logout_redirect_uris,
        }.get(name)
        if field is None:
            return
        self.forget_errors()
        if verb == "add":
            field.data = [*(field.data or []), ""]
        elif verb == "remove":
            field.data = [text for place, text in enumerate(field.data or []) if str(place) != index]

    def forget_errors(self) -> None:
        """Show the form as if it had not been checked."""
        for field in self:
            field.errors = []
        self.redirect_uris.row_errors = {}
        self.post_logout_redirect_uris.row_errors = {}
        self.form_errors = []

    def settings(self) -> dict[str, Any]:
        """What was typed, in the words of the flow."""
        values = {name: self[name].data for name in self.PLAIN if name in self}
        for name in ("redirect_uris", "post_logout_redirect_uris"):
            values[name] = self[name].uris
        return values


class NewSecretForm(ConsoleForm):
    """Give an app another secret."""

    label = TextField(
        lazy_gettext("Label (optional)"),
        validators=[Length(max=100, message=lazy_gettext("Use at most %(max)d characters."))],
    )
    keep_old = ChoiceField(
        lazy_gettext("The secrets of today"),
        choices=[
            ("until-revoked", lazy_gettext("Keep them until I revoke them")),
            ("day", lazy_gettext("Keep them for 24 hours")),
            ("end", lazy_gettext("End them now")),
        ],
        default="until-revoked",
    )
    submission = Submission()
