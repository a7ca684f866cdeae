"""The section of the profile on the account as a whole: take it along, or delete it."""

import json

from flask import Response
from flask import redirect
from flask import url_for
from flask.typing import ResponseReturnValue

from ..errors import Conflict
from ..errors import InvalidInput
from ..flows.account import confirmation_for
from ..flows.account import delete_account
from ..flows.ceremonies import require_own_pages
from ..flows.personal_data import export
from ..text import gettext
from .context import context
from .cookies import clear_login_token
from .pages import render
from .profile_forms import ButtonForm
from .profile_forms import DeleteAccountForm
from .profile_page import Person
from .profile_page import for_person
from .profile_page import show


@for_person
def account(person: Person) -> ResponseReturnValue:
    """What can be done with the account as a whole."""
    return _page(person, DeleteAccountForm())


@for_person
def download(person: Person) -> ResponseReturnValue:
    """All that is stored about the person, as a file."""
    ButtonForm().validate()
    document = export(person.ctx, person.login)
    # Escaped to ASCII, so that every program reads it alike.
    response = Response(json.dumps(document, indent=2), mimetype="application/json")
    name = f"{person.ctx.project.slug}-{person.ctx.now:%Y-%m-%d}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@for_person
def delete(person: Person) -> ResponseReturnValue:
    """Delete the account."""
    form = DeleteAccountForm()
    if form.validate():
        try:
            delete_account(person.ctx, person.login, confirmation=form.confirmation.text)
        except (Conflict, InvalidInput) as refusal:
            form.refuse(refusal)
        else:
            clear_login_token(person.ctx.project)
            return redirect(url_for("hanko_login.profile_deleted", slug=person.ctx.project.slug), 303)
    return _page(person, form, status=422)


def deleted(slug: str) -> ResponseReturnValue:
    """What remains to be said."""
    require_own_pages(context(slug))
    return render("profile/deleted.html")


def _page(person: Person, form: DeleteAccountForm, *, status: int = 200) -> Response:
    form.confirmation.label.text = gettext("Type %(phrase)s to confirm", phrase=confirmation_for(person.login))
    return show(person, "account.html", status=status, form=form)
