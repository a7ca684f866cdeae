"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


_TABLES = (
    "token authorization email_address redirect_uri passlink passkey membership login_session consent client_secret "
    "ceremony authorization_request user signing_key logout_request client project organization audit_event"
).split()
"""Without the prefix, each before those that it points to."""


def _key(column: str, target: str, ondelete: str = "CASCADE") -> sa.ForeignKey:
    return sa.ForeignKey(target, name="fk_" + column.replace(".", "_"), ondelete=ondelete)


def upgrade() -> None:
    op.create_table(
        "hanko_audit_event",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID),
        sa.Column("organization_id", ID),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("ip_address", sa.String(length=45)),
        sa.Column("user_agent", sa.Text()),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_index("ix_hanko_audit_event_organization_id", "hanko_audit_event", ["organization_id", "id"])
    op.create_index("ix_hanko_audit_event_project_id", "hanko_audit_event", ["project_id", "id"])
    op.create_index("ix_hanko_audit_event_reference", "hanko_audit_event", ["reference"])
    op.create_table(
        "hanko_organization",
        sa.Column("id", ID, primary_key=True),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("submission", sa.String(length=64)),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("public_id", name="uq_hanko_organization_public_id"),
        sa.UniqueConstraint("submission", name="uq_hanko_organization_submission"),
    )
    op.create_table(
        "hanko_project",
        sa.Column("id", ID, primary_key=True),
        sa.Column("organization_id", ID, _key("hanko_project.organization_id", "hanko_organization.id")),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_reason", sa.Text()),
        sa.Column("provisioning_until", TIME),
        sa.Column("ready_at", TIME),
        sa.Column("signup", sa.String(length=16), nullable=False),
        sa.Column("brand", sa.JSON(), nullable=False),
        sa.Column("submission", sa.String(length=64)),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("slug", name="uq_hanko_project_slug"),
        sa.UniqueConstraint("submission", name="uq_hanko_project_submission"),
    )
    op.create_index("ix_hanko_project_organization_id", "hanko_project", ["organization_id"])
    op.create_table(
        "hanko_client",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_client.project_id", "hanko_project.id"), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("application_type", sa.String(length=16), nullable=False),
        sa.Column("application_uri", sa.Text(), nullable=False),
        sa.Column("token_endpoint_auth_method", sa.String(length=32), nullable=False),
        sa.Column("require_pkce", sa.Boolean(), nullable=False),
        sa.Column("refresh_tokens", sa.Boolean(), nullable=False),
        sa.Column("rotate_refresh_tokens", sa.Boolean(), nullable=False),
        sa.Column("first_party", sa.Boolean(), nullable=False),
        sa.Column("id_token_signed_response_alg", sa.String(length=16), nullable=False),
        sa.Column("disabled_at", TIME),
        sa.Column("submission", sa.String(length=64)),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("client_id", name="uq_hanko_client_client_id"),
        sa.UniqueConstraint("submission", name="uq_hanko_client_submission"),
    )
    op.create_index("ix_hanko_client_project_id", "hanko_client", ["project_id"])
    op.create_table(
        "hanko_logout_request",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_logout_request.project_id", "hanko_project.id"), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("answered_at", TIME),
        sa.UniqueConstraint("handle", name="uq_hanko_logout_request_handle"),
    )
    op.create_index("ix_hanko_logout_request_expires_at", "hanko_logout_request", ["expires_at"])
    op.create_table(
        "hanko_signing_key",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_signing_key.project_id", "hanko_project.id"), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("public_jwk", sa.JSON(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("activates_at", TIME, nullable=False),
        sa.Column("retires_at", TIME),
        sa.UniqueConstraint("kid", name="uq_hanko_signing_key_kid"),
    )
    op.create_index("ix_hanko_signing_key_project_id", "hanko_signing_key", ["project_id"])
    op.create_table(
        "hanko_user",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_user.project_id", "hanko_project.id"), nullable=False),
        sa.Column("sub", sa.String(length=64), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("email", sa.String(length=320)),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("host_id", sa.String(length=255)),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.UniqueConstraint("project_id", "host_id", name="uq_hanko_user_project_id_host_id"),
        sa.UniqueConstraint("project_id", "sub", name="uq_hanko_user_project_id_sub"),
    )
    op.create_index("ix_hanko_user_project_id_email", "hanko_user", ["project_id", "email"])
    op.create_table(
        "hanko_authorization_request",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_authorization_request.project_id", "hanko_project.id"), nullable=False),
        sa.Column("client_id", ID, _key("hanko_authorization_request.client_id", "hanko_client.id"), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("browser_digest", sa.LargeBinary(length=32)),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("answered_at", TIME),
        sa.UniqueConstraint("handle", name="uq_hanko_authorization_request_handle"),
    )
    op.create_index("ix_hanko_authorization_request_client_id", "hanko_authorization_request", ["client_id"])
    op.create_index("ix_hanko_authorization_request_expires_at", "hanko_authorization_request", ["expires_at"])
    op.create_table(
        "hanko_ceremony",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_ceremony.project_id", "hanko_project.id"), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("challenge", sa.LargeBinary(length=64), nullable=False),
        sa.Column("browser_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", ID, _key("hanko_ceremony.user_id", "hanko_user.id")),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.UniqueConstraint("handle", name="uq_hanko_ceremony_handle"),
    )
    op.create_index("ix_hanko_ceremony_expires_at", "hanko_ceremony", ["expires_at"])
    op.create_table(
        "hanko_client_secret",
        sa.Column("id", ID, primary_key=True),
        sa.Column("client_id", ID, _key("hanko_client_secret.client_id", "hanko_client.id"), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("submission", sa.String(length=64)),
        sa.UniqueConstraint("submission", name="uq_hanko_client_secret_submission"),
    )
    op.create_index("ix_hanko_client_secret_client_id", "hanko_client_secret", ["client_id"])
    op.create_table(
        "hanko_consent",
        sa.Column("id", ID, primary_key=True),
        sa.Column("user_id", ID, _key("hanko_consent.user_id", "hanko_user.id"), nullable=False),
        sa.Column("client_id", ID, _key("hanko_consent.client_id", "hanko_client.id"), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("granted_at", TIME, nullable=False),
        sa.UniqueConstraint("user_id", "client_id", name="uq_hanko_consent_user_id_client_id"),
    )
    op.create_index("ix_hanko_consent_client_id", "hanko_consent", ["client_id"])
    op.create_table(
        "hanko_login_session",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_login_session.project_id", "hanko_project.id"), nullable=False),
        sa.Column("user_id", ID, _key("hanko_login_session.user_id", "hanko_user.id"), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sid", sa.String(length=64), nullable=False),
        sa.Column("auth_time", TIME, nullable=False),
        sa.Column("acr", sa.String(length=16), nullable=False),
        sa.Column("amr", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_seen_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("ip_address", sa.String(length=45)),
        sa.Column("user_agent", sa.Text()),
        sa.UniqueConstraint("digest", name="uq_hanko_login_session_digest"),
        sa.UniqueConstraint("sid", name="uq_hanko_login_session_sid"),
    )
    op.create_index("ix_hanko_login_session_expires_at", "hanko_login_session", ["expires_at"])
    op.create_index("ix_hanko_login_session_user_id", "hanko_login_session", ["user_id"])
    op.create_table(
        "hanko_membership",
        sa.Column("id", ID, primary_key=True),
        sa.Column(
            "organization_id", ID, _key("hanko_membership.organization_id", "hanko_organization.id"), nullable=False
        ),
        sa.Column("user_id", ID, _key("hanko_membership.user_id", "hanko_user.id"), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("organization_id", "user_id", name="uq_hanko_membership_organization_id_user_id"),
    )
    op.create_index("ix_hanko_membership_user_id", "hanko_membership", ["user_id"])
    op.create_table(
        "hanko_passkey",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_passkey.project_id", "hanko_project.id"), nullable=False),
        sa.Column("user_id", ID, _key("hanko_passkey.user_id", "hanko_user.id"), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(length=64), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("algorithm", sa.Integer(), nullable=False),
        sa.Column("sign_count", ID, nullable=False),
        sa.Column("aaguid", sa.String(length=36), nullable=False),
        sa.Column("transports", sa.JSON(), nullable=False),
        sa.Column("backup_eligible", sa.Boolean(), nullable=False),
        sa.Column("backup_state", sa.Boolean(), nullable=False),
        sa.Column("rp_id", sa.String(length=253), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME),
        sa.UniqueConstraint("project_id", "credential_id", name="uq_hanko_passkey_project_id_credential_id"),
    )
    op.create_index("ix_hanko_passkey_user_id", "hanko_passkey", ["user_id"])
    op.create_table(
        "hanko_passlink",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_passlink.project_id", "hanko_project.id"), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("user_id", ID, _key("hanko_passlink.user_id", "hanko_user.id")),
        sa.Column("email", sa.String(length=320)),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.UniqueConstraint("digest", name="uq_hanko_passlink_digest"),
    )
    op.create_index("ix_hanko_passlink_expires_at", "hanko_passlink", ["expires_at"])
    op.create_index("ix_hanko_passlink_user_id", "hanko_passlink", ["user_id"])
    op.create_table(
        "hanko_redirect_uri",
        sa.Column("id", ID, primary_key=True),
        sa.Column("client_id", ID, _key("hanko_redirect_uri.client_id", "hanko_client.id"), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("uri", sa.String(length=2000), nullable=False),
        sa.UniqueConstraint("client_id", "kind", "uri", name="uq_hanko_redirect_uri_client_id_kind_uri"),
    )
    op.create_table(
        "hanko_authorization",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_authorization.project_id", "hanko_project.id"), nullable=False),
        sa.Column("client_id", ID, _key("hanko_authorization.client_id", "hanko_client.id"), nullable=False),
        sa.Column("user_id", ID, _key("hanko_authorization.user_id", "hanko_user.id"), nullable=False),
        sa.Column(
            "login_session_id", ID, _key("hanko_authorization.login_session_id", "hanko_login_session.id", "SET NULL")
        ),
        sa.Column("code_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("redirect_uri", sa.String(length=2000), nullable=False),
        sa.Column("code_challenge", sa.String(length=128)),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text()),
        sa.Column("sid", sa.String(length=64), nullable=False),
        sa.Column("auth_time", TIME, nullable=False),
        sa.Column("acr", sa.String(length=16), nullable=False),
        sa.Column("amr", sa.JSON(), nullable=False),
        sa.Column("claims", sa.JSON(none_as_null=True)),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("code_expires_at", TIME, nullable=False),
        sa.Column("redeemed_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.Column("expires_at", TIME, nullable=False),
        sa.UniqueConstraint("code_digest", name="uq_hanko_authorization_code_digest"),
    )
    op.create_index("ix_hanko_authorization_client_id", "hanko_authorization", ["client_id"])
    op.create_index("ix_hanko_authorization_expires_at", "hanko_authorization", ["expires_at"])
    op.create_index("ix_hanko_authorization_login_session_id", "hanko_authorization", ["login_session_id"])
    op.create_index("ix_hanko_authorization_user_id", "hanko_authorization", ["user_id"])
    op.create_table(
        "hanko_token",
        sa.Column("id", ID, primary_key=True),
        sa.Column(
            "authorization_id", ID, _key("hanko_token.authorization_id", "hanko_authorization.id"), nullable=False
        ),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME),
        sa.Column("rotated_at", TIME),
        sa.Column("successor_digest", sa.LargeBinary(length=32)),
        sa.UniqueConstraint("digest", name="uq_hanko_token_digest"),
    )
    op.create_index("ix_hanko_token_authorization_id", "hanko_token", ["authorization_id"])
    op.create_index("ix_hanko_token_expires_at", "hanko_token", ["expires_at"])
    op.create_table(
        "hanko_email_address",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, _key("hanko_email_address.project_id", "hanko_project.id"), nullable=False),
        sa.Column("user_id", ID, _key("hanko_email_address.user_id", "hanko_user.id"), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("held_as", sa.String(length=320)),
        sa.Column("verified_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.UniqueConstraint("project_id", "held_as", name="uq_hanko_email_address_project_id_held_as"),
    )
    op.create_index("ix_hanko_email_address_user_id", "hanko_email_address", ["user_id"])


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table("hanko_" + name)
