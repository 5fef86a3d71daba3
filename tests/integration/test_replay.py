"""Replay: after the mapping is mended, what lay in quarantine becomes facts."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapter import definitions
from adapter.mapping.resource import Mapper
from adapter.mapping.units import UnitTable
from adapter.runs import ingest_run, replay_run
from adapter.store import open_store


def thyroglobulin(number: int, unit: str) -> dict[str, Any]:
    """A serum thyroglobulin of 12.40 in this unit."""
    return {
        "resourceType": "Observation",
        "id": f"tg-{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "3013-0"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2021-03-04",
        "valueQuantity": {"value": 12.4, "unit": unit},
    }


def test_a_mended_mapping_releases_what_it_now_maps(store_url: str, tmp_path: Path):
    lines = [json.dumps(thyroglobulin(number, unit)) for number, unit in ((1, "cup"), (2, "mug"))]
    path = tmp_path / "Observation.ndjson"
    path.write_text("\n".join([*lines, "{"]) + "\n", encoding="utf-8")
    shipped = definitions.load()
    mapper = Mapper(shipped, "A", ZoneInfo("UTC"))
    tg = shipped.units["Tg"]
    cups = UnitTable("Tg", tg.standard, {**tg.factors, "cup": Decimal(10)}, tg.aliases)
    mended = replace(mapper, definitions=replace(shipped, units={**shipped.units, "Tg": cups}))
    with open_store(store_url, create=True) as store:
        first = ingest_run([path], mapper, store)
        assert (first.read, first.mapped, first.quarantined) == (3, 0, 3)

        again = replay_run(mapper, store)
        assert (again.read, again.mapped, again.quarantined) == (3, 0, 3)
        assert len(list(store.quarantined("A"))) == 3

        replayed = replay_run(mended, store)
        assert (replayed.read, replayed.mapped, replayed.quarantined) == (3, 1, 2)
        waiting = {row.source for row in store.quarantined("A")}
        assert waiting == {"Observation.ndjson:2", "Observation.ndjson:3"}
        (patient,) = store.patients()
        assert [lab.value_low for lab in patient.labs] == [Decimal("124.0")]

        runs = store.runs()
        assert [run.mapped for run in runs] == [0, 0, 1]
        assert all(run.ended and run.software.startswith("raiway ") for run in runs)
        assert [run.run_id for run in runs] == sorted(run.run_id for run in runs)


def test_a_new_reason_replaces_the_old_one(store_url: str, tmp_path: Path):
    path = tmp_path / "Observation.ndjson"
    path.write_text(json.dumps(thyroglobulin(1, "cup")) + "\n", encoding="utf-8")
    shipped = definitions.load()
    mapper = Mapper(shipped, "A", ZoneInfo("UTC"))
    tg = shipped.units["Tg"]
    renamed = UnitTable("serum Tg", tg.standard, tg.factors, tg.aliases)
    other = replace(mapper, definitions=replace(shipped, units={**shipped.units, "Tg": renamed}))
    with open_store(store_url, create=True) as store:
        ingest_run([path], mapper, store)
        (before,) = store.quarantined("A")
        replay_run(other, store)
        (after,) = store.quarantined("A")
        assert (before.raw, before.source) == (after.raw, after.source)
        assert "serum Tg" in after.reason
        assert "serum Tg" not in before.reason
