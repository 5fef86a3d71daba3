"""Coverage from a store: both engines count the same, and the same as from the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adapter.coverage import watch as watching
from adapter.coverage.document import document
from adapter.coverage.files import FileEvidence
from adapter.coverage.findings import Dangling
from adapter.coverage.report import Coverage, Score, coverage
from adapter.coverage.stored import evidence_of
from adapter.coverage.suggest import Suggester
from adapter.definitions import load
from adapter.mapping.mapped import Rejected, Unmapped
from adapter.runs import ingest_run
from adapter.store import Store, open_store
from tests.lib.mapping import mapper, observation, quantity
from tests.lib.stores import resource, row, tg

LOCAL = Unmapped("code", "urn:hospital:lab", "THYG", "Thyroglobulin, serum", "lab_result")


def counted(store: Store, *sites: str) -> Coverage:
    watch = watching.load()
    return coverage(evidence_of(store, watch, sites), watch, Suggester(watch, load()))


def test_a_store_is_counted_by_outcome_and_site(store_url: str):
    drug = row("drug_exposure", ingredient="dabrafenib", drug_class="BRAFi")
    waits = row("drug_exposure")
    link = row("link", role="medication", target_type="Medication", target_id="gone")
    there = row("link", role="specimen", target_type="Specimen", target_id="s1")
    report = row("link", role="report", target_type="Observation", target_id="gone")
    batch = [
        resource("a", tg("1")),
        resource("b", tg("2"), there, unmapped=[LOCAL]),
        resource("c", patient_key="p2", unmapped=[LOCAL]),
        resource("d", drug, patient_key="p3", resource_type="MedicationRequest"),
        resource("e", waits, link, patient_key="p4", resource_type="MedicationRequest"),
        resource("f", report, resource_type="DiagnosticReport"),
        resource("s1", row("occurrence"), resource_type="Specimen"),
        resource("g", tg("3"), site="south", patient_key="p5"),
    ]
    rejected = Rejected(
        site="north",
        source="here:7",
        reason="unknown unit 'ngml' for Tg",
        path="Observation as lab_result",
        resource_type="Observation",
        resource_id="u",
        raw=json.dumps({"resourceType": "Observation", "subject": {"reference": "Patient/9"}}),
    )
    with open_store(store_url, create=True) as store:
        store.load(batch, "run", rejected=[rejected])
        found, north = counted(store), counted(store, "north")
    assert found.outcomes["thyroglobulin-response"] == Score(2, 3)
    assert found.outcomes["treatment-exposure"] == Score(1, 0)
    assert (found.overall, found.patients_touched, found.patients) == (Score(3, 3), 3, 5)
    assert [(each.kind, each.code, each.patients, each.records) for each in found.entries] == [
        ("code", "THYG", 2, 2),
        ("unit", "ngml", 1, 1),
    ]
    assert found.entries[0].blocks == ("thyroglobulin-response",)
    assert found.dangling == (Dangling("Medication", "medication", 1, 1),)
    assert found.quarantine == {rejected.reason: 1}
    assert (north.overall, north.patients) == (Score(2, 3), 4)


def test_the_store_and_the_files_agree_on_what_ingest_recorded(store_url: str, tmp_path: Path):
    def result(name: str, patient: str, code: dict[str, Any], unit: str) -> dict[str, Any]:
        stated = observation("x", valueQuantity=quantity(3, unit))
        return stated | {
            "id": name, "code": {"coding": [code]}, "subject": {"reference": f"Patient/{patient}"},
        }  # fmt: skip

    local = {"system": LOCAL.code_system, "code": LOCAL.code, "display": LOCAL.display}
    standard = {"system": "http://loinc.org", "code": "3013-0"}
    export = tmp_path / "export.ndjson"
    resources = [
        result("o1", "1", local, "ng/mL"),
        result("o2", "2", local, "ng/mL"),
        result("o3", "1", standard, "ng/mL"),
        result("o4", "3", standard, "furlong"),
    ]
    export.write_text("\n".join(map(json.dumps, resources)), encoding="utf-8")
    site, watch = mapper(), watching.load()
    suggester = Suggester(watch, site.definitions)
    files = coverage(FileEvidence(site, watch, suggester).read([export]), watch, suggester)
    with open_store(store_url, create=True) as store:
        ingest_run([export], site, store)
        stored = counted(store)
    assert files.overall == Score(1, 3)
    assert document(stored, watch) == document(files, watch)
