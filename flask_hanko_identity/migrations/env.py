"""Runs our revisions on the connection that ``storage.migrate`` opened."""

from alembic import context

from flask_hanko_identity.storage.base import VERSION_TABLE
from flask_hanko_identity.storage.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)

with context.begin_transaction():
    context.run_migrations()
