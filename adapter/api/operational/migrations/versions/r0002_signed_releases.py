"""Signed releases of sites, in the chain of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"


def upgrade() -> None:
    """From the first tables."""
    op.create_table(
        "server_signed_release",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=500), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("report", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("report_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["content"],
            ["server_received.sha256"],
            name=op.f("fk_server_signed_release_content"),
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_server_signed_release")),
        sa.UniqueConstraint("site", "number", name="uq_server_signed_release_site"),
    )
    op.create_index(
        op.f("ix_server_signed_release_report_id"),
        "server_signed_release",
        ["report_id"],
        unique=False,
    )
