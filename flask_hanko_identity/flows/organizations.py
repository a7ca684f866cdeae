"""Organizations: made by people or with a new account, and renamed."""

from sqlalchemy.exc import IntegrityError

from ..crypto import random_text
from ..errors import InvalidInput
from ..protocol.names import LONGEST_NAME
from ..protocol.names import clean_name
from ..signals import organization_changed
from ..storage import Membership
from ..storage import Organization
from ..storage.organizations import Role
from ..text import gettext
from .context import Context
from .rows import check_submission
from .rows import lock
from .rows import refuse_second
from .unit_of_work import Work
from .unit_of_work import transaction


def create_organization(
    ctx: Context, *, name: str, owner_id: int | None = None, submission: str | None = None
) -> Organization:
    """Make an organization.

    :param owner_id: the console account that owns it; None from the command line.
    :param submission: one-time id of the form.
    :raises InvalidInput: if the name will not do.
    :raises AlreadyDone: if the form was sent before; ``existing`` is the organization's public id.
    """
    name = clean_name(name, "name")
    submission = check_submission(submission)
    try:
        with transaction(ctx) as work:
            refuse_second(ctx, submission, Organization.submission, Organization.public_id)
            return _add(ctx, work, name=name, owner_id=owner_id, submission=submission)
    except IntegrityError:
        refuse_second(ctx, submission, Organization.submission, Organization.public_id)
        raise


def add_default_organization(ctx: Context, work: Work, *, user_id: int, email: str) -> Organization:
    """Give a new account an organization of its own, in the transaction that makes the account."""
    person = email.partition("@")[0][: LONGEST_NAME // 2]
    try:
        name = clean_name(gettext("%(person)s's organization", person=person), "name")
    except InvalidInput:
        name = gettext("My organization")
    return _add(ctx, work, name=name, owner_id=user_id, submission=None)


def rename_organization(ctx: Context, organization: Organization, *, name: str) -> Organization:
    """Give an organization another name.

    :raises InvalidInput: if the name will not do.
    """
    name = clean_name(name, "name")
    with transaction(ctx) as work:
        organization = lock(ctx, organization)
        before, organization.name = organization.name, name
        if before != name:
            work.record(
                "organization.renamed",
                f"organization:{organization.public_id}",
                organization_id=organization.id,
                data={"before": before, "after": name},
            )
            work.announce(organization_changed, organization_id=organization.public_id)
            work.changes_settings()  # its name stands in the projects' snapshots
    return organization


def _add(ctx: Context, work: Work, *, name: str, owner_id: int | None, submission: str | None) -> Organization:
    organization = Organization(public_id=random_text(96), name=name, submission=submission, created_at=ctx.now)
    ctx.session.add(organization)
    ctx.session.flush()
    if owner_id is not None:
        ctx.session.add(
            Membership(organization_id=organization.id, user_id=owner_id, role=Role.OWNER, created_at=ctx.now)
        )
        ctx.session.flush()
    work.record(
        "organization.created",
        f"organization:{organization.public_id}",
        organization_id=organization.id,
        data={"name": name},
    )
    work.announce(organization_changed, organization_id=organization.public_id)
    return organization
