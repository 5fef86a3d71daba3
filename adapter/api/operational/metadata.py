"""The metadata that all operational tables share; each module defines its own tables on it."""

from __future__ import annotations

from sqlalchemy import MetaData

SCHEMA_PREFIX = "server_"
"""Every operational table's name begins so: they may lie in the store's own database."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
