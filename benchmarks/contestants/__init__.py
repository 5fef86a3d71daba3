"""The ways to do the task that are measured, each a module with `prepare`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.facts import Thyroglobulin, Variant


class NotHere(Exception):
    """A contestant that cannot run on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contestant found. rows is None for one that is not asked for any.

    hashed_patients: the rows name patients as Raiway's store does.
    """

    rows: Iterable[Thyroglobulin | Variant] | None
    hashed_patients: bool = False


Run = Callable[[Sequence[Path]], Answer]


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the task.

    module: where its `prepare() -> Run` is, in this package. sample: how many Observations it is
    given where all would take hours; None for all. observations_only: it opens no other files.
    start_only: it takes one resource, to tell what its start costs. peer: what is installed for
    it, in an environment of its own.
    """

    name: str
    module: str
    what: str
    sample: int | None = None
    observations_only: bool = False
    start_only: bool = False
    peer: str = ""

    @property
    def reads(self) -> str:
        """What it opens, in words."""
        if self.start_only:
            return "one resource"
        alone = self.observations_only or self.sample is not None
        return "Observations" if alone else "all files"

    def prepare(self) -> Run:
        """Import and compile all that does not depend on the data. Raises NotHere."""
        prepare: Callable[[], Run] = import_module(f"{__name__}.{self.module}").prepare
        return prepare()


YARDSTICK = "orjson"

ALL = (
    Contestant(YARDSTICK, "orjson_only", "orjson.loads of every line, one process, no mapping"),
    Contestant("orjson-extract", "orjson_extract", "the same, and the rows taken out by hand"),
    Contestant(
        "raiway-scan-1", "raiway_scan_one", "Raiway: scan and map, nothing stored, one process"
    ),
    Contestant("raiway-scan", "raiway_scan", "the same, one process a core"),
    Contestant("raiway", "raiway_ingest", "raiway ingest: bytes to stored rows with provenance"),
    Contestant(
        "raiway-start",
        "raiway_start",
        "raiway ingest of one resource: its start-up",
        start_only=True,
    ),
    Contestant(
        "duckdb",
        "duckdb_sql",
        "DuckDB read_json, narrow typed schema by hand, all cores",
        observations_only=True,
    ),
    Contestant(
        "pandas", "pandas_frames", "pandas.json_normalize, as data-frame tools do", sample=20_000
    ),
    Contestant(
        "fhir.resources", "fhir_resources", "fhir.resources validates each line", sample=5_000
    ),
    Contestant(
        "fhirpathpy", "fhirpathpy_paths", "FHIRPath of two views, not compiled", sample=1_000
    ),
    Contestant(
        "pysof",
        "pysof_views",
        "pysof (Rust), two ViewDefinitions",
        sample=20_000,
        peer="pysof==0.2.6",
    ),
    Contestant(
        "sqlonfhir",
        "sqlonfhir_views",
        "sqlonfhir, two ViewDefinitions",
        sample=2_000,
        peer="sqlonfhir==0.0.2",
    ),
    Contestant(
        "fhir4ds",
        "fhir4ds_views",
        "fhir4ds-v2 on DuckDB (AGPL: measured, never a dependency), two ViewDefinitions",
        sample=50_000,
        peer="fhir4ds-v2==0.0.17",
    ),
)

BY_NAME = {contestant.name: contestant for contestant in ALL}
