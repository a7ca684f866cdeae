"""The section of the profile on e-mail addresses."""

from typing import Any

from flask import redirect
from flask import url_for
from flask.typing import ResponseReturnValue

from ..errors import Conflict
from ..errors import InvalidInput
from ..errors import TooManyRequests
from ..flows.emails import Address
from ..flows.emails import add_address
from ..flows.emails import find_address
from ..flows.emails import list_addresses
from ..flows.emails import make_primary
from ..flows.emails import remove_address
from ..flows.passlink_requests import create_verification
from ..text import lazy_gettext
from .profile_forms import AddressForm
from .profile_forms import ButtonForm
from .profile_page import Person
from .profile_page import for_person
from .profile_page import go
from .profile_page import show

ID = "<int(max=9223372036854775807):address_id>"

_DONE = {
    "added": lazy_gettext("The address is added. It cannot be verified while no mail is sent here."),
    "primary": lazy_gettext("Your primary address is changed."),
    "removed": lazy_gettext("The address is removed."),
}


@for_person
def emails(person: Person) -> ResponseReturnValue:
    """The person's addresses, and a field for another."""
    form = AddressForm()
    if form.is_submitted():
        if form.validate():
            person.require_fresh()
            try:
                added = add_address(person.ctx, person.login, email=form.email.text)
            except (Conflict, InvalidInput) as refusal:
                form.refuse(refusal)
            else:
                return _send_link(person, added)
        return _page(person, status=422, form=form)
    return _page(person, form=form)


@for_person
def verify(person: Person, address_id: int) -> ResponseReturnValue:
    """Send a link to an address that is not verified yet."""
    ButtonForm().validate()
    person.require_fresh()
    found = find_address(person.ctx, user_id=person.login.user_id, address_id=address_id)
    return go(person, "emails") if found.verified else _send_link(person, found)


@for_person
def primary(person: Person, address_id: int) -> ResponseReturnValue:
    """Make an address the primary one."""
    ButtonForm().validate()
    try:
        make_primary(person.ctx, person.login, address_id=address_id)
    except Conflict as refusal:
        return _page(person, status=refusal.status_code, problem=refusal.message)
    return go(person, "emails", done="primary")


@for_person
def remove(person: Person, address_id: int) -> ResponseReturnValue:
    """Remove an address."""
    ButtonForm().validate()
    try:
        remove_address(person.ctx, person.login, address_id=address_id)
    except Conflict as refusal:
        return _page(person, status=refusal.status_code, problem=refusal.message)
    return go(person, "emails", done="removed")


def _send_link(person: Person, address: Address) -> ResponseReturnValue:
    if not person.ctx.mailer.is_on:
        return go(person, "emails", done="added")
    try:
        handle = create_verification(person.ctx, user_id=person.login.user_id, address=address.address)
    except TooManyRequests as refusal:
        return _page(person, status=refusal.status_code, problem=refusal.message)
    return redirect(url_for("hanko_passlinks.inbox", slug=person.ctx.project.slug, sent=handle), 303)


def _page(
    person: Person, *, status: int = 200, form: AddressForm | None = None, problem: str | None = None
) -> ResponseReturnValue:
    values: dict[str, Any] = {
        "addresses": list_addresses(person.ctx, user_id=person.login.user_id),
        "mail_is_on": person.ctx.mailer.is_on,
        "form": form or AddressForm(formdata=None),
        "problem": problem,
    }
    return show(person, "emails.html", status=status, done=_DONE if status == 200 else None, **values)
