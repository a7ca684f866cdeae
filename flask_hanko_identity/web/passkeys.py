"""The passkeys of whoever is signed in: list, add, rename, remove, and what authenticators are told of them."""

from typing import Any

from flask import Blueprint
from flask import jsonify
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField

from ..errors import Conflict
from ..errors import InvalidInput
from ..flows.add_passkey import begin_add
from ..flows.add_passkey import finish_add
from ..flows.passkeys import accepted_credentials
from ..flows.passkeys import list_passkeys
from ..flows.passkeys import remove_passkey
from ..flows.passkeys import rename_passkey
from ..flows.ways_in import has_way_in
from ..text import gettext
from .continuation import continue_url
from .continuation import known_handle
from .continuation import known_page
from .csrf import IdentityForm
from .csrf import check_ceremony_request
from .errors import answers_json
from .passkey_offer import decline
from .passkey_offer import offer
from .passkey_texts import passkey_texts
from .profile_page import Person
from .profile_page import for_person
from .profile_page import go
from .profile_page import show

_ID = "<int(max=9223372036854775807):passkey_id>"


class RenameForm(IdentityForm):
    """A new name; what may be one is for the flow to say."""

    name = StringField()


def make_passkeys_blueprint() -> Blueprint:
    """``hanko_passkeys``: the section of the profile, and the offer after a sign-in."""
    blueprint = Blueprint("hanko_passkeys", __name__)
    for rule, view, methods in (
        ("/profile/passkeys", passkeys, "GET"),
        ("/profile/passkeys/options", options, "POST"),
        ("/profile/passkeys/finish", finish, "POST"),
        ("/profile/passkeys/accepted", accepted, "GET"),
        (f"/profile/passkeys/{_ID}/rename", rename, "POST"),
        (f"/profile/passkeys/{_ID}/remove", remove, "POST"),
        ("/passkey-offer", offer, "GET"),
        ("/passkey-offer", decline, "POST"),
    ):
        blueprint.add_url_rule("/<slug>" + rule, view_func=view, methods=[methods])
    return blueprint


@for_person
def passkeys(person: Person) -> ResponseReturnValue:
    """The list."""
    return _page(person)


@for_person
@answers_json
def options(person: Person) -> ResponseReturnValue:
    """Options for ``navigator.credentials.create()``."""
    data = check_ceremony_request()
    ceremony = begin_add(person.ctx, person.login, place=data.get("place"))
    return jsonify(ceremony=ceremony.handle, publicKey=ceremony.options)


@for_person
@answers_json
def finish(person: Person) -> ResponseReturnValue:
    """What ``create()`` gave; answers with where to go."""
    data = check_ceremony_request()
    finish_add(person.ctx, person.login, handle=data.get("ceremony"), response=data.get("credential"))
    handle, page = known_handle(data.get("request")), known_page(data.get("next"))
    if page == "passkeys" and handle is None:
        return jsonify(location=url_for("hanko_passkeys.passkeys", slug=person.ctx.project.slug, done="added"))
    return jsonify(location=continue_url(person.ctx, handle=handle, page=page))


@for_person
@answers_json
def accepted(person: Person) -> ResponseReturnValue:
    """What the Signal API is given (section 5.1.10). Asked for when it is used: an old list would hide new passkeys."""
    known = accepted_credentials(person.ctx, person.login)
    return jsonify(
        rpId=known.rp_id,
        userId=known.user_handle,
        allAcceptedCredentialIds=known.credential_ids,
        name=known.name,
        displayName=known.display_name,
    )


@for_person
def rename(person: Person, passkey_id: int) -> ResponseReturnValue:
    """The form below a passkey."""
    form = RenameForm()
    form.validate()
    try:
        rename_passkey(person.ctx, person.login, passkey_id=passkey_id, name=form.name.data)
    except InvalidInput as error:
        typed = (form.name.data or "")[:200]
        return _page(person, status=422, refused={"id": passkey_id, "typed": typed, "message": error.message})
    return go(person, "passkeys", done="renamed")


@for_person
def remove(person: Person, passkey_id: int) -> ResponseReturnValue:
    """The button below a passkey."""
    IdentityForm().validate()
    try:
        remove_passkey(person.ctx, person.login, passkey_id=passkey_id)
    except Conflict as error:
        return _page(person, status=409, problem=error.message)
    return go(person, "passkeys", done="removed")


def _page(
    person: Person, *, status: int = 200, refused: dict[str, Any] | None = None, problem: str | None = None
) -> ResponseReturnValue:
    ctx, slug = person.ctx, person.ctx.project.slug
    entries = list_passkeys(ctx, user_id=person.login.user_id)
    working = [each.id for each in entries if each.works]
    # Where one works and nothing else opens the account, that one has no button to remove it.
    only = working[0] if len(working) == 1 else None
    last = only if only and not has_way_in(ctx, user_id=person.login.user_id, without_passkey=only) else None
    return show(
        person,
        "passkeys.html",
        status=status,
        done={
            "added": gettext("Your new passkey is ready. You can sign in with it from now on."),
            "renamed": gettext("The passkey has its new name."),
            "removed": gettext("The passkey was removed. It no longer opens your account."),
        },
        was_removed=request.args.get("done") == "removed",
        entries=entries,
        last=last,
        rp_id=ctx.settings.rp_id,
        refused=refused or {},
        problem=problem,
        ceremony={
            "kind": "add",
            "options_url": url_for("hanko_passkeys.options", slug=slug),
            "finish_url": url_for("hanko_passkeys.finish", slug=slug),
            "origins": " ".join(ctx.settings.origins),
            "request": "",
            "next": "passkeys",
            "again": url_for("hanko_login.login", slug=slug, again="1", next="passkeys"),
        },
        texts=passkey_texts(ctx.settings),
    )
