"""The profile at ``{issuer}/profile``: what people say of themselves, and the apps they are connected with."""

from functools import cache
from zoneinfo import available_timezones

from flask import Blueprint
from flask.typing import ResponseReturnValue

from ..errors import InvalidInput
from ..flows.connected_apps import list_connected_apps
from ..flows.connected_apps import revoke_app
from ..flows.profile import InvalidTraits
from ..flows.profile import change_traits
from ..flows.profile import check_traits
from ..flows.profile import find_traits
from ..text import lazy_gettext
from . import profile_account
from . import profile_emails
from .authorize import scope_sentence
from .profile_forms import ButtonForm
from .profile_forms import TraitsForm
from .profile_page import Person
from .profile_page import for_person
from .profile_page import go
from .profile_page import show

_SAVED = {
    "saved": lazy_gettext("Your profile is saved."),
    "unchanged": lazy_gettext("Nothing was changed."),
}
_REVOKED = {"revoked": lazy_gettext("The app was disconnected. What it had works no longer.")}


def add_profile_views(blueprint: Blueprint) -> None:
    """Add the sections that are not elsewhere to ``hanko_login``."""
    emails, account = profile_emails, profile_account
    for rule, endpoint, view, methods in (
        ("", "profile", profile, ("GET", "POST")),
        ("/apps", "profile_apps", apps, ("GET",)),
        ("/apps/<client_id>/revoke", "profile_app_revoke", revoke, ("POST",)),
        ("/emails", "profile_emails", emails.emails, ("GET", "POST")),
        (f"/emails/{emails.ID}/verify", "profile_email_verify", emails.verify, ("POST",)),
        (f"/emails/{emails.ID}/primary", "profile_email_primary", emails.primary, ("POST",)),
        (f"/emails/{emails.ID}/remove", "profile_email_remove", emails.remove, ("POST",)),
        ("/account", "profile_account", account.account, ("GET",)),
        ("/account/download", "profile_download", account.download, ("POST",)),
        ("/account/delete", "profile_delete", account.delete, ("POST",)),
        ("/deleted", "profile_deleted", account.deleted, ("GET",)),
    ):
        blueprint.add_url_rule(f"/<slug>/profile{rule}", endpoint, view, methods=methods)


@for_person
def profile(person: Person) -> ResponseReturnValue:
    """Who the person is, as far as apps that may know are told."""
    stored = find_traits(person.ctx, user_id=person.login.user_id)
    form = TraitsForm.showing(stored)
    if form.is_submitted():
        valid = form.validate()
        try:
            # Also where the form is wrong already, so that all faults are told at once.
            check_traits(stored, form.traits)
            if valid:
                changed = change_traits(person.ctx, person.login, form.traits)
                return go(person, "profile", done="saved" if changed else "unchanged")
        except InvalidTraits as refusal:
            form.refuse_traits(refusal)
        except InvalidInput as refusal:
            form.refuse(refusal)
        return show(person, "traits.html", status=422, form=form, zones=_zones())
    return show(person, "traits.html", form=form, zones=_zones(), done=_SAVED)


@for_person
def apps(person: Person) -> ResponseReturnValue:
    """The apps that the person signed in to, and what each may see."""
    return show(
        person,
        "apps.html",
        apps=list_connected_apps(person.ctx, user_id=person.login.user_id),
        sentence=scope_sentence,
        done=_REVOKED,
    )


@for_person
def revoke(person: Person, client_id: str) -> ResponseReturnValue:
    """Disconnect an app."""
    ButtonForm().validate()
    revoke_app(person.ctx, person.login, client_id=client_id)
    return go(person, "apps", done="revoked")


@cache
def _zones() -> tuple[str, ...]:
    """Time zones as people know them, for browsers to propose."""
    regions = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    return tuple(sorted(zone for zone in available_timezones() if zone.startswith(regions)))
