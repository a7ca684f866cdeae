"""What people say of themselves: the standard claims that they may set (OpenID Connect Core 1.0, section 5.1)."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from ..errors import InvalidInput
from ..errors import NotFound
from ..protocol.claims_schema import check_claims
from ..protocol.names import clean_label
from ..signals import user_profile_changed
from ..storage import User
from ..text import gettext
from ..text import lazy_gettext
from .context import Context
from .login_sessions import SignedIn
from .unit_of_work import transaction
from .users import LARGEST_CLAIMS

NAMES = ("name", "given_name", "family_name", "gender")
"""Traits that are shown to other people as they are, so that they must not pass for something else."""

TRAITS = (*NAMES, "picture", "website", "locale", "zoneinfo", "birthdate", "phone_number", "address")
"""The claims that people set themselves."""

_FORMS: Mapping[str, Any] = {
    "picture": lazy_gettext("Give the whole address of the picture; it starts with https://."),
    "website": lazy_gettext("Give the whole address; it starts with https:// or http://."),
    "locale": lazy_gettext("Give a language such as en, or one with a country such as en-GB."),
    "zoneinfo": lazy_gettext("Give a time zone such as Europe/Paris."),
    "birthdate": lazy_gettext("Give a date such as 1990-12-31, or the year alone."),
    "phone_number": lazy_gettext("Give a phone number with its country, such as +44 20 7946 0000."),
    "address": lazy_gettext("Leave out invisible characters, and use at most 1000."),
}
"""What to write instead, for people who never heard of claims."""


class InvalidTraits(InvalidInput):
    """Some traits cannot be accepted; nothing was written."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(next(iter(faults.values())), field=next(iter(faults)))
        self.faults = faults
        """What is wrong, by claim; a part of an address is ``address.<member>``."""


def find_traits(ctx: Context, *, user_id: int) -> dict[str, Any]:
    """The claims of a user that people set themselves; what is not there is left out."""
    claims = ctx.session.scalar(select(User.claims).where(User.id == user_id, User.project_id == ctx.project.id))
    return {name: value for name, value in (claims or {}).items() if name in TRAITS}


def change_traits(ctx: Context, signed_in: SignedIn, traits: Mapping[str, Any]) -> list[str]:
    """Set traits; an empty one is removed, and one that is not named stays.

    :param traits: texts by claim; ``address`` is an object of texts. Empty texts in it are left out.
    :return: the claims that are no longer as they were.
    :raises InvalidTraits: if any cannot be accepted; it names each of them.
    """
    with transaction(ctx) as work:
        user = ctx.session.scalars(
            select(User)
            .where(User.id == signed_in.user_id, User.project_id == ctx.project.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if user is None:
            raise NotFound(gettext("This account is no longer there."))
        before = dict(user.claims)
        after = {**before, **check_traits(before, traits)}
        after = {name: value for name, value in after.items() if value is not None}
        if after.get("phone_number") != before.get("phone_number"):
            after.pop("phone_number_verified", None)  # said of the number that was
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        if changed:
            if len(json.dumps(after)) > LARGEST_CLAIMS:
                raise InvalidInput(gettext("This is too much in all. Shorten something."))
            user.claims = after
            user.updated_at = ctx.now
            work.record("user.profile_changed", f"user:{user.sub}", data={"claims": changed})
            work.announce(user_profile_changed, project=ctx.project.slug, user_id=user.id, sub=user.sub, claims=changed)
    return changed


def check_traits(before: Mapping[str, Any], traits: Mapping[str, Any]) -> dict[str, Any]:
    """The traits as they are to be stored, None for one that is to go.

    :param before: what is stored; what stays as it was is not checked again.
    :raises InvalidTraits: if any cannot be accepted; it names each of them.
    """
    checked: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, given in traits.items():
        if name not in TRAITS:
            raise InvalidInput(gettext("“%(name)s” cannot be changed here.", name=str(name)[:100]))
        value = _without_blanks(given)
        if value is None or value == before.get(name):
            checked[name] = value
            continue
        if name == "address":
            faults.update(_wrong_parts(value))
            checked[name] = value
            continue
        try:
            checked[name] = _check(name, value)
        except InvalidInput as refusal:
            faults[name] = str(_FORMS.get(name, refusal.message))
    if faults:
        raise InvalidTraits(faults)
    return checked


def _check(name: str, value: Any) -> Any:
    if name in NAMES:
        return clean_label(value, name)
    checked = check_claims({name: value})[name]
    if name == "picture" and not checked.startswith("https://"):
        # It is shown on pages that came by https.
        raise InvalidInput("http", field=name)
    return checked


def _wrong_parts(address: Any) -> dict[str, str]:
    """What is wrong with an address, by ``address.<member>``."""
    if not isinstance(address, Mapping):
        return {"address": str(_FORMS["address"])}
    faults = {}
    for member, text in address.items():
        try:
            check_claims({"address": {member: text}})
        except InvalidInput:
            faults[f"address.{member}"] = str(_FORMS["address"])
    return faults


def _without_blanks(value: Any) -> Any:
    """The value, or None where nothing is left: a claim is never an empty text (section 5.3.2)."""
    if isinstance(value, str):
        # What is not a blank but shows as nothing is left for the check to refuse.
        return value.strip(" \t\r\n") or None
    if isinstance(value, Mapping):
        return {key: text for key, part in value.items() if (text := _without_blanks(part)) is not None} or None
    return value
