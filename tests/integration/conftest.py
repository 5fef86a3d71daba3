"""Fixtures of the integration tests: stores on both engines."""

from tests.lib.databases import both_urls, guarded_url, postgresql_server, store_url

__all__ = ["both_urls", "guarded_url", "postgresql_server", "store_url"]
