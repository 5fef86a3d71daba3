"""The coverage report: what counts, in which order, and what is never shown."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapter import definitions
from adapter.coverage import watch as watching
from adapter.coverage.concept_map import mappable, skeleton
from adapter.coverage.document import document
from adapter.coverage.files import FileEvidence
from adapter.coverage.findings import Evidence, Finding
from adapter.coverage.quarantine import reason_of, unit_of
from adapter.coverage.report import Coverage, Score, below, coverage
from adapter.coverage.suggest import Suggester
from adapter.definitions import load
from adapter.mapping.mapped import Rejected, Unmapped
from adapter.mapping.resource import Mapper
from adapter.quarantine import map_one
from adapter.sources import Found
from tests.lib.mapping import concept, mapper, observation, quantity

LOCAL = "urn:hospital:lab"


def finding(code: str, resource_id: str, patient: str, **what: str) -> Finding:
    """A code of an Observation that keeps a result out of lab_result."""
    stated = {"kind": "code", "code_system": LOCAL, "display": "Thyroglobulin", **what}
    table = stated.pop("table", "lab_result")
    return Finding(
        Unmapped(code=code, table=table, **stated), "A", "Observation", resource_id, patient
    )


def report(*findings: Finding, mapped: dict[str, int] | None = None, **more: Any) -> Coverage:
    evidence = Evidence(
        findings=findings, mapped=mapped or {}, relevant_patients=frozenset(), **more
    )
    watch = watching.load()
    return coverage(evidence, watch, Suggester(watch, load()))


def test_entries_come_by_patients_then_records():
    found = report(
        finding("MANY", "1", "p1"),
        finding("MANY", "2", "p1"),
        finding("MANY", "3", "p1"),
        finding("WIDE", "4", "p1"),
        finding("WIDE", "5", "p2"),
        finding("ONE", "6", "p3"),
    )
    listed = [(each.code, each.patients, each.records) for each in found.entries]
    assert listed == [("WIDE", 2, 2), ("MANY", 1, 3), ("ONE", 1, 1)]
    assert (found.patients_touched, found.patients) == (3, 3)


def test_a_record_counts_once_overall_and_once_for_each_outcome_that_it_blocks():
    found = report(
        finding("A", "1", "p1"),
        finding("B", "1", "p1"),
        finding("C", "2", "p1", table="imaging_assessment"),
        mapped={"": 6, "thyroglobulin-response": 3, "structural-response": 1},
    )
    assert found.overall == Score(6, 2)
    assert found.overall.percent == 75
    assert found.outcomes["thyroglobulin-response"] == Score(3, 1)
    assert found.outcomes["structural-response"] == Score(1, 1)
    assert found.outcomes["time-to-progression"] == Score(0, 1)
    assert found.outcomes["cohort"].percent is None


@pytest.mark.parametrize(
    ("score", "least", "fails"),
    [
        (Score(95, 5), 95, False),
        (Score(9499, 501), 95, True),
        (Score(0, 0), 0, True),
        (Score(0, 1), 0, False),
    ],
)
def test_the_gate(score: Score, least: float, fails: bool):
    assert below(score, least) is fails


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        (Unmapped("value", "", "Tg", "text: seen by Dr. Smith"), ("Tg", "words")),
        (Unmapped("value", "", "dabrafenib", "allergic since 3/2020"), ("dabrafenib", "words")),
        (Unmapped("value", "", "Tg", "an attachment"), ("Tg", "an attachment")),
        (Unmapped("value", "urn:h", "p.V600E in John", ""), ("…", "")),
        (Unmapped("value", "urn:h", "p.(Val600Glu)", ""), ("p.(Val600Glu)", "")),
        (Unmapped("code", "urn:h", "THYG", "Thyroglobulin"), ("THYG", "Thyroglobulin")),
        (Unmapped("code", "urn:h", "L", "l" * 90), ("L", "l" * 60)),
    ],
)
def test_a_value_that_was_typed_is_never_shown(what: Unmapped, shown: tuple[str, str]):
    found = report(Finding(what, "A", "Observation", "1", "p1"))
    (entry,) = found.entries
    assert (entry.code, entry.display) == shown


def test_a_code_has_its_usual_name_and_text_alone_its_own_entry():
    found = report(
        finding("T", "1", "p1", display="thyroglobulin"),
        finding("T", "2", "p1", display="Thyroglobulin"),
        finding("T", "3", "p1", display="Thyroglobulin"),
        finding("T", "4", "p1", display=""),
        finding("", "5", "p1", code_system="", display="Thyroglobulin"),
        finding("", "6", "p1", code_system="", display="Tumour marker thyroglobulin"),
    )
    assert [(each.code, each.display) for each in found.entries] == [
        ("T", "Thyroglobulin"),
        ("", "Thyroglobulin"),
        ("", "Tumour marker thyroglobulin"),
    ]


def test_the_document_holds_no_patient_and_survives_json():
    found = report(finding("THYG", "resource-1", "key-of-p1"), quarantine=Counter({"no id": 2}))
    text = json.dumps(document(found, watching.load()))
    assert "key-of-p1" not in text
    assert "resource-1" not in text
    told = json.loads(text)
    assert told["quarantine"] == [{"reason": "no id", "lines": 2}]
    (entry,) = told["unmapped"]
    assert entry["blocks"] == ["thyroglobulin-response"]
    assert entry["suggestion"]["targets"][0]["code"] == "3013-0"


def test_a_skeleton_has_what_a_concept_map_can_take():
    found = report(
        finding("THYG", "1", "p1"),
        finding("TGUNIT", "2", "p1", kind="unit", display="Tg"),
        finding("", "3", "p1", code_system=""),
        finding("XYZ", "4", "p1", display="no idea"),
    )
    assert [each.code for each in found.entries if mappable(each)] == ["THYG"]
    (group,) = skeleton(found.entries)["group"]
    assert (group["source"], group["target"]) == (LOCAL, "http://loinc.org")
    (element,) = group["element"]
    assert element["target"][0]["code"] == "3013-0"
    assert element["target"][0]["comment"].endswith("confirm")


def test_the_skeleton_of_codes_without_a_system_states_no_source():
    found = report(finding("THYG", "1", "p1", code_system=""))
    (group,) = skeleton(found.entries)["group"]
    assert "source" not in group


@pytest.mark.parametrize(
    ("value", "unit"), [({"value": 3, "unit": "ngml"}, "ngml"), ({"value": 3}, "")]
)
def test_the_units_in_the_messages_of_the_mapping_are_found(value: dict[str, Any], unit: str):
    """Holds the patterns and the messages of `adapter.mapping.units` together."""
    resource = observation("3013-0", valueQuantity=value)
    rejected = map_one(Found("here:1", resource, b""), mapper())
    assert isinstance(rejected, Rejected)
    found = unit_of(rejected.reason, rejected.path)
    assert found == Unmapped("unit", "", unit, "Tg")
    assert found.table == "lab_result"
    assert unit_of("no id", rejected.path) is None


def test_reasons_count_together_wherever_in_the_line_the_fault_is():
    assert reason_of("not JSON: Expecting value at character 31") == reason_of(
        "not JSON: Expecting value at character 7"
    )
    assert reason_of("unknown unit 'x7' for Tg") == "unknown unit 'x7' for Tg"


class TestFiles:
    """Evidence from files."""

    def found(
        self, tmp_path: Path, *resources: dict[str, Any] | str, every: bool = False, own: str = ""
    ) -> Coverage:
        file = tmp_path / "some.ndjson"
        lines = (each if isinstance(each, str) else json.dumps(each) for each in resources)
        file.write_text("\n".join(lines), encoding="utf-8")
        site = mapper()
        if own:
            known = definitions.load((Path(own),))
            site = Mapper(known, site.site, site.zone)
        watch = watching.load()
        suggester = Suggester(watch, site.definitions)
        evidence = FileEvidence(site, watch, suggester, every=every).read([file])
        return coverage(evidence, watch, suggester)

    def local(self, **more: Any) -> dict[str, Any]:
        called = {"system": LOCAL, "code": "THYG", "display": "Thyroglobulin, serum"}
        return {
            **observation("x", valueQuantity=quantity(3, "ng/mL")),
            "code": {"coding": [called]},
            **more,
        }

    def test_of_two_versions_the_later_counts_in_any_order(self, tmp_path: Path):
        older = self.local(meta={"lastUpdated": "2021-01-01T00:00:00Z"})
        newer = observation(
            "3013-0",
            valueQuantity=quantity(3, "ng/mL"),
            meta={"lastUpdated": "2021-02-01T00:00:00Z"},
        )
        for versions in ((older, newer), (newer, older)):
            found = self.found(tmp_path, *versions)
            assert (found.overall, found.entries) == (Score(1, 0), ())

    def test_a_retraction_takes_back_what_was_unmapped(self, tmp_path: Path):
        retracted = self.local(status="entered-in-error")
        assert self.found(tmp_path, self.local(), retracted).overall == Score(0, 0)

    def test_a_unit_that_nothing_knows_counts_as_unmapped(self, tmp_path: Path):
        result = observation("3013-0", valueQuantity=quantity(3, "ngml"))
        found = self.found(tmp_path, result)
        (entry,) = found.entries
        assert (entry.kind, entry.code, entry.patients) == ("unit", "ngml", 1)
        assert found.outcomes["thyroglobulin-response"] == Score(0, 1)
        assert list(found.quarantine.values()) == [1]

    def test_a_broken_line_is_counted_and_is_no_coverage(self, tmp_path: Path):
        found = self.found(tmp_path, "{", observation("3013-0", valueQuantity=quantity(3, "ng/mL")))
        assert found.overall == Score(1, 0)
        assert sum(found.quarantine.values()) == 1

    def test_a_procedure_that_only_dates_others_is_looked_at(self, tmp_path: Path):
        """Every Procedure with a period has an `occurrence` row, which no outcome needs."""
        procedure = {
            "resourceType": "Procedure",
            "id": "r1",
            "status": "completed",
            "code": {"text": "Radioiodine therapy"},
            "subject": {"reference": "Patient/p"},
            "performedPeriod": {"start": "2021-05-03", "end": "2021-05-03"},
        }
        (entry,) = self.found(tmp_path, procedure).entries
        assert entry.blocks == ("rai-activity",)

    def test_an_order_that_waits_for_its_medication_counts_neither_way(self, tmp_path: Path):
        order = {
            "resourceType": "MedicationRequest",
            "id": "m1",
            "status": "active",
            "intent": "order",
            "medicationReference": {"reference": "Medication/d"},
            "subject": {"reference": "Patient/p"},
            "authoredOn": "2021-05-03",
        }
        code = concept("1424911", "http://www.nlm.nih.gov/research/umls/rxnorm")
        drug = {"resourceType": "Medication", "id": "d", "code": code}
        alone = self.found(tmp_path, order)
        assert alone.overall == Score(0, 0)
        (link,) = alone.dangling
        assert (link.target_type, link.role, link.links, link.patients) == (
            ("Medication", "medication", 1, 1)
        )
        both = self.found(tmp_path, order, drug)
        assert (both.overall, both.dangling) == (Score(1, 0), ())

    def test_what_nothing_uses_is_listed_only_when_asked_for(self, tmp_path: Path):
        glucose = observation("2345-7", valueQuantity=quantity(90, "mg/dL"))
        assert not self.found(tmp_path, glucose).unused
        (each,) = self.found(tmp_path, glucose, every=True).unused
        assert (each.resource_type, each.code, each.records) == ("Observation", "2345-7", 1)

    def test_a_code_that_was_reviewed_and_means_nothing_is_listed_no_more(self, tmp_path: Path):
        reviewed = tmp_path / "reviewed.json"
        element = {"code": "THYG", "target": [{"equivalence": "unmatched"}]}
        group = {"source": LOCAL, "target": "http://loinc.org", "element": [element]}
        reviewed.write_text(
            json.dumps({"resourceType": "ConceptMap", "status": "active", "group": [group]})
        )
        assert self.found(tmp_path, self.local()).overall == Score(0, 1)
        found = self.found(tmp_path, self.local(), own=str(reviewed))
        assert (found.overall, found.entries) == (Score(0, 0), ())

    def test_the_local_code_is_named_with_what_it_blocks(self, tmp_path: Path):
        found = self.found(tmp_path, self.local())
        (entry,) = found.entries
        assert (entry.system, entry.code, entry.display) == (LOCAL, "THYG", "Thyroglobulin, serum")
        assert entry.blocks == ("thyroglobulin-response",)
