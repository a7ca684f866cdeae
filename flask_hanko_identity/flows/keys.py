"""Signing keys are replaced: the new one is published before it signs, the old one after it has stopped."""

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy import select

from ..errors import Conflict
from ..errors import InvalidInput
from ..errors import NotFound
from ..protocol.signing import ALGORITHMS
from ..protocol.signing import NewKey
from ..protocol.signing import generate
from ..signals import signing_key_rotated
from ..storage import Project
from ..storage import SigningKey
from ..storage.keys import list_keys
from ..text import gettext
from .context import Context
from .unit_of_work import transaction


def rotate_keys(ctx: Context, *, algorithm: str | None = None, at_once: bool = False) -> list[SigningKey]:
    """Give the context's project new signing keys.

    A new key signs from ``settings.key_publication_lead`` on, so that relying parties which cache the key set
    know it by then; the present key signs until that moment and stays published while its tokens live.

    :param algorithm: one of ``signing.ALGORITHMS``; all unless given.
    :param at_once: sign with the new key from now on. Apps that have the key set cached must fetch it again.
        A key that waits is dropped.
    :return: the new keys. Of an algorithm whose next key waits already there is none, unless ``at_once``.
    :raises InvalidInput: if there is no such algorithm.
    :raises Conflict: if nothing was to be done, since the next keys wait already.
    """
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise InvalidInput(
            gettext("Keys can be for: %(algorithms)s.", algorithms=", ".join(ALGORITHMS)), field="algorithm"
        )
    fresh = [generate(each) for each in ([algorithm] if algorithm else ALGORITHMS)]
    with transaction(ctx) as work:
        # One rotation at a time: the second sees what the first has done.
        project = ctx.session.scalars(
            select(Project).where(Project.id == ctx.project.id).with_for_update()
        ).one_or_none()
        if project is None:
            raise NotFound(gettext("There is no such project."))
        present = list_keys(ctx.session, project_id=project.id)
        added = [row for new in fresh if (row := _replace(ctx, present, new, at_once=at_once)) is not None]
        if not added:
            raise Conflict(gettext("New keys are published already and will sign soon. Nothing was changed."))
        ctx.session.flush()
        for key in added:
            work.record(
                "project.key_rotated",
                f"project:{project.slug}",
                project_id=project.id,
                organization_id=project.organization_id,
                data={
                    "kid": key.kid,
                    "algorithm": key.algorithm,
                    "activates_at": key.activates_at.isoformat(),
                },
            )
            work.announce(signing_key_rotated, project=project.slug, kid=key.kid, algorithm=key.algorithm)
        work.changes_settings()
    return added


def _replace(ctx: Context, present: Sequence[SigningKey], new: NewKey, *, at_once: bool) -> SigningKey | None:
    same = [key for key in present if key.algorithm == new.algorithm]
    waiting = [key for key in same if key.activates_at > ctx.now]
    if waiting and not at_once:
        return None
    for key in waiting:
        # It has signed nothing, so nobody misses it.
        ctx.session.execute(delete(SigningKey).where(SigningKey.id == key.id))
    activates_at = ctx.now if at_once else ctx.now + ctx.settings.key_publication_lead
    for key in same:
        if key not in waiting and (key.retires_at is None or key.retires_at > activates_at):
            key.retires_at = activates_at
    row = SigningKey(
        project_id=ctx.project.id,
        kid=new.kid,
        algorithm=new.algorithm,
        public_jwk=new.public_jwk,
        sealed_private_key=ctx.ring.encrypt(new.private_der),
        created_at=ctx.now,
        activates_at=activates_at,
        retires_at=None,
    )
    ctx.session.add(row)
    return row
