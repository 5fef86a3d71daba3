"""Fixtures of the integration tests: stores on both engines, and FHIR servers of other makers."""

from tests.lib.databases import both_urls, guarded_url, postgresql_server, store_url
from tests.lib.servers.fixtures import hapi_base, hospital, real_base, sekmet_base, sekmet_smart

__all__ = [
    "both_urls",
    "guarded_url",
    "hapi_base",
    "hospital",
    "postgresql_server",
    "real_base",
    "sekmet_base",
    "sekmet_smart",
    "store_url",
]
