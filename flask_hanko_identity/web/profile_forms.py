"""The forms of the profile: the shape of what is typed. What is allowed is decided by the flows."""

import re
from collections.abc import Mapping
from typing import Any

from wtforms import TextAreaField
from wtforms.validators import InputRequired
from wtforms.validators import Length

from ..flows.profile import TRAITS
from ..flows.profile import InvalidTraits
from ..text import lazy_gettext
from .console.forms import ConsoleForm
from .console.forms import TextField

ADDRESS = ("street_address", "postal_code", "locality", "region", "country", "formatted")
"""Members of the claim ``address``, each a field of its own."""

_TOO_LONG = lazy_gettext("Use at most %(max)d characters.")


def _line(label: Any) -> TextField:
    return TextField(label, validators=[Length(max=1000, message=_TOO_LONG)])


def _lines(label: Any) -> TextAreaField:
    return TextAreaField(label, validators=[Length(max=1000, message=_TOO_LONG)])


class TraitsForm(ConsoleForm):
    """What people say of themselves. An empty field removes what was there."""

    name = _line(lazy_gettext("Display name"))
    given_name = _line(lazy_gettext("Given name"))
    family_name = _line(lazy_gettext("Family name"))
    birthdate = _line(lazy_gettext("Date of birth"))
    gender = _line(lazy_gettext("Gender"))
    picture = _line(lazy_gettext("Picture"))
    website = _line(lazy_gettext("Website"))
    locale = _line(lazy_gettext("Language"))
    zoneinfo = _line(lazy_gettext("Time zone"))
    phone_number = _line(lazy_gettext("Phone number"))
    street_address = _lines(lazy_gettext("Street and number"))
    postal_code = _line(lazy_gettext("Postal code"))
    locality = _line(lazy_gettext("Town"))
    region = _line(lazy_gettext("Region"))
    country = _line(lazy_gettext("Country"))
    formatted = _lines(lazy_gettext("Address as on a letter"))

    @classmethod
    def showing(cls, traits: Mapping[str, Any]) -> "TraitsForm":
        """The form as sent, or else filled with a user's traits."""
        return cls(data={**traits, **(traits.get("address") or {})})

    @property
    def traits(self) -> dict[str, Any]:
        """What was typed, by claim."""
        typed = {name: self[name].data or "" for name in TRAITS if name != "address"}
        return {**typed, "address": {part: re.sub(r"\r\n?", "\n", self[part].data or "") for part in ADDRESS}}

    @property
    def takes_a_day(self) -> bool:
        """Whether a calendar can show the date of birth: claims may leave out the year, or give it alone."""
        return not self.birthdate.data or bool(re.fullmatch(r"(?!0000)\d{4}-\d\d-\d\d", self.birthdate.text))

    def refuse_traits(self, refusal: InvalidTraits) -> None:
        """Show each fault next to its field."""
        for name, message in refusal.faults.items():
            field = self["street_address" if name == "address" else name.removeprefix("address.")]
            field.errors = field.errors or [message]


class AddressForm(ConsoleForm):
    """A new e-mail address."""

    email = TextField(
        lazy_gettext("E-mail address"),
        validators=[
            InputRequired(lazy_gettext("Enter an e-mail address such as name@example.com.")),
            Length(max=254, message=_TOO_LONG),
        ],
    )


class DeleteAccountForm(ConsoleForm):
    """Delete the account, with what is typed to make sure."""

    confirmation = TextField(validators=[Length(max=320, message=_TOO_LONG)])


class ButtonForm(ConsoleForm):
    """A button and nothing else."""
