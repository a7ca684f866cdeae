"""Pages of organizations."""

from flask.typing import ResponseReturnValue

from ...errors import InvalidInput
from ...flows.organizations import create_organization
from ...flows.organizations import rename_organization
from ...flows.rows import AlreadyDone
from ...storage.organizations import Role
from .access import Desk
from .access import requires
from .access import signed_in
from .forms import OrganizationForm
from .forms import RenameForm
from .page import go
from .page import show


@signed_in
def home(desk: Desk) -> ResponseReturnValue:
    """The only organization at once, else the list of them."""
    organizations = desk.organizations()
    if len(organizations) == 1:
        return go("organization", organization_id=organizations[0][0].public_id)
    return show(desk, "home.html", memberships=organizations)


@signed_in
def new_organization(desk: Desk) -> ResponseReturnValue:
    """Create an organization; its creator owns it."""
    form = OrganizationForm()
    if form.is_submitted():
        if form.validate():
            try:
                organization = create_organization(
                    desk.ctx,
                    name=form.name.text,
                    owner_id=desk.login.user_id,
                    submission=form.submission.data,
                )
            except AlreadyDone as done:
                if done.existing is None:
                    return go("home")
                return go("organization", organization_id=done.existing)
            except InvalidInput as refusal:
                form.refuse(refusal)
            else:
                return go("organization", organization_id=organization.public_id, done="organization-created")
        return show(desk, "new_organization.html", status=422, form=form)
    return show(desk, "new_organization.html", form=form)


@requires(Role.MEMBER)
def organization(desk: Desk) -> ResponseReturnValue:
    """The dashboard of an organization: its projects."""
    return show(desk, "organization.html")


@requires(Role.MEMBER)
def organization_settings(desk: Desk) -> ResponseReturnValue:
    """Rename an organization."""
    organization = desk.organization
    form = RenameForm(data={"name": organization.name})
    if form.is_submitted():
        desk.check(Role.ADMIN)
        if form.validate():
            try:
                rename_organization(desk.ctx, organization, name=form.name.text)
            except InvalidInput as refusal:
                form.refuse(refusal)
            else:
                return go("organization_settings", organization_id=organization.public_id, done="renamed")
        return show(desk, "organization_settings.html", status=422, form=form)
    return show(desk, "organization_settings.html", form=form)
