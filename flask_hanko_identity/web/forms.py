"""Forms of the pages that stand between an app and its answer."""

from wtforms import HiddenField
from wtforms import SubmitField
from wtforms.validators import InputRequired
from wtforms.validators import Length

from ..text import lazy_gettext
from .csrf import IdentityForm


class ConsentForm(IdentityForm):
    """Yes or no to what an app asks for. The button that was pressed is its field."""

    request = HiddenField(validators=[InputRequired(), Length(max=64)])
    allow = SubmitField(lazy_gettext("Allow"))
    deny = SubmitField(lazy_gettext("Cancel"))


class LogoutForm(IdentityForm):
    """Yes to signing out."""

    request = HiddenField(validators=[InputRequired(), Length(max=64)])
    confirm = SubmitField(lazy_gettext("Sign out"))
