"""Projects: made, renamed, given a look. :mod:`.provision` makes them ready."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from ..errors import Conflict
from ..errors import InvalidInput
from ..protocol.names import clean_brand
from ..protocol.names import clean_name
from ..protocol.names import clean_slug
from ..protocol.names import suggest_slug
from ..protocol.names import vary_slug
from ..signals import project_changed
from ..storage import Organization
from ..storage import Project
from ..storage.projects import ProjectStatus
from ..storage.projects import ProjectType
from ..text import gettext
from .context import Context
from .rows import check_submission
from .rows import lock
from .rows import refuse_second
from .rows import row_id
from .unit_of_work import transaction


def create_project(
    ctx: Context,
    *,
    organization: Organization,
    name: str,
    slug: str | None = None,
    type: str = ProjectType.IDENTITY,
    brand: Mapping[str, Any] | None = None,
    submission: str | None = None,
) -> Project:
    """Make a project. It is ``initializing`` until :func:`.provision.provision` has given it keys.

    :param slug: its part of the issuer URL; made from the name unless given.
    :param type: ``identity`` or ``host``.
    :param brand: ``accent``, ``background`` and ``corners``, or None for the standard look.
    :param submission: one-time id of the form.
    :raises InvalidInput: if a value will not do.
    :raises Conflict: if the slug is taken.
    :raises AlreadyDone: if the form was sent before; ``existing`` is the project's slug.
    """
    name = clean_name(name, "name")
    if type not in list(ProjectType):
        raise InvalidInput(gettext("The type of a project is identity or host."), field="type")
    look = clean_brand(**_brand_values(brand)) if brand else {}
    submission = check_submission(submission)
    wanted = None if slug is None else clean_slug(slug, "slug")
    candidate = wanted or suggest_slug(name)
    for _ in range(10):
        try:
            return _create(
                ctx,
                organization=organization,
                name=name,
                slug=candidate,
                type=type,
                brand=look,
                submission=submission,
            )
        except IntegrityError:
            refuse_second(
                ctx,
                submission,
                Project.submission,
                Project.slug,
                Project.organization_id == row_id(organization),
            )
            if wanted is not None:
                break
            candidate = vary_slug(suggest_slug(name))
    raise Conflict(gettext("This short name is taken. Choose another."), field="slug")


def rename_project(ctx: Context, project: Project, *, name: str) -> Project:
    """Give a project another name. Its slug and issuer stay: relying parties rely on them.

    :raises InvalidInput: if the name will not do.
    """
    return _change(ctx, project, "project.renamed", name=clean_name(name, "name"))


def set_brand(ctx: Context, project: Project, *, accent: str, background: str, corners: str) -> Project:
    """Choose the look of a project's pages.

    :raises InvalidInput: unless the colours are ``#rrggbb`` and the corners ``round`` or ``square``.
    """
    brand = clean_brand(accent=accent, background=background, corners=corners)
    return _change(ctx, project, "project.brand_changed", brand=brand)


def set_sign_in(ctx: Context, project: Project, *, signup_open: bool, passlinks: bool, recovery_codes: bool) -> Project:
    """Choose who may sign up on a project's pages and how people sign in besides passkeys.

    :raises InvalidInput: for a project whose host signs its people in.
    """
    if project.type == ProjectType.HOST:
        raise InvalidInput(gettext("The host application signs the people of this project in."))
    return _change(
        ctx,
        project,
        "project.sign_in_changed",
        signup="open" if signup_open else "closed",
        sign_in={"passlinks": passlinks, "recovery_codes": recovery_codes},
    )


def _create(
    ctx: Context,
    *,
    organization: Organization,
    name: str,
    slug: str,
    type: str,
    brand: dict[str, str],
    submission: str | None,
) -> Project:
    with transaction(ctx) as work:
        owner = lock(ctx, organization)
        refuse_second(ctx, submission, Project.submission, Project.slug, Project.organization_id == owner.id)
        project = Project(
            organization_id=owner.id,
            slug=slug,
            name=name,
            type=type,
            issuer=ctx.settings.issuer(slug),
            status=ProjectStatus.INITIALIZING,
            brand=brand,
            submission=submission,
            created_at=ctx.now,
        )
        ctx.session.add(project)
        ctx.session.flush()
        work.record(
            "project.created",
            f"project:{slug}",
            project_id=project.id,
            organization_id=owner.id,
            data={"name": name, "type": str(type), "issuer": project.issuer},
        )
        work.announce(project_changed, project=slug)
        work.changes_settings()
    return project


def _change(ctx: Context, project: Project, event: str, **values: Any) -> Project:
    with transaction(ctx) as work:
        project = lock(ctx, project)
        before = {name: getattr(project, name) for name in values}
        if before != values:
            for name, value in values.items():
                setattr(project, name, value)
            work.record(
                event,
                f"project:{project.slug}",
                project_id=project.id,
                organization_id=project.organization_id,
                data={"before": before, "after": values},
            )
            work.announce(project_changed, project=project.slug)
            work.changes_settings()
    return project


def _brand_values(brand: Mapping[str, Any]) -> dict[str, Any]:
    return {name: brand.get(name) for name in ("accent", "background", "corners")}
