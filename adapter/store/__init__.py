"""The analytic store, on SQLite or PostgreSQL.

connect: where it is, transactions; schema: its tables' version; columns: how values travel;
stage, load: rows in; query, facts, links: rows out; store: what the rest of Raiway uses.
"""

from adapter.store.load import LoadCounts
from adapter.store.store import Store, open_store

__all__ = ["LoadCounts", "Store", "open_store"]
