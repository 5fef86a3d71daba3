"""The analytic store, on SQLite or PostgreSQL.

connect: where it is, transactions; schema: its tables' version; columns: how values travel;
texts, prepare: what `map` says as columns of text; stage, load: rows in;
query, facts, links: rows out; store: what the rest of Raiway uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapter.store.load import LoadCounts
    from adapter.store.store import Store, open_store

__all__ = ["LoadCounts", "Store", "open_store"]


_HOME = {"LoadCounts": "load", "Store": "store", "open_store": "store"}


def __getattr__(name: str) -> Any:
    # When it is asked for: a process that maps needs no database.
    if name not in _HOME:
        raise AttributeError(name)
    return getattr(import_module(f"adapter.store.{_HOME[name]}"), name)
