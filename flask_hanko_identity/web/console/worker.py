"""Makes new projects ready beside the request that asked for them."""

import logging
import threading
from typing import Any

from flask import Flask
from flask import current_app

from ...errors import IdentityError
from ...flows.context import Context
from ...flows.context import Origin
from ...flows.provision import provision

log = logging.getLogger("flask_hanko_identity")


def start_provisioning(project_id: int) -> None:
    """Make the project ready in a thread of its own.

    Call it after the commit. If the process dies on the way, the next look at the dashboard starts again.
    """
    app: Any = current_app
    thread = threading.Thread(
        target=_work,
        args=(app._get_current_object(), project_id),
        name=f"hanko-provision-{project_id}",
        daemon=True,
    )
    thread.start()


def _work(app: Flask, project_id: int) -> None:
    with app.app_context():
        try:
            provision(_context(app), project_id)
        except IdentityError as refusal:
            log.warning("project %s is not made ready: %s", project_id, refusal.message)
        except Exception as error:
            log.error("project %s could not be made ready: %s", project_id, type(error).__name__, exc_info=error)


def _context(app: Flask) -> Context:
    state = app.extensions["hanko_identity"]
    return Context(
        session=state.session,
        settings=state.settings,
        ring=state.ring,
        keys=state.keys,
        snapshots=state.snapshots,
        claims_hook=state.hooks.claims,
        now=state.now(),
        origin=Origin(actor="system"),
        sender=app,
    )
