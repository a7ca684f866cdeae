"""What a person of the console may reach: everything is loaded through their memberships, or is not there."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from functools import wraps
from typing import Any
from typing import TypeVar

from flask import redirect
from flask import url_for
from flask.typing import ResponseReturnValue

from ...errors import Forbidden
from ...errors import NotFound
from ...flows.context import Context
from ...flows.login_sessions import SignedIn
from ...storage.clients import Client
from ...storage.clients import find_client
from ...storage.organizations import Membership
from ...storage.organizations import Organization
from ...storage.organizations import Role
from ...storage.organizations import find_membership
from ...storage.organizations import list_organizations
from ...storage.projects import CONSOLE_SLUG
from ...storage.projects import Project
from ...storage.projects import find_project_of_member
from ...text import gettext
from ..context import context
from ..context import state
from ..sessions import current_login


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a signed-in person works: the account, and what of theirs the address names."""

    ctx: Context
    """For flows. Its tenant is the project that the address names, else the console's own."""
    login: SignedIn
    role: Role = Role.MEMBER
    maybe_organization: Organization | None = None
    maybe_project: Project | None = None
    maybe_client: Client | None = None

    @property
    def organization(self) -> Organization:
        """The organization that the address names, or that owns the project it names."""
        return _present(self.maybe_organization)

    @property
    def project(self) -> Project:
        """The project that the address names."""
        return _present(self.maybe_project)

    @property
    def client(self) -> Client:
        """The client that the address names."""
        return _present(self.maybe_client)

    @property
    def may_write(self) -> bool:
        """Whether the person may change things here."""
        return self.role.includes(Role.ADMIN)

    def check(self, role: Role) -> None:
        """Refuse what needs a role that the person does not have.

        :raises Forbidden: if theirs does not include it.
        """
        if not self.role.includes(role):
            raise Forbidden(gettext("Only owners and admins of this organization may change this."))

    def organizations(self) -> list[tuple[Organization, Membership]]:
        """All organizations of the person, oldest first."""
        return list_organizations(self.ctx.session, user_id=self.login.user_id)


T = TypeVar("T")
View = Callable[[Desk], ResponseReturnValue]


def signed_in(view: View) -> Callable[..., ResponseReturnValue]:
    """Let a view see whoever is signed in to the console; send everybody else to sign in."""

    @wraps(view)
    def enter() -> ResponseReturnValue:
        ctx = context(CONSOLE_SLUG)
        login = current_login(ctx)
        if login is None:
            return _to_sign_in(view)
        return view(Desk(ctx=_acting(ctx, login), login=login))

    return enter


def requires(role: Role) -> Callable[[View], Callable[..., ResponseReturnValue]]:
    """Let a view work on what its address names, for people whose role includes ``role``.

    The address names an organization (``organization_id``, its public id) or a project (``slug``), and with
    that perhaps a client (``client_id``). What is not there and what one may not know of answer alike.

    :raises NotFound: if there is no membership that leads to it.
    :raises Forbidden: if the membership is not enough.
    """

    def decorate(view: View) -> Callable[..., ResponseReturnValue]:
        @wraps(view)
        def enter(
            organization_id: str | None = None, slug: str | None = None, client_id: str | None = None
        ) -> ResponseReturnValue:
            ctx = context(CONSOLE_SLUG)
            login = current_login(ctx)
            if login is None:
                return _to_sign_in(view)
            desk = Desk(ctx=_acting(ctx, login), login=login)
            desk = _at_organization(desk, organization_id) if organization_id else _at_project(desk, slug)
            if client_id is not None:
                desk = _at_client(desk, client_id)
            desk.check(role)
            return view(desk)

        return enter

    return decorate


def _to_sign_in(view: Any) -> ResponseReturnValue:
    if getattr(view, "answers_json", False):
        return {"error": "login_required", "message": gettext("You are no longer signed in.")}, 401
    return redirect(url_for("hanko_login.login", slug=CONSOLE_SLUG), 303)


def _acting(ctx: Context, login: SignedIn) -> Context:
    return replace(ctx, origin=replace(ctx.origin, actor=f"user:{login.sub}"))


def _at_organization(desk: Desk, public_id: str) -> Desk:
    found = find_membership(desk.ctx.session, user_id=desk.login.user_id, public_id=_storable(public_id))
    if found is None:
        raise _nothing()
    organization, membership = found
    return replace(desk, maybe_organization=organization, role=Role(membership.role))


def _at_project(desk: Desk, slug: str | None) -> Desk:
    session = desk.ctx.session
    found = find_project_of_member(session, user_id=desk.login.user_id, slug=_storable(slug or ""))
    if found is None:
        raise _nothing()
    project, membership = found
    tenant = state().snapshots.project(session, project.slug)
    return replace(
        desk,
        ctx=replace(desk.ctx, tenant=tenant),
        maybe_project=project,
        maybe_organization=session.get(Organization, project.organization_id),
        role=Role(membership.role),
    )


def _at_client(desk: Desk, client_id: str) -> Desk:
    client = find_client(desk.ctx.session, project_id=desk.project.id, client_id=_storable(client_id))
    if client is None:
        raise _nothing()
    return replace(desk, maybe_client=client)


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _nothing()
    return text


def _nothing() -> NotFound:
    return NotFound(gettext("There is no such page, or your account has no access to it. Check the address."))


def _present(thing: T | None) -> T:
    if thing is None:
        raise RuntimeError("The address of this page does not name it.")
    return thing
