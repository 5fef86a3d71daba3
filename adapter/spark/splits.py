"""Scan and map on Spark: splits in, packed outcomes out, by the local engine's own reader.

A task is a range of bytes of an NDJSON file, or a whole file that cannot be entered in the middle.
Its row names it; the worker opens the file itself, so that no line of it passes through the JVM.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from adapter import sources, splits
from adapter.aside import KEY, Aside, Keys, Wanted
from adapter.inputs.origins import Origins
from adapter.mapping.digest import Digests
from adapter.mapping.mapped import MappedResource
from adapter.mapping.resource import Mapper
from adapter.packed import Packed, joined, pack
from adapter.reading import MANY, Outcome, Part, Reader, site_scanner
from adapter.spark.folder import bucket_of
from adapter.splits import Split
from adapter.start_up import rarely_collecting

TASK = "place bigint, path string, start bigint, end bigint, called string"
WHOLE = -1
"""The `end` of a task that is a whole file."""

STAGED = (
    "place bigint, bucket int, path string, called string, start bigint, end bigint, "
    "lines bigint, aside bigint, unparsed bigint, content binary"
)
"""What comes of a split: one row of bucket SPLIT, whose content is the keys of what was left aside,
and one for each bucket that gets resources, whose content is these, packed."""
SPLIT = -1
LOST = "path string, n bigint"

Before = Mapping[tuple[int, int], int]
"""Place of a task and start of a split -> the lines of the file before the split."""
Batches = Iterable[pa.RecordBatch]
TaskRow = tuple[int, str, int, int, str]


@dataclass(frozen=True, slots=True)
class Spec:
    """How the workers read. mapper: pickled. buckets: into how many resources are divided."""

    mapper: bytes
    strict: bool
    buckets: int

    @classmethod
    def of(cls, mapper: Mapper, *, strict: bool, buckets: int) -> Spec:
        """By this mapper, which each worker process makes anew once."""
        return cls(pickle.dumps(mapper), strict, buckets)


def tasks(files: Sequence[Path], origins: Origins) -> list[TaskRow]:
    """The tasks of the files, in order. Raises UsageError where one cannot be read."""
    found: list[tuple[str, int, int, str]] = []
    for file in files:
        called, path = origins.name(file), str(file.absolute())
        if sources.is_ndjson(file) and not sources.is_compressed(file):
            each = splits.of_file(file, called)
            found += [(path, split.start, _end(split), called) for split in each]
        else:
            found.append((path, 0, WHOLE, called))
    return [(place, *task) for place, task in enumerate(found)]


def mapping(spec: Spec) -> Callable[[Batches], Batches]:
    """What reads the tasks' splits for the first time; TASK -> STAGED."""

    def read(batches: Batches) -> Iterator[pa.RecordBatch]:
        reader = _reader(spec)
        for task in _rows(batches):
            for split in _pieces(task):
                into = _Buckets(spec.buckets)
                part = _read(reader, split, into)
                yield _staged(task["place"], split, part, into)

    return read


def asking(spec: Spec, answered: Path, asked: Path) -> Callable[[pa.Table], pa.Table]:
    """What reads again what was left aside of one task and is asked for; STAGED -> STAGED.

    answered, asked: files of digests, asked for before and now. Its rows of bucket SPLIT tell how
    many are no longer left aside, as negative numbers.
    """

    def read(rows: pa.Table) -> pa.Table:
        with Aside() as aside:
            _recall(rows, aside)
            aside.wanted(_digests(answered))
            wanted = aside.wanted(_digests(asked))
        if not wanted:
            return staged_schema().empty_table()
        place = int(rows.column("place")[0].as_py())
        return pa.Table.from_batches(list(_again(place, wanted, spec)), staged_schema())

    return read


def remembering(before: Before, answered: Path) -> Callable[[pa.Table], pa.Table]:
    """What keeps of a task what later ingests may ask for; STAGED -> STAGED, to be recalled.

    answered: a file of all digests that were asked for. In what is kept, `lines` are those before
    the split, and places are negative: its resources were counted, by this ingest or before it.
    """

    def kept(rows: pa.Table) -> pa.Table:
        with Aside() as aside:
            _recall(rows, aside)
            aside.wanted(_digests(answered))
            left = [(split, keys.tobytes()) for split, keys in aside.lasting() if keys.size]
        place = int(rows.column("place")[0].as_py())
        said = [
            _row(recalled_place(split), split, Said(SPLIT, before[place, split.start]), keys)
            for split, keys in left
        ]
        return pa.Table.from_pylist(said, staged_schema())

    return kept


def wanting(asked: Path) -> Callable[[Batches], Batches]:
    """What counts the resources that are asked for in files that are gone; STAGED -> LOST."""

    def counted(batches: Batches) -> Iterator[pa.RecordBatch]:
        digests = _digests(asked)
        for row in _rows(batches):
            with Aside() as aside:
                aside.add(_split(row), [_keys(row["content"])])
                n = sum(each.places.size for each in aside.wanted(digests))
            yield pa.RecordBatch.from_pydict({"path": [row["path"]], "n": [n]})

    return counted


def recalled_place(split: Split) -> int:
    """The place of a split that an earlier ingest read: one for all of a compressed file."""
    start = "" if sources.is_compressed(split.path) else split.start
    said = hashlib.sha256(f"{split.path}|{start}".encode()).digest()
    return -1 - int.from_bytes(said[:7])


def _recall(rows: pa.Table, into: Aside) -> None:
    """Add what was left aside of a task's splits to what may be asked for."""
    for row in rows.to_pylist():
        earlier = row["place"] < 0
        into.add(_split(row), [_keys(row["content"])], earlier=earlier)


def staged_schema() -> pa.Schema:
    """STAGED in Arrow."""
    kinds = {"bigint": pa.int64(), "int": pa.int32(), "string": pa.string(), "binary": pa.binary()}
    columns = (column.split() for column in STAGED.split(", "))
    return pa.schema([(name, kinds[kind]) for name, kind in columns])


def _again(place: int, wanted: Sequence[Wanted], spec: Spec) -> Iterator[pa.RecordBatch]:
    reader, by_place = _reader(spec), {each.split.place: each for each in wanted}
    for split in splits.again([each.split for each in wanted]):
        each, into = by_place[split.place], _Buckets(spec.buckets)
        with _ALONE, rarely_collecting():
            into.take(reader.read_again(split, each.places).outcomes)
        # They are counted by what they turn out to be; earlier ones were not counted here.
        gone = Part() if each.earlier else Part(aside=-each.places.size, unparsed=-each.unparsed)
        yield _staged(place, split, gone, into)


def _read(reader: Reader, split: Split, into: _Buckets) -> Part:
    with _ALONE, rarely_collecting():
        part = reader.read(split, into.take)
        into.take(part.outcomes)
        return part


_ALONE = Lock()
"""A process maps in one thread. Spark has a process for each task; Sail has but one."""


@lru_cache(maxsize=1)
def _reader(spec: Spec) -> Reader:
    mapper: Mapper = pickle.loads(spec.mapper)  # noqa: S301 - the driver's own bytes
    return Reader(mapper, site_scanner(mapper), spec.strict)


def _rows(batches: Batches) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()


def _pieces(task: dict[str, Any]) -> Iterable[Split]:
    if task["end"] != WHOLE:
        return [_split(task)]
    return splits.of_file(Path(task["path"]), task["called"])


def _split(row: dict[str, Any]) -> Split:
    end = None if row["end"] == WHOLE else row["end"]
    return Split(Path(row["path"]), row["start"], end, called=row["called"])


def _end(split: Split) -> int:
    return WHOLE if split.end is None else split.end


def _digests(file: Path) -> Digests:
    found: Digests = np.load(file)
    return found


def _keys(content: bytes) -> Keys:
    return np.frombuffer(content, KEY)


@dataclass(slots=True)
class _Buckets:
    """Outcomes by bucket, packed as they become many."""

    count: int
    waiting: dict[int, list[Outcome]] = field(default_factory=dict)
    packs: dict[int, list[Packed]] = field(default_factory=dict)

    def take(self, outcomes: Sequence[Outcome]) -> None:
        for each in outcomes:
            bucket = bucket_of(self.count, *_key(each))
            held = self.waiting.setdefault(bucket, [])
            held.append(each)
            if len(held) >= MANY:
                self._pack(bucket)

    def whole(self) -> Iterator[tuple[int, Packed]]:
        for bucket in sorted(self.waiting):
            self._pack(bucket)
            yield bucket, joined(self.packs[bucket])

    def _pack(self, bucket: int) -> None:
        self.packs.setdefault(bucket, []).append(pack(self.waiting[bucket]))
        self.waiting[bucket] = []


def _key(outcome: Outcome) -> tuple[str, ...]:
    """What versions of one resource share, and copies of one broken line."""
    if isinstance(outcome, MappedResource):
        return outcome.stamp.resource_type, outcome.stamp.resource_id
    if outcome.resource_type and outcome.resource_id:
        return outcome.resource_type, outcome.resource_id
    return outcome.reason, outcome.raw or outcome.source


class Said(NamedTuple):
    """What a staged row says beside its split; counts as in `Part`."""

    bucket: int
    lines: int = 0
    aside: int = 0
    unparsed: int = 0


def _staged(place: int, split: Split, part: Part, buckets: _Buckets) -> pa.RecordBatch:
    keys = b"".join(each.tobytes() for each in part.keys)
    rows = [_row(place, split, Said(SPLIT, part.lines, part.aside, part.unparsed), keys)]
    rows += [
        _row(place, split, Said(bucket), pickle.dumps(packed)) for bucket, packed in buckets.whole()
    ]
    return pa.RecordBatch.from_pylist(rows, staged_schema())


def _row(place: int, split: Split, said: Said, content: bytes) -> dict[str, Any]:
    return {
        "place": place,
        "path": str(split.path),
        "called": split.name,
        "start": split.start,
        "end": _end(split),
        **said._asdict(),
        "content": content,
    }
