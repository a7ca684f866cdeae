"""The console's forms: the shape of what is typed. What is allowed is decided by the flows."""

import re
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from wtforms import BooleanField
from wtforms import Field
from wtforms import HiddenField
from wtforms import StringField
from wtforms import ValidationError
from wtforms.validators import InputRequired
from wtforms.validators import Length

from ...crypto import random_text
from ...errors import IdentityError
from ...errors import InvalidInput
from ...storage.projects import ProjectType
from ...text import gettext
from ...text import lazy_gettext
from ..brand import DEFAULT_BRAND
from ..brand import TEXT_CONTRAST
from ..brand import contrast
from ..brand import is_colour
from ..brand import shade_for
from ..csrf import IdentityForm

UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_SUBMISSION = re.compile(r"[0-9A-Za-z]{20,64}")


def strip(value: str | None) -> str:
    return (value or "").strip(" \t")


class TextField(StringField):
    """A line of text, without blanks around it."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, filters=[strip], **kwargs)

    @property
    def text(self) -> str:
        """What was typed."""
        return self.data or ""


def text_field(label: Any, *, missing: Any, longest: int = 100) -> TextField:
    too_long = lazy_gettext("Use at most %(max)d characters.")
    return TextField(label, validators=[InputRequired(missing), Length(max=longest, message=too_long)])


class ChoiceField(Field):
    """One of a few things.

    :param choices: the value and the label of each.
    """

    def __init__(self, label: Any = None, *, choices: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.choices = choices

    @property
    def options(self) -> list[tuple[str, str, Any, bool]]:
        """Id, value and label of each, and whether it is chosen."""
        return [
            (f"{self.id}-{place}", value, label, value == self.data)
            for place, (value, label) in enumerate(self.choices)
        ]

    def pre_validate(self, form: Any) -> None:
        if self.data not in [value for value, _ in self.choices]:
            raise ValidationError(gettext("Choose one of these."))


class ConsoleForm(IdentityForm):
    """A form whose texts can be stored, and which shows what a flow refuses next to the field it is about."""

    form_errors: list[str]

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        for field in self:
            if isinstance(field, TextField) and UNPRINTABLE.search(field.text):
                field.errors = [gettext("Leave out line breaks and invisible characters.")]
                valid = False
        return valid

    def refuse(self, refusal: IdentityError, **fields: str) -> None:
        """Show a refusal.

        :param fields: the form's own name of a field that the flow calls otherwise.
        """
        name = fields.get(refusal.field or "", refusal.field or "")
        if name in self:
            self[name].errors = [*self[name].errors, refusal.message]
        else:
            self.form_errors = [*self.form_errors, refusal.message]

    def check(self, name: str, rule: Callable[[], object]) -> bool:
        """Show what a rule refuses next to the field ``name``, so that all faults of a form are seen at once."""
        field = self[name]
        if not field.errors:
            try:
                rule()
            except InvalidInput as refusal:
                field.errors = [refusal.message]
        return not field.errors


class Submission(HiddenField):
    """The one-time id of a form, so that sending it twice does what it asks for once."""

    def process_data(self, value: Any) -> None:
        self.data = random_text()

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist and _SUBMISSION.fullmatch(valuelist[0]):
            self.data = valuelist[0]


class OrganizationForm(ConsoleForm):
    """Create an organization."""

    name = text_field(lazy_gettext("Name"), missing=lazy_gettext("Give the organization a name."))
    submission = Submission()


class RenameForm(ConsoleForm):
    """Give an organization or a project another name."""

    name = text_field(lazy_gettext("Name"), missing=lazy_gettext("A name is needed."))


class BrandForm(ConsoleForm):
    """The look of a project's pages."""

    accent = TextField(lazy_gettext("Accent colour"), default=DEFAULT_BRAND["accent"])
    background = TextField(lazy_gettext("Background"), default=DEFAULT_BRAND["background"])
    corners = ChoiceField(
        lazy_gettext("Corners"),
        choices=[("round", lazy_gettext("Round")), ("square", lazy_gettext("Square"))],
        default=DEFAULT_BRAND["corners"],
    )

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        for field in (self.accent, self.background):
            field.data = field.text.lower()
            if not is_colour(field.data):
                field.errors = [gettext("Give the colour as # and six digits, such as #2457d6.")]
                valid = False
        if valid and (ratio := contrast(self.accent.text, self.background.text)) < TEXT_CONTRAST:
            better = shade_for(self.accent.text, self.background.text, TEXT_CONTRAST)
            self.accent.errors = [
                gettext(
                    "On this background the accent cannot be read well: the contrast is %(ratio)s to 1 and "
                    "must be at least 4.5 to 1. %(better)s would do.",
                    ratio=f"{ratio:.1f}",
                    better=better,
                )
            ]
            valid = False
        return valid


class SignInForm(ConsoleForm):
    """Who may sign up, and how people sign in besides passkeys."""

    signup_open = BooleanField(lazy_gettext("Anybody may sign up"))
    passlinks = BooleanField(lazy_gettext("Links by e-mail"))
    recovery_codes = BooleanField(lazy_gettext("Recovery codes"))


class NewProjectForm(BrandForm):
    """Create a project: type, name and look at once."""

    type = ChoiceField(
        lazy_gettext("Type"),
        choices=[
            (ProjectType.IDENTITY.value, lazy_gettext("Identity")),
            (ProjectType.HOST.value, lazy_gettext("Host accounts")),
        ],
        default=ProjectType.IDENTITY.value,
    )
    name = text_field(lazy_gettext("Project name"), missing=lazy_gettext("Give the project a name."))
    slug = TextField(
        lazy_gettext("Short name in addresses"),
        validators=[Length(max=63, message=lazy_gettext("Use at most %(max)d characters."))],
    )
    submission = Submission()


class DeleteForm(ConsoleForm):
    """Delete something whose name is typed to make sure."""

    typed_name = TextField(lazy_gettext("Type the name to confirm"))

    def confirms(self, name: str) -> bool:
        """Whether the name was typed as it is."""
        if self.typed_name.text == name:
            return True
        self.typed_name.errors = [gettext("That is not the name. Type %(name)s to delete it.", name=name)]
        return False


class ActionForm(ConsoleForm):
    """A button and nothing else."""
