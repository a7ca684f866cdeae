"""Codes beside links, recovery codes, rate limits, several accounts in one browser."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    user = sa.ForeignKey("hanko_user.id", name="fk_hanko_recovery_code_user_id", ondelete="CASCADE")
    op.create_table(
        "hanko_recovery_code",
        sa.Column("id", ID, primary_key=True),
        sa.Column("user_id", ID, user, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.UniqueConstraint("user_id", "digest", name="uq_hanko_recovery_code_user_id_digest"),
    )
    op.create_table(
        "hanko_rate_limit",
        sa.Column("id", ID, primary_key=True),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.UniqueConstraint("key", name="uq_hanko_rate_limit_key"),
    )
    op.create_index("ix_hanko_rate_limit_expires_at", "hanko_rate_limit", ["expires_at"])
    op.add_column("hanko_passlink", sa.Column("handle", sa.String(length=64)))
    op.add_column("hanko_passlink", sa.Column("browser_digest", sa.LargeBinary(length=32)))
    op.add_column("hanko_passlink", sa.Column("code_digest", sa.String(length=64)))
    op.add_column("hanko_passlink", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_hanko_passlink_handle", "hanko_passlink", ["handle"], unique=True)
    op.add_column("hanko_login_session", sa.Column("browser_digest", sa.LargeBinary(length=32)))
    op.create_index("ix_hanko_login_session_browser_digest", "hanko_login_session", ["browser_digest"])
    op.create_index("ix_hanko_user_user_handle", "hanko_user", ["user_handle"])
    op.add_column("hanko_project", sa.Column("sign_in", sa.JSON()))


def downgrade() -> None:
    op.drop_column("hanko_project", "sign_in")
    op.drop_index("ix_hanko_user_user_handle", "hanko_user")
    op.drop_index("ix_hanko_login_session_browser_digest", "hanko_login_session")
    op.drop_column("hanko_login_session", "browser_digest")
    op.drop_index("ix_hanko_passlink_handle", "hanko_passlink")
    for column in ("handle", "browser_digest", "code_digest", "attempts"):
        op.drop_column("hanko_passlink", column)
    op.drop_table("hanko_rate_limit")
    op.drop_table("hanko_recovery_code")
