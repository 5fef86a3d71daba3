"""Load on Spark: each bucket is a small store, into which the local engine's own `load` brings what
was mapped, in the order of the splits."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from adapter.ingest import BATCH, LISTED, Summary, load
from adapter.packed import Packed, joined
from adapter.spark.folder import ASKED, Files, Folder
from adapter.spark.scratch import scratch_store
from adapter.spark.splits import Before
from adapter.spark.tables import TABLES, read
from adapter.start_up import rarely_collecting

if TYPE_CHECKING:
    from adapter.store import Store

MERGED = "bucket int, files string, summary binary"
"""The files of a bucket as JSON, and what loading came to, pickled."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What the workers must know to merge. held: the files that a site's buckets have now."""

    folder: Folder
    site: str
    run_id: str
    held: Mapping[int, Files]
    before: Before


def merging(how: Merge) -> Callable[[pa.Table], pa.Table]:
    """What brings the staged rows of one bucket into it; STAGED -> MERGED."""

    def merge(rows: pa.Table) -> pa.Table:
        bucket = int(rows.column("bucket")[0].as_py())
        before = how.folder.read(how.site, how.held.get(bucket, {}))
        with rarely_collecting(), scratch_store(before) as store:
            summary = _loaded(store, _in_order(rows, how.before), how.run_id)
            files = _written(store, how, bucket)
        return pa.table(
            [
                pa.array([bucket], pa.int32()),
                pa.array([json.dumps(files)]),
                pa.array([pickle.dumps(summary)], pa.binary()),
            ],
            names=["bucket", "files", "summary"],
        )

    return merge


def added(summaries: Iterable[Summary]) -> Summary:
    """What several loads came to, together."""
    whole = Summary()
    for each in summaries:
        for name, n in each.counts().items():
            setattr(whole, name, getattr(whole, name) + n)
        whole.facts.update(each.facts)
        whole.rejected += each.rejected
        whole.undecided_at += each.undecided_at
    whole.rejected = sorted(whole.rejected, key=lambda item: _natural(item.source))[:LISTED]
    whole.undecided_at = sorted(whole.undecided_at, key=_natural)[:LISTED]
    return whole


def _natural(source: str) -> tuple[str, int, str]:
    """Places in the order of their lines."""
    name, _, place = source.rpartition(":")
    number, mark, rest = place.partition("#")
    return (name, int(number), mark + rest) if number.isdigit() else (source, 0, "")


def _in_order(rows: pa.Table, before: Before) -> Iterator[Packed]:
    named = rows.select(["place", "start"]).to_pylist()
    order = sorted(range(len(named)), key=lambda at: (named[at]["place"], named[at]["start"]))
    for at in order:
        content = rows.column("content")[at].as_py()
        packed: Packed = pickle.loads(content)  # noqa: S301 - a worker's own bytes
        yield packed.after(before[named[at]["place"], named[at]["start"]])


def _loaded(store: Store, parts: Iterable[Packed], run_id: str) -> Summary:
    summary, waiting = Summary(), list[Packed]()
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) >= BATCH:
            load(joined(waiting), store, run_id, summary)
            waiting = []
    if waiting:
        load(joined(waiting), store, run_id, summary)
    return summary


def _written(store: Store, how: Merge, bucket: int) -> Files:
    files: Files = {}
    with store.reading() as transaction:
        for name, table in TABLES.items():
            rows = read(transaction, table)
            if rows.num_rows:
                files[name] = how.folder.write(name, how.site, bucket, rows)
    asked = pa.table([pa.array(store.interest(how.site), pa.uint64())], names=["digest"])
    files[ASKED] = how.folder.write(ASKED, how.site, bucket, asked)
    return files
