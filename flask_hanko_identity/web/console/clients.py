"""Pages of "Your apps": connect, settings, secrets, delete."""

from datetime import timedelta

from flask import request
from flask.typing import ResponseReturnValue

from ...errors import Conflict
from ...errors import InvalidInput
from ...errors import NotFound
from ...flows.clients import ClientSettings
from ...flows.clients import connect_client
from ...flows.clients import create_secret
from ...flows.clients import delete_client
from ...flows.clients import revoke_secret
from ...flows.clients import update_client
from ...flows.rows import AlreadyDone
from ...storage.clients import list_clients
from ...storage.organizations import Role
from ...text import gettext
from .access import Desk
from .access import requires
from .client_forms import AppSettingsForm
from .client_forms import ConnectAppForm
from .client_forms import NewSecretForm
from .endpoints import list_endpoints
from .forms import ActionForm
from .forms import DeleteForm
from .page import go
from .page import show

_KEEP = {"until-revoked": None, "day": timedelta(days=1), "end": timedelta(0)}


@requires(Role.MEMBER)
def apps(desk: Desk) -> ResponseReturnValue:
    """The apps of a project."""
    return show(desk, "apps.html", clients=list_clients(desk.ctx.session, project_id=desk.project.id))


@requires(Role.ADMIN)
def connect_app(desk: Desk) -> ResponseReturnValue:
    """Connect an app. The answer to the form is the only page that ever shows its secret."""
    form = ConnectAppForm()
    if not form.is_submitted():
        return show(desk, "connect_app.html", form=form)
    if form.validate():
        try:
            connected = connect_client(
                desk.ctx,
                name=form.name.text,
                application_type=form.application_type.data,
                application_uri=form.application_uri.text,
                redirect_uris=[form.redirect_uri.text],
                submission=form.submission.data,
            )
        except AlreadyDone as done:
            if done.existing is None:
                return go("apps", slug=desk.project.slug)
            return go("app_settings", slug=desk.project.slug, client_id=done.existing, done="connected-before")
        except InvalidInput as refusal:
            form.refuse(refusal, redirect_uris="redirect_uri")
        else:
            return show(
                desk,
                "connected.html",
                connected=connected,
                redirect_uri=form.redirect_uri.text,
                endpoints=list_endpoints(desk.project.issuer),
            )
    return show(desk, "connect_app.html", status=422, form=form)


@requires(Role.MEMBER)
def app_settings(desk: Desk) -> ResponseReturnValue:
    """Everything about one app."""
    form = AppSettingsForm.of(desk.client)
    if not form.is_submitted():
        return _settings_page(desk, form)
    desk.check(Role.ADMIN)
    valid = form.validate()
    action = request.form.get("action", "save")
    if action != "save":
        form.edit_rows(action)
        return _settings_page(desk, form)
    if valid:
        try:
            changed = update_client(desk.ctx, desk.client, ClientSettings(**form.settings()))
        except InvalidInput as refusal:
            form.refuse(refusal)
        else:
            done = "saved" if changed else "unchanged"
            return go("app_settings", slug=desk.project.slug, client_id=desk.client.client_id, done=done)
    return _settings_page(desk, form, status=422)


def _settings_page(desk: Desk, form: AppSettingsForm, *, status: int = 200) -> ResponseReturnValue:
    return show(
        desk,
        "app_settings.html",
        status=status,
        form=form,
        action=ActionForm(),
        endpoints=list_endpoints(desk.project.issuer),
        now=desk.ctx.now,
    )


@requires(Role.ADMIN)
def new_secret(desk: Desk) -> ResponseReturnValue:
    """Make another secret. The answer to the form is the only page that ever shows it."""
    form = NewSecretForm()
    if not form.is_submitted():
        return show(desk, "new_secret.html", form=form)
    if form.validate():
        try:
            issued = create_secret(
                desk.ctx,
                desk.client,
                label=form.label.text,
                keep_old_for=_KEEP[form.keep_old.data],
                submission=form.submission.data,
            )
        except AlreadyDone:
            return go("app_settings", slug=desk.project.slug, client_id=desk.client.client_id, done="secret-before")
        except (Conflict, InvalidInput) as refusal:
            form.refuse(refusal)
        else:
            return show(desk, "secret.html", secret=issued.secret)
    return show(desk, "new_secret.html", status=422, form=form)


@requires(Role.ADMIN)
def revoke_app_secret(desk: Desk) -> ResponseReturnValue:
    """End a secret at once."""
    ActionForm().validate()
    given = request.form.get("secret_id", "")
    secret_id = next((each.id for each in desk.client.secrets if str(each.id) == given), None)
    if secret_id is None:
        raise NotFound(gettext("This app has no such secret."))
    revoke_secret(desk.ctx, desk.client, secret_id=secret_id)
    return go("app_settings", slug=desk.project.slug, client_id=desk.client.client_id, done="secret-revoked")


@requires(Role.ADMIN)
def delete_app(desk: Desk) -> ResponseReturnValue:
    """Delete an app whose name is typed."""
    form = DeleteForm()
    if not form.is_submitted():
        return show(desk, "delete_app.html", form=form)
    if form.validate() and form.confirms(desk.client.name):
        delete_client(desk.ctx, desk.client)
        return go("apps", slug=desk.project.slug, done="app-deleted")
    return show(desk, "delete_app.html", status=422, form=form)
