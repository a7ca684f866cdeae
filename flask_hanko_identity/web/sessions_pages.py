"""The section of the profile on sessions: where the person is signed in, and signing out there.

Its blueprint also has the choice among several accounts, and recovery codes.
"""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from ..flows.sessions import end_one
from ..flows.sessions import end_others
from ..flows.sessions import list_sessions
from ..text import lazy_gettext
from . import chooser
from . import recovery
from .profile_forms import ButtonForm
from .profile_page import Person
from .profile_page import for_person
from .profile_page import go
from .profile_page import show

_DONE = {
    "ended": lazy_gettext("That session was ended."),
    "others-ended": lazy_gettext("You are signed in here only."),
}


def make_sessions_blueprint() -> Blueprint:
    """``hanko_sessions``: the section of the profile, the account chooser, and recovery codes."""
    blueprint = Blueprint("hanko_sessions", __name__)
    for rule, view, methods in (
        ("/profile/sessions", sessions, "GET"),
        ("/profile/sessions/others/end", end_other_sessions, "POST"),
        ("/profile/sessions/<sid>/end", end_session, "POST"),
        ("/profile/recovery-codes", recovery.recovery_codes, "GET"),
        ("/profile/recovery-codes", recovery.make_recovery_codes, "POST"),
        ("/recover", recovery.recover, "GET"),
        ("/recover", recovery.use_recovery_code, "POST"),
        ("/accounts", chooser.accounts, "GET"),
        ("/accounts", chooser.choose, "POST"),
        ("/accounts/sign-out", chooser.sign_out_all, "POST"),
    ):
        blueprint.add_url_rule("/<slug>" + rule, view_func=view, methods=[methods])
    return blueprint


@for_person
def sessions(person: Person) -> ResponseReturnValue:
    """The list."""
    return show(person, "sessions.html", done=_DONE, entries=list_sessions(person.ctx, person.login))


@for_person
def end_session(person: Person, sid: str) -> ResponseReturnValue:
    """End one of them."""
    ButtonForm().validate()
    end_one(person.ctx, person.login, sid=sid[:64])
    return go(person, "sessions", done="ended")


@for_person
def end_other_sessions(person: Person) -> ResponseReturnValue:
    """End all but this one."""
    ButtonForm().validate()
    end_others(person.ctx, person.login)
    return go(person, "sessions", done="others-ended")
