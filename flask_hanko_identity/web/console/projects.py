"""Pages of projects."""

from flask.typing import ResponseReturnValue

from ...errors import Conflict
from ...errors import InvalidInput
from ...flows.projects import create_project
from ...flows.projects import rename_project
from ...flows.projects import set_brand
from ...flows.projects import set_sign_in
from ...flows.provision import needs_worker
from ...flows.provision import retry
from ...flows.rows import AlreadyDone
from ...storage.clients import list_clients
from ...storage.organizations import Role
from ...storage.projects import Project
from ...storage.projects import ProjectStatus
from ..errors import answers_json
from .access import Desk
from .access import requires
from .forms import ActionForm
from .forms import BrandForm
from .forms import NewProjectForm
from .forms import RenameForm
from .forms import SignInForm
from .page import go
from .page import show
from .worker import start_provisioning


@requires(Role.ADMIN)
def new_project(desk: Desk) -> ResponseReturnValue:
    """Create a project: type, name and look in one form. It becomes ready beside this request."""
    form = NewProjectForm()
    if not form.is_submitted():
        return show(desk, "new_project.html", form=form, look=_preview(form))
    if form.validate():
        try:
            project = create_project(
                desk.ctx,
                organization=desk.organization,
                name=form.name.text,
                slug=form.slug.text or None,
                type=form.type.data,
                brand=_look(form),
                submission=form.submission.data,
            )
        except AlreadyDone as done:
            if done.existing is None:
                return go("organization", organization_id=desk.organization.public_id)
            return go("dashboard", slug=done.existing)
        except (Conflict, InvalidInput) as refusal:
            form.refuse(refusal)
        else:
            start_provisioning(project.id)
            return go("dashboard", slug=project.slug)
    return show(desk, "new_project.html", status=422, form=form, look=_preview(form))


@requires(Role.MEMBER)
def dashboard(desk: Desk) -> ResponseReturnValue:
    """Whether the project is ready, its issuer, and what to do next."""
    _resume(desk, desk.project)
    clients = list_clients(desk.ctx.session, project_id=desk.project.id)
    return show(desk, "dashboard.html", form=ActionForm(), clients=clients)


@requires(Role.MEMBER)
@answers_json
def status(desk: Desk) -> ResponseReturnValue:
    """How far the project has come, for the dashboard's script."""
    _resume(desk, desk.project)
    return {"status": desk.project.status}


@requires(Role.ADMIN)
def retry_project(desk: Desk) -> ResponseReturnValue:
    """Start again what failed."""
    ActionForm().validate()
    project = desk.project
    if project.status == ProjectStatus.FAILED:
        retry(desk.ctx, project.id)
    return go("dashboard", slug=project.slug)


@requires(Role.MEMBER)
def project_settings(desk: Desk) -> ResponseReturnValue:
    """Rename a project."""
    project = desk.project
    form = RenameForm(data={"name": project.name})
    if not form.is_submitted():
        return show(desk, "project_settings.html", form=form)
    desk.check(Role.ADMIN)
    if form.validate():
        try:
            rename_project(desk.ctx, project, name=form.name.text)
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            return go("project_settings", slug=project.slug, done="renamed")
    return show(desk, "project_settings.html", status=422, form=form)


@requires(Role.MEMBER)
def brand(desk: Desk) -> ResponseReturnValue:
    """The look of the project's pages."""
    project = desk.project
    form = BrandForm(data=project.brand)
    if not form.is_submitted():
        return show(desk, "brand.html", form=form, look=_preview(form))
    desk.check(Role.ADMIN)
    if form.validate():
        try:
            set_brand(desk.ctx, project, **_look(form))
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            return go("brand", slug=project.slug, done="brand")
    return show(desk, "brand.html", status=422, form=form, look=_preview(form))


@requires(Role.MEMBER)
def sign_in_settings(desk: Desk) -> ResponseReturnValue:
    """Who may sign up on the project's pages, and how people sign in."""
    project = desk.project
    ways = project.sign_in or {}
    form = SignInForm(
        data={
            "signup_open": project.signup == "open",
            "passlinks": ways.get("passlinks", True),
            "recovery_codes": ways.get("recovery_codes", False),
        }
    )
    if not form.is_submitted():
        return show(desk, "sign_in.html", form=form)
    desk.check(Role.ADMIN)
    if form.validate():
        try:
            set_sign_in(
                desk.ctx,
                project,
                signup_open=form.signup_open.data,
                passlinks=form.passlinks.data,
                recovery_codes=form.recovery_codes.data,
            )
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            return go("sign_in_settings", slug=project.slug, done="saved")
    return show(desk, "sign_in.html", status=422, form=form)


def _look(form: BrandForm) -> dict[str, str]:
    return {"accent": form.accent.text, "background": form.background.text, "corners": form.corners.data}


def _preview(form: BrandForm) -> dict[str, dict[str, str]]:
    return {"brand": _look(form)}


def _resume(desk: Desk, project: Project) -> None:
    # A worker that died leaves its lease to run out; whoever looks next starts another one.
    if needs_worker(project, desk.ctx.now):
        start_provisioning(project.id)
