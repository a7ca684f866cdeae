"""A new project becomes ready: its signing keys are made. It may be asked for again at any time."""

import logging
from datetime import datetime
from datetime import timedelta

from sqlalchemy import insert
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ..errors import NotFound
from ..protocol.signing import ALGORITHMS
from ..protocol.signing import generate
from ..signals import project_changed
from ..storage import Project
from ..storage import SigningKey
from ..storage.projects import CONSOLE_SLUG
from ..storage.projects import ProjectStatus
from ..storage.projects import ProjectType
from ..storage.projects import find_project
from ..text import gettext
from .context import Context
from .unit_of_work import transaction

LEASE = timedelta(seconds=30)
"""How long a worker is trusted to be alive. Making the keys takes well under a second."""

log = logging.getLogger("flask_hanko_identity")


def provision(ctx: Context, project_id: int) -> str:
    """Make the project ready, unless it is or another worker is at it.

    :return: the status it has afterwards.
    :raises NotFound: if there is no such project.
    """
    if not _claim(ctx, project_id):
        return _status(ctx, project_id)
    try:
        _make_ready(ctx, project_id)
    except Exception as error:  # whatever it was, the project must not stay as it is
        ctx.session.rollback()
        _fail(ctx, project_id, error)
    return _status(ctx, project_id)


def retry(ctx: Context, project_id: int) -> str:
    """As :func:`provision`, for a project that has failed too."""
    with transaction(ctx) as work:
        again = ctx.session.execute(
            update(Project)
            .where(Project.id == project_id, Project.status == ProjectStatus.FAILED)
            .values(status=ProjectStatus.INITIALIZING, status_reason=None, provisioning_until=None)
            .returning(Project.slug)
        ).scalar_one_or_none()
        if again is not None:
            work.record("project.retried", f"project:{again}", project_id=project_id)
            work.changes_settings()
    return provision(ctx, project_id)


def needs_worker(project: Project, now: datetime) -> bool:
    """Whether nobody is at work on a project that is not ready: a crash, or a process that was stopped."""
    until = project.provisioning_until
    return project.status == ProjectStatus.INITIALIZING and (until is None or until <= now)


def ensure_console_project(ctx: Context) -> Project:
    """The console's own project, made and made ready if need be. Any number of workers may call this."""
    project = find_project(ctx.session, CONSOLE_SLUG)
    if project is None:
        try:
            project = _create_console(ctx)
        except IntegrityError:  # another worker was first
            project = ctx.session.scalars(select(Project).where(Project.slug == CONSOLE_SLUG)).one()
    if project.status != ProjectStatus.READY:
        project_id = project.id
        retry(ctx, project_id)
        project = ctx.session.get_one(Project, project_id, populate_existing=True)
    return project


def _claim(ctx: Context, project_id: int) -> bool:
    with transaction(ctx):
        claimed = ctx.session.execute(
            update(Project)
            .where(
                Project.id == project_id,
                Project.status == ProjectStatus.INITIALIZING,
                or_(Project.provisioning_until.is_(None), Project.provisioning_until <= ctx.now),
            )
            .values(provisioning_until=ctx.now + LEASE)
            .returning(Project.id)
        ).scalar_one_or_none()
    return claimed is not None


def _make_ready(ctx: Context, project_id: int) -> None:
    keys = [generate(algorithm) for algorithm in ALGORITHMS]  # a moment's work: not within a transaction
    rows = [
        {
            "project_id": project_id,
            "kid": key.kid,
            "algorithm": key.algorithm,
            "public_jwk": key.public_jwk,
            "sealed_private_key": ctx.ring.encrypt(key.private_der),
            "created_at": ctx.now,
            "activates_at": ctx.now,
            "retires_at": None,
        }
        for key in keys
    ]
    with transaction(ctx) as work:
        # Whoever comes first: with an overrun lease there may be two here, and one set of keys.
        slug = ctx.session.execute(
            update(Project)
            .where(Project.id == project_id, Project.status == ProjectStatus.INITIALIZING)
            .values(status=ProjectStatus.READY, ready_at=ctx.now, provisioning_until=None, status_reason=None)
            .returning(Project.slug)
        ).scalar_one_or_none()
        if slug is None:
            return
        ctx.session.execute(insert(SigningKey), rows)
        work.record(
            "project.ready",
            f"project:{slug}",
            project_id=project_id,
            data={"keys": {key.algorithm: key.kid for key in keys}},
        )
        work.announce(project_changed, project=slug)
        work.changes_settings()


def _fail(ctx: Context, project_id: int, error: Exception) -> None:
    log.error("project %s could not be made ready: %s", project_id, type(error).__name__, exc_info=error)
    with transaction(ctx) as work:
        slug = ctx.session.execute(
            update(Project)
            .where(Project.id == project_id, Project.status == ProjectStatus.INITIALIZING)
            .values(status=ProjectStatus.FAILED, provisioning_until=None)
            .returning(Project.slug)
        ).scalar_one_or_none()
        if slug is None:
            return
        reference = work.record(
            "project.failed", f"project:{slug}", project_id=project_id, data={"error": type(error).__name__}
        )
        reason = gettext(
            "The signing keys could not be made or stored. Nothing is lost: try again. If it fails again, "
            "the server's log says why (%(reference)s).",
            reference=reference,
        )
        ctx.session.execute(update(Project).where(Project.id == project_id).values(status_reason=reason))
        log.error("its event has the reference %s", reference)
        work.announce(project_changed, project=slug)
        work.changes_settings()


def _status(ctx: Context, project_id: int) -> str:
    status = ctx.session.execute(select(Project.status).where(Project.id == project_id)).scalar_one_or_none()
    if status is None:
        raise NotFound(gettext("There is no such project."))
    return status


def _create_console(ctx: Context) -> Project:
    with transaction(ctx) as work:
        project = Project(
            organization_id=None,
            slug=CONSOLE_SLUG,
            name=gettext("Console"),
            type=ProjectType.IDENTITY,
            issuer=ctx.settings.issuer(CONSOLE_SLUG),
            status=ProjectStatus.INITIALIZING,
            brand={},
            created_at=ctx.now,
        )
        ctx.session.add(project)
        ctx.session.flush()
        work.record("project.created", f"project:{CONSOLE_SLUG}", project_id=project.id)
        work.announce(project_changed, project=CONSOLE_SLUG)
    return project
