"""The first operational tables: reports and their pages, jobs, audit, nonces, keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None


def upgrade() -> None:
    """From an empty database."""
    op.create_table(
        "server_audit_event",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=1), nullable=False),
        sa.Column("interaction", sa.String(length=64), nullable=False),
        sa.Column("resource_type", sa.String(length=64), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=2), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("entities", sa.Text(), nullable=False),
        sa.Column("chain_number", sa.BigInteger(), nullable=False),
        sa.Column("chain_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_server_audit_event")),
        sa.UniqueConstraint("id", name=op.f("uq_server_audit_event_id")),
    )
    op.create_index(
        op.f("ix_server_audit_event_agent"), "server_audit_event", ["agent"], unique=False
    )
    op.create_index(
        op.f("ix_server_audit_event_recorded"), "server_audit_event", ["recorded"], unique=False
    )
    op.create_table(
        "server_release",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=32), nullable=False),
        sa.Column("opened", sa.Float(), nullable=False),
        sa.Column("cohort", sa.String(length=64), nullable=False),
        sa.Column("sites", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_server_release")),
    )
    op.create_index(op.f("ix_server_release_cohort"), "server_release", ["cohort"], unique=False)
    op.create_table(
        "server_evaluation",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_server_evaluation")),
    )
    op.create_index(op.f("ix_server_evaluation_made"), "server_evaluation", ["made"], unique=False)
    op.create_table(
        "server_job",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("heartbeat", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("report", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("issue", sa.String(length=64), nullable=False),
        sa.Column("diagnostics", sa.Text(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_job")),
    )
    op.create_index(op.f("ix_server_job_state"), "server_job", ["state"], unique=False)
    op.create_index(op.f("ix_server_job_worker"), "server_job", ["worker"], unique=False)
    op.create_table(
        "server_received",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_server_received")),
    )
    op.create_table(
        "server_report",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=64), nullable=True),
        sa.Column("measure", sa.Text(), nullable=True),
        sa.Column("measure_version", sa.Text(), nullable=True),
        sa.Column("date_low", sa.BigInteger(), nullable=True),
        sa.Column("date_high", sa.BigInteger(), nullable=True),
        sa.Column("period_low", sa.BigInteger(), nullable=True),
        sa.Column("period_high", sa.BigInteger(), nullable=True),
        sa.Column("disclosure", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_report")),
    )
    op.create_index(op.f("ix_server_report_date_low"), "server_report", ["date_low"], unique=False)
    op.create_index(op.f("ix_server_report_measure"), "server_report", ["measure"], unique=False)
    op.create_index(
        op.f("ix_server_report_period_low"), "server_report", ["period_low"], unique=False
    )
    op.create_index(op.f("ix_server_report_status"), "server_report", ["status"], unique=False)
    op.create_index(op.f("ix_server_report_updated"), "server_report", ["updated"], unique=False)
    op.create_table(
        "server_signing_key",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("jwk", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_server_signing_key")),
    )
    op.create_table(
        "server_snapshot",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_server_snapshot")),
    )
    op.create_index(
        op.f("ix_server_snapshot_expires"), "server_snapshot", ["expires"], unique=False
    )
    op.create_index(op.f("ix_server_snapshot_owner"), "server_snapshot", ["owner"], unique=False)
    op.create_table(
        "server_used_nonce",
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "digest", name=op.f("pk_server_used_nonce")),
    )
    op.create_index(
        op.f("ix_server_used_nonce_expires"), "server_used_nonce", ["expires"], unique=False
    )
    op.create_table(
        "server_report_reference",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("parameter", sa.String(length=64), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["server_report.id"], name=op.f("fk_server_report_reference_id")
        ),
        sa.PrimaryKeyConstraint("id", "place", name=op.f("pk_server_report_reference")),
    )
    op.create_index(
        "ix_server_report_reference_target",
        "server_report_reference",
        ["parameter", "target", "type"],
        unique=False,
    )
    op.create_table(
        "server_report_token",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("parameter", sa.String(length=64), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["server_report.id"], name=op.f("fk_server_report_token_id")
        ),
        sa.PrimaryKeyConstraint("id", "place", name=op.f("pk_server_report_token")),
    )
    op.create_index(
        "ix_server_report_token_code",
        "server_report_token",
        ["parameter", "code", "system"],
        unique=False,
    )
    op.create_table(
        "server_report_version",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=True),
        sa.Column("disclosure", sa.String(length=64), nullable=True),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("resource", sa.Text(), nullable=True),
        sa.Column("received", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["id"], ["server_report.id"], name=op.f("fk_server_report_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["received"], ["server_received.sha256"], name=op.f("fk_server_report_version_received")
        ),
        sa.PrimaryKeyConstraint("id", "version", name=op.f("pk_server_report_version")),
    )
    op.create_index(
        op.f("ix_server_report_version_updated"), "server_report_version", ["updated"], unique=False
    )
    op.create_table(
        "server_snapshot_entry",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["digest"],
            ["server_snapshot.digest"],
            name=op.f("fk_server_snapshot_entry_digest"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["id", "version"],
            ["server_report_version.id", "server_report_version.version"],
            name=op.f("fk_server_snapshot_entry_id"),
        ),
        sa.PrimaryKeyConstraint("digest", "position", name=op.f("pk_server_snapshot_entry")),
    )
