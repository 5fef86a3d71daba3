"""The shipped migrations, run on a connection whose transaction is already open."""

from __future__ import annotations

import threading

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from adapter.api.operational.metadata import SCHEMA_PREFIX, metadata
from adapter.errors import ConfigurationError

VERSION_TABLE = f"{SCHEMA_PREFIX}schema_version"
MIGRATIONS = "adapter.api.operational:migrations"

# Alembic keeps the environment that runs in the module `alembic.op`: one at a time in a process.
_alembic = threading.Lock()


def scripts() -> ScriptDirectory:
    """The migrations that this software ships."""
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    return ScriptDirectory.from_config(config)


def version(connection: Connection) -> str | None:
    """The migration that the database is at; None for one without our tables."""
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def upgraded(connection: Connection, where: str, *, only_check: bool) -> bool:
    """Whether the tables are those of this software; unless only checking, they are then.

    Raises ConfigurationError for a version that this software does not know: a newer one's.
    """
    shipped = scripts()
    found, head = version(connection), shipped.get_current_head()
    if found == head:
        return True
    known = {each.revision for each in shipped.walk_revisions()}
    if found is not None and found not in known:
        raise ConfigurationError(
            f"the operational tables are of a newer version of Raiway ({found}) than this one",
            where=where,
            hint="run the newer version, or name another database in [server] database; "
            "tables are never taken back to an older version",
        )
    if not only_check:
        _upgrade(connection, shipped)
    return not only_check


def _upgrade(connection: Connection, shipped: ScriptDirectory) -> None:
    config = Config()
    with (
        _alembic,
        EnvironmentContext(
            config,
            shipped,
            fn=lambda revision, _: shipped._upgrade_revs("head", revision),
        ) as environment,
    ):
        environment.configure(
            connection=connection, target_metadata=metadata, version_table=VERSION_TABLE
        )
        environment.run_migrations()
