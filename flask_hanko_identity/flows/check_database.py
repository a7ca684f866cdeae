"""Whether the database is there, safe and up to date, and everything in it usable."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from ..crypto import DecryptionFailed
from ..settings import PREFIX
from ..storage import Passkey
from ..storage import Project
from ..storage import SigningKey
from ..storage import migrate
from ..storage.projects import ProjectStatus
from ..storage.projects import ProjectType
from ..text import gettext
from .context import Context
from .findings import Finding
from .findings import Level
from .findings import error
from .findings import ok
from .findings import warning
from .provision import needs_worker

KEY_AGE = timedelta(days=365)
"""After this a signing key should be replaced."""

OLDEST_POSTGRESQL = 15


def check_database(ctx: Context) -> list[Finding]:
    """Whether the database is there, safe, up to date, and everything in it usable."""
    try:
        migrations = _migrations(ctx)
        findings = [*_database_settings(ctx), migrations]
        if migrations.level is Level.OK:
            for examine in _OF_THE_ROWS:
                findings += examine(ctx)
    except SQLAlchemyError as failure:
        ctx.session.rollback()
        return [
            error(
                "database",
                gettext(
                    "The database does not answer (%(error)s). Look at SQLALCHEMY_DATABASE_URI and at the server.",
                    error=type(failure).__name__,
                ),
            )
        ]
    return findings


def _database_settings(ctx: Context) -> Iterator[Finding]:
    connection = ctx.session.connection()
    name = connection.dialect.name
    if name == "sqlite":
        ask = {pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() for pragma in _SQLITE}
        for pragma, (wanted, message) in _SQLITE.items():
            if ask[pragma] not in wanted:
                yield error(f"sqlite.{pragma}", message)
                return
        yield ok("database", gettext("SQLite writes safely."))
    elif name == "postgresql":
        version = int(str(connection.exec_driver_sql("SHOW server_version_num").scalar()))
        if version < OLDEST_POSTGRESQL * 10_000:
            yield error(
                "database",
                gettext("Use PostgreSQL %(oldest)d or later.", oldest=OLDEST_POSTGRESQL),
            )
            return
        off = [
            setting
            for setting in ("fsync", "synchronous_commit")
            if connection.exec_driver_sql(f"SHOW {setting}").scalar() == "off"
        ]
        for setting in off:
            yield warning(
                f"postgresql.{setting}",
                gettext(
                    "PostgreSQL runs with %(setting)s = off: after a crash of the machine, what was revoked "
                    "may work again. Set it to on in postgresql.conf.",
                    setting=setting,
                ),
            )
        if not off:
            yield ok("database", gettext("PostgreSQL writes safely."))
    else:
        yield error(
            "database",
            gettext("%(name)s is not supported. Set SQLALCHEMY_DATABASE_URI to PostgreSQL or SQLite.", name=name),
        )


_SQLITE: dict[str, tuple[tuple[object, ...], str]] = {
    "journal_mode": (
        ("wal", "memory"),
        f"SQLite does not use its write-ahead log, so that readers and writers stop each other. "
        f"Set {PREFIX}SQLITE_TUNING to True, or run PRAGMA journal_mode=WAL on the file.",
    ),
    "foreign_keys": (
        (1,),
        f"SQLite does not enforce foreign keys, so that deleting leaves rows behind. "
        f"Set {PREFIX}SQLITE_TUNING to True, or PRAGMA foreign_keys=ON on each connection.",
    ),
    "synchronous": (
        (2, 3),
        f"SQLite may lose what it has confirmed when the power fails. "
        f"Set {PREFIX}SQLITE_TUNING to True, or PRAGMA synchronous=FULL on each connection.",
    ),
}


def _migrations(ctx: Context) -> Finding:
    ctx.session.rollback()  # so that one connection is enough
    now, newest = migrate.current(ctx.session.get_bind().engine), migrate.head()
    if now is None:
        return error("migrations", gettext("Our tables are not there. Run flask identity init."))
    if now != newest:
        return error(
            "migrations",
            gettext(
                "The tables are at revision %(now)s, this version needs %(newest)s. Run flask identity db upgrade.",
                now=now,
                newest=newest,
            ),
        )
    return ok("migrations", gettext("The tables are up to date (%(newest)s).", newest=newest))


def _projects(ctx: Context) -> Iterable[Finding]:
    projects = ctx.session.scalars(select(Project).order_by(Project.id)).all()
    if not projects:
        yield error("projects", gettext("There is no console project. Run flask identity init."))
    for project in projects:
        subject = f"project:{project.slug}"
        if project.status == ProjectStatus.FAILED:
            yield error(subject, project.status_reason or gettext("It could not be made ready. Try again."))
        elif needs_worker(project, ctx.now):
            yield warning(
                subject,
                gettext("It was never made ready. Open it in the console, or run flask identity init."),
            )
        if project.type == ProjectType.HOST and ctx.host_gaps:
            yield warning(
                subject,
                gettext(
                    "Its people sign in at this app, which lacks %(gaps)s: until then nobody can.",
                    gaps=gettext(" and ").join(ctx.host_gaps),
                ),
            )
        if project.issuer != ctx.settings.issuer(project.slug):
            yield error(
                subject,
                gettext(
                    "Its issuer is %(issuer)s, but %(setting)s is %(url)s. Set %(setting)s back: apps rely "
                    "on the issuer.",
                    issuer=project.issuer,
                    setting=f"{PREFIX}BASE_URL",
                    url=ctx.settings.base_url,
                ),
            )


def _keys(ctx: Context) -> Iterable[Finding]:
    rows = ctx.session.execute(
        select(
            Project.slug,
            SigningKey.kid,
            SigningKey.algorithm,
            SigningKey.sealed_private_key,
            SigningKey.activates_at,
            SigningKey.retires_at,
        )
        .join(Project, Project.id == SigningKey.project_id)
        .order_by(SigningKey.id)
    )
    for row in rows:
        subject = f"project:{row.slug}"
        try:
            ctx.ring.decrypt(row.sealed_private_key)
        except DecryptionFailed:
            yield error(
                subject,
                gettext(
                    "Its key %(kid)s cannot be decrypted. Add the key it was encrypted with to %(setting)s "
                    "(or put the former SECRET_KEY there), then run flask identity encryption rotate.",
                    kid=row.kid,
                    setting=f"{PREFIX}ENCRYPTION_KEYS",
                ),
            )
        if row.retires_at is None and row.activates_at + KEY_AGE <= ctx.now:
            yield warning(
                subject,
                gettext(
                    "Its %(algorithm)s key is more than a year old. Run flask identity keys rotate --project %(slug)s.",
                    algorithm=row.algorithm,
                    slug=row.slug,
                ),
            )


def _passkeys(ctx: Context) -> Iterable[Finding]:
    other = ctx.session.execute(
        select(Passkey.rp_id, func.count(Passkey.user_id.distinct()))
        .where(Passkey.rp_id != ctx.settings.rp_id)
        .group_by(Passkey.rp_id)
    )
    for rp_id, users in other:
        yield error(
            f"{PREFIX}RP_ID",
            gettext(
                "Passkeys of %(users)d users were made for %(rp_id)s and do not work with %(setting)s = "
                "%(now)s. Set it back.",
                users=users,
                rp_id=rp_id,
                setting=f"{PREFIX}RP_ID",
                now=ctx.settings.rp_id,
            ),
        )


_OF_THE_ROWS: tuple[Callable[[Context], Iterable[Finding]], ...] = (_projects, _keys, _passkeys)
