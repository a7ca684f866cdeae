"""How every command runs and answers: one sentence or a few lines for people, one JSON object for scripts."""

import json
import sys
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import wraps
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from ..errors import IdentityError
from ..errors import InvalidInput
from ..errors import NotFound
from ..flows.context import Context
from ..flows.context import Origin
from ..storage import Project
from ..storage.projects import find_project
from ..text import gettext

EXTENSION = "hanko_identity"
USAGE = 2
"""Exit code of a command that was not understood, as click has it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a command has to say when it is done."""

    data: Mapping[str, Any]
    """For scripts."""
    lines: list[str] = field(default_factory=list)
    """For people."""
    failed: bool = False
    """Whether the exit code is to be 1 although the command did what was asked."""


class Command(click.Command):
    """A command with ``--json``, whose usage errors are JSON too where that is asked for."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does, but a wrong option of a ``--json`` command is told as JSON."""
        as_json = "--json" in args
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if not as_json:
                raise
            param = getattr(error, "param", None)
            _print_error(error.format_message(), getattr(param, "name", None))
            raise click.exceptions.Exit(USAGE) from error


def command(group: AppGroup, name: str) -> Callable[[Callable[..., Report]], click.Command]:
    """Add a function that returns a :class:`Report` to a group, with the option ``--json``."""

    def decorate(function: Callable[..., Report]) -> click.Command:
        made: click.Command = group.command(name, cls=Command)(_json_option(_answering(function)))
        return made

    return decorate


def single_command(name: str) -> Callable[[Callable[..., Report]], click.Command]:
    """As :func:`command`, for one that stands directly under ``flask identity``."""
    return command(AppGroup(), name)


def context() -> Context:
    """A context for the flows, with the command line as the actor."""
    app: Any = current_app
    state = app.extensions[EXTENSION]
    return Context(
        session=state.session,
        settings=state.settings,
        ring=state.ring,
        keys=state.keys,
        snapshots=state.snapshots,
        mailer=state.mailer,
        counters=state.counters,
        claims_hook=state.hooks.claims,
        now=state.now(),
        origin=Origin(actor="command-line"),
        sender=app._get_current_object(),
        host_gaps=state.host_gaps(app),
    )


def context_of(slug: str) -> Context:
    """As :func:`context`, for the project with this slug.

    :raises NotFound: if there is none.
    """
    ctx = context()
    tenant = ctx.snapshots.project(ctx.session, get_project(ctx, slug).slug)
    if tenant is None:
        raise _no_project(slug)
    return replace(ctx, tenant=tenant)


def get_project(ctx: Context, slug: str) -> Project:
    """The project with this slug.

    :raises NotFound: if there is none.
    """
    project = find_project(ctx.session, storable(slug, "project"))
    if project is None:
        raise _no_project(slug)
    return project


def storable(text: str, option: str) -> str:
    """Text that a database can look for.

    :raises InvalidInput: for NUL and bytes that are not UTF-8.
    """
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput(gettext("This is not plain text."), field=option)
    return text


def _no_project(slug: str) -> NotFound:
    return NotFound(gettext("There is no project with the slug “%(slug)s”.", slug=slug), field="project")


def _json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def _answering(function: Callable[..., Report]) -> Callable[..., None]:
    @wraps(function)
    def run(*, as_json: bool, **options: Any) -> None:
        try:
            report = function(**options)
        except IdentityError as refusal:
            _refuse(str(refusal.message), refusal.field, as_json)
        except SQLAlchemyError as error:
            # The class says enough; the rest may hold values of rows.
            message = gettext(
                "The database did not do this (%(error)s). Run flask identity check.", error=type(error).__name__
            )
            _refuse(message, None, as_json)
        else:
            if as_json:
                click.echo(json.dumps(report.data))
            else:
                click.echo(_printable("\n".join(report.lines)))
            if report.failed:
                sys.exit(1)

    return run


def _refuse(message: str, field: str | None, as_json: bool) -> None:
    if as_json:
        _print_error(message, field)
    else:
        options = [param.opts[0] for param in click.get_current_context().command.params if param.name == field]
        click.echo(_printable(": ".join([*options, message])), err=True)
    sys.exit(1)


def _print_error(message: str, field: str | None) -> None:
    click.echo(json.dumps({"error": message, "field": field}))


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
