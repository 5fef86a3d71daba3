"""The packages that only some commands need."""

from __future__ import annotations

from importlib.util import find_spec

from adapter.errors import UsageError

SERVE = ("alembic", "fastapi", "limits", "lxml", "python_multipart", "prometheus_client", "psycopg",
         "pwdlib", "uvicorn")  # fmt: skip


def need_serve() -> None:
    """Raises UsageError where the packages of the extra `serve` are not all installed."""
    if lacking := [name for name in SERVE if find_spec(name) is None]:
        raise UsageError(
            f"serving needs packages that are not installed: {', '.join(lacking)}",
            hint='pip install "raiway[serve]"',
        )
