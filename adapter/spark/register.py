"""What a folder says of itself, its sites and runs, as a store that our functions can ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from adapter.models import IngestRunRow
from adapter.spark.folder import Folder, Manifest
from adapter.spark.scratch import scratch_store

if TYPE_CHECKING:
    from adapter.store import Store

UNMAPPED = "unmapped_code"


@contextmanager
def register(manifest: Manifest, rows: Iterable[tuple[str, pa.Table]] = ()) -> Iterator[Store]:
    """A store with the folder's sites and runs, and these rows by table."""
    with scratch_store(rows) as store:
        for site in manifest.sites:
            store.register_site(**site)
        for run in manifest.runs:
            store.begin_run(IngestRunRow.model_validate(run))
        yield store


@contextmanager
def with_gaps(folder: Folder, sites: Sequence[str] = ()) -> Iterator[tuple[Store, int]]:
    """`register`, with the codes that nothing maps at the sites (none named: all); and how many
    lines lie in quarantine, of all sites. Raises StoreError."""
    manifest = folder.held()
    rows = (
        table
        for site, buckets in manifest.files.items()
        if not sites or site in sites
        for files in buckets.values()
        if UNMAPPED in files
        for table in folder.read(site, {UNMAPPED: files[UNMAPPED]})
    )
    with register(manifest, rows) as store:
        yield store, manifest.rows("quarantine")
