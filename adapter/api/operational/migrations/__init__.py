"""Alembic migrations of the operational tables, in `versions`, oldest first."""
