"""The analytic store, on SQLite and PostgreSQL alike: what goes in, what comes out."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from adapter.errors import StoreError, UsageError
from adapter.mapping.mapped import Rejected, TypedRow, Unmapped
from adapter.models import IngestRunRow, LabResultRow, ResourceRow, SiteRow, UnmappedCodeRow
from adapter.store import LoadCounts, facts, open_store
from adapter.store.columns import table_of
from analytics.course import (
    DateSpan,
    DrugExposure,
    FactRef,
    ImagingAssessment,
    LabResult,
    PatientFacts,
    Person,
    RaiAdministration,
    VariantResult,
)
from tests.lib.stores import DAY, on, resource, row, tg

REF = {"resource_type", "resource_id", "version_id", "ordinal"}


def test_each_field_of_a_fact_has_its_columns() -> None:
    assert facts.KINDS.keys() == {field.name for field in fields(PatientFacts)} - {
        "patient_key",
        "site",
    }
    for fact_class, model in facts.KINDS.values():
        columns = set(table_of(model).columns.keys())
        for field in fields(fact_class):
            name = field.name
            needed = REF if name == "ref" else {f"{name}_earliest", f"{name}_latest"}
            found = name in columns or needed <= columns
            assert found, f"{fact_class.__name__}.{field.name} has no column"


def test_facts_come_back_as_they_went_in(store_url: str) -> None:
    flagged = TypedRow(
        "lab_result",
        1,
        {"analyte": "TSH", "value_low": Decimal("0.010"), "comparator": "<"},
        confidence=0.5,
        flags=("no_unit", "future"),
    )
    batch = [
        resource("p1", row("patient", patient_id="p1", sex="female"), resource_type="Patient"),
        resource("tg", flagged, tg("12.50")),
        resource("ct", row("imaging_assessment", new_lesion=False, **on("date", DAY))),
        resource(
            "braf",
            row("variant_result", call="present", **on("date", DAY, date(2022, 3, 31))),
        ),
    ]
    with open_store(store_url, create=True) as store:
        store.load(batch, "run")
        (patient,) = store.patients()
    common = {"status": "final"}
    span = DateSpan.of(DAY)
    assert patient == PatientFacts(
        patient_key="p1",
        site="north",
        persons=(Person(ref=FactRef("Patient", "p1", "1"), sex="female", **common),),
        labs=(
            LabResult(
                ref=FactRef("Observation", "tg", "1"),
                analyte="Tg",
                date=span,
                value_low=Decimal("12.50"),
                value_high=Decimal("12.50"),
                **common,
            ),
            LabResult(
                ref=FactRef("Observation", "tg", "1", 1),
                analyte="TSH",
                comparator="<",
                value_low=Decimal("0.010"),
                confidence=0.5,
                flags=("no_unit", "future"),
                **common,
            ),
        ),
        imaging=(
            ImagingAssessment(
                ref=FactRef("Observation", "ct", "1"), date=span, new_lesion=False, **common
            ),
        ),
        variants=(
            VariantResult(
                ref=FactRef("Observation", "braf", "1"),
                call="present",
                kind="unspecified",
                date=DateSpan(DAY, date(2022, 3, 31)),
                **common,
            ),
        ),
    )
    assert [str(lab.value_low) for lab in patient.labs] == ["12.50", "0.010"]


def test_loading_counts_what_became_of_each_resource(store_url: str) -> None:
    first = [resource("a", tg("1")), resource("b", tg("2")), resource("c", tg("3"))]
    with open_store(store_url, create=True) as store:
        assert store.load([], "run") == LoadCounts()
        assert store.load(first, "run") == LoadCounts(new=3)
        assert store.load(first, "run") == LoadCounts(unchanged=3)
        second = [
            resource("a", tg("9"), rank="2"),
            resource("b", tg("9"), rank="0"),
            resource("c", rank="2", retracted=True),
            resource("d", tg("4"), rank="1"),
            resource("d", tg("5"), rank="3"),
            resource("d", tg("5"), rank="3"),
        ]
        counts = LoadCounts(new=1, replaced=1, unchanged=1, older=2, retracted=1)
        assert store.load(second, "run") == counts
        (patient,) = store.patients()
        values = {lab.ref.resource_id: lab.value_low for lab in patient.labs}
    assert values == {"a": Decimal(9), "b": Decimal(2), "d": Decimal(5)}


def test_a_retraction_holds_also_when_it_comes_first(store_url: str) -> None:
    with open_store(store_url, create=True) as store:
        store.load([resource("a", rank="2", retracted=True)], "run")
        assert store.load([resource("a", tg("1"))], "run") == LoadCounts(older=1)
        assert list(store.patients()) == []
        kept = store.resource("north", "Observation", "a")
    assert kept is not None
    assert kept.retracted
    assert kept.status == "entered-in-error"


def test_the_first_provenance_stays(store_url: str) -> None:
    with open_store(store_url, create=True) as store:
        store.load([resource("a", tg("1"), source="first.ndjson:1")], "run 1")
        store.load([resource("a", tg("1"), source="second.ndjson:7")], "run 2")
        kept = store.resource("north", "Observation", "a")
        assert store.resource("north", "Observation", "b") is None
    assert kept is not None
    assert (kept.source, kept.run_id) == ("first.ndjson:1", "run 1")


def test_a_mended_mapping_replaces_what_the_old_one_made_of_the_same_version(
    store_url: str,
) -> None:
    local = Unmapped("code", "urn:lab", "TG-X", "Thyroglobulin")
    with open_store(store_url, create=True) as store:
        store.load([resource("a", unmapped=[local, local])], "run 1")
        (code,) = store.rows(UnmappedCodeRow)
        assert (code.code, code.display, code.patient_key) == ("TG-X", "Thyroglobulin", "p1")
        assert store.load([resource("a", tg("1"))], "run 2") == LoadCounts(replaced=1)
        assert list(store.rows(UnmappedCodeRow)) == []
        assert store.counts()["lab_result"] == 1


def test_a_row_with_an_unknown_column_is_refused_and_nothing_of_its_batch_stays(
    store_url: str,
) -> None:
    twice = resource("b", tg("1"), tg("2"))
    with open_store(store_url, create=True) as store:
        with pytest.raises(KeyError, match="lab_result has no column colour"):
            store.load([resource("a", tg("1")), resource("b", row("lab_result", colour="x"))], "r")
        with pytest.raises(StoreError):
            store.load([resource("a", tg("1")), twice], "run")
        assert set(store.counts().values()) == {0}


def test_patients_come_in_order_across_pages(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "PATIENTS_A_PAGE", 2)
    keys = ["b", "a", "é", "Z", "_"]
    batch = [resource(f"o{key}", tg("1"), patient_key=key) for key in keys]
    batch += [resource("other", tg("1"), patient_key="a", site="south")]
    batch += [resource("gone", patient_key="c", retracted=True)]
    batch += [resource("irrelevant", patient_key="d")]
    with open_store(store_url, create=True) as store:
        store.load(batch, "run")
        everyone = [(each.patient_key, each.site) for each in store.patients()]
        south = [(each.patient_key, each.site) for each in store.patients(sites=["south"])]
        named = [each.patient_key for each in store.patients(["north"], ["é", "a", "b", "d"])]
    assert everyone == [
        ("Z", "north"),
        ("_", "north"),
        ("a", "north"),
        ("a", "south"),
        ("b", "north"),
        ("é", "north"),
    ]
    assert south == [("a", "south")]
    assert named == ["a", "b", "é"]


def test_reading_sees_one_moment_and_does_not_block_loading(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "PATIENTS_A_PAGE", 1)
    with open_store(store_url, create=True) as store:
        store.load([resource("a", tg("1"), patient_key="a")], "run")
        store.load([resource("b", tg("1"), patient_key="b")], "run")
        reading = store.patients()
        next(reading)
        store.load([resource("b", tg("2"), patient_key="b", rank="2")], "run")
        (then,) = reading
        (now,) = store.patients(patient_keys=["b"])
    assert (then.labs[0].value_low, now.labs[0].value_low) == (Decimal(1), Decimal(2))


def test_values_that_are_rare_are_read_too(store_url: str) -> None:
    """The SQLite driver takes a column's type from its first thousand rows."""
    bare = [resource(f"{n:05d}", row("lab_result", analyte="Tg")) for n in range(2_500)]
    with open_store(store_url, create=True) as store:
        store.load([*bare, resource("zz", tg("1.5"))], "run")
        (patient,) = store.patients()
        last = list(store.rows(LabResultRow))[-1]
    assert patient.labs[-1].value_low == last.value_low == Decimal("1.5")
    assert patient.labs[-1].date == DateSpan.of(DAY)


def medication(rank: str, *rows: TypedRow) -> object:
    return resource("m", *rows, resource_type="Medication", patient_key="", rank=rank)


def test_the_drug_of_an_exposure_comes_from_the_medication_it_refers_to(store_url: str) -> None:
    link = row("link", role="medication", target_type="Medication", target_id="m")
    bare = row("drug_exposure", evidence="administered", **on("start", DAY))
    named = row("drug_exposure", 1, ingredient="trametinib", drug_class="MEKi")
    given = resource("g", bare, named, link, resource_type="MedicationAdministration")
    both = [
        row("medication", 0, ingredient="vemurafenib", drug_class="BRAFi"),
        row("medication", 1, ingredient="cobimetinib", drug_class="MEKi"),
    ]
    elsewhere = resource(
        "m", row("medication", ingredient="x"), resource_type="Medication", site="south"
    )
    with open_store(store_url, create=True) as store:
        store.load([given, elsewhere], "run")
        (unresolved,) = store.patients()
        store.load([medication("1", *both)], "run")
        (resolved,) = store.patients(sites=["north"])
    assert [drug.ingredient for drug in unresolved.drugs] == ["trametinib"]
    ref = FactRef("MedicationAdministration", "g", "1")
    assert resolved.drugs[:2] == tuple(
        DrugExposure(
            ref=ref,
            status="final",
            ingredient=ingredient,
            drug_class=drug_class,
            evidence="administered",
            start=DateSpan.of(DAY),
        )
        for ingredient, drug_class in (("cobimetinib", "MEKi"), ("vemurafenib", "BRAFi"))
    )
    assert [drug.ingredient for drug in resolved.drugs[2:]] == ["trametinib"]


def test_the_isotope_of_radioiodine_comes_from_the_medication_it_refers_to(
    store_url: str,
) -> None:
    link = row("link", role="medication", target_type="Medication", target_id="m")
    bare = row("rai_administration", evidence="administered", activity_mbq=Decimal("5550"))
    linked = resource("g", bare, link, resource_type="MedicationAdministration")
    unlinked = resource("t", bare, resource_type="Procedure")
    iodine = row("medication", isotope="I-131", purpose="therapeutic")
    with open_store(store_url, create=True) as store:
        store.load([linked, unlinked], "run")
        (unresolved,) = store.patients()
        store.load([medication("1", iodine)], "run")
        (resolved,) = store.patients()
        store.load([medication("2", row("medication", ingredient="levothyroxine"))], "run")
        (no_iodine,) = store.patients()
    assert [record.ref.resource_id for record in unresolved.rai] == ["t"]
    assert resolved.rai[0] == RaiAdministration(
        ref=FactRef("MedicationAdministration", "g", "1"),
        status="final",
        evidence="administered",
        isotope="I-131",
        activity_mbq=Decimal("5550"),
        purpose="therapeutic",
    )
    assert [record.purpose for record in no_iodine.rai] == ["unknown"]


def test_the_quarantine_keeps_each_line_once_until_it_is_released(store_url: str) -> None:
    broken = Rejected(site="north", source="f:1", reason="no id", raw='{"a": "\x00 \ud800 é"}')
    other = Rejected(site="south", source="f:2", reason="no JSON object")
    with open_store(store_url, create=True) as store:
        store.load([], "run 1", rejected=[broken, other, broken])
        store.load([], "run 2", rejected=[broken])
        (kept,) = store.quarantined("north")
        assert (kept.raw, kept.run_id) == ('{"a": "\ufffd ? é"}', "run 2")
        assert {each.site for each in store.quarantined()} == {"north", "south"}
        store.release([kept.quarantine_id])
        assert [each.site for each in store.quarantined()] == ["south"]


def test_runs_and_sites_are_kept(store_url: str) -> None:
    began = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
    run = IngestRunRow(run_id="1", site="north", started=began)
    with open_store(store_url, create=True) as store:
        store.begin_run(run)
        assert [(each.started, each.ended) for each in store.runs()] == [(began, None)]
        run.ended, run.mapped = datetime(2024, 5, 1, 12, 31, tzinfo=UTC), 7
        store.end_run(run)
        assert [each.model_dump() for each in store.runs()] == [run.model_dump()]
        store.register_site("north", "UTC")
        store.register_site("north", "Europe/Berlin")
        assert store.sites() == [SiteRow(site="north", timezone="Europe/Berlin")]


def test_a_patient_is_found_by_key_reference_and_id(store_url: str) -> None:
    def patient(site: str, key: str) -> object:
        known = row("patient", patient_id="007")
        return resource("007", known, resource_type="Patient", site=site, patient_key=key)

    with open_store(store_url, create=True) as store:
        store.load([patient("north", "k1"), patient("south", "k2")], "run")
        assert store.find_patient("k1") == "k1"
        assert store.find_patient("k1", "south") is None
        assert store.find_patient("Patient/007", "south") == "k2"
        assert store.find_patient("007", "north") == "k1"
        assert store.find_patient("' OR 1=1 --", "north") is None
        with pytest.raises(UsageError, match="several sites"):
            store.find_patient("007")


def test_the_fingerprint_is_of_the_facts_alone_and_the_same_on_both_engines(
    both_urls: tuple[str, str],
) -> None:
    batch = [
        resource("a", tg("1.10"), tg("1E+2", ordinal=1), tg("-0.0", ordinal=2)),
        resource("b", TypedRow("imaging_assessment", 0, {"new_lesion": True}, 0.1)),
        resource("c", row("disease_status", biochemical=True, disease_status="PD")),
        resource("d", tg("7"), site="south"),
    ]
    moved = resource("a", *batch[0].rows, source="elsewhere.ndjson:5")
    seen = []
    for url, order in zip(both_urls, ([*batch], [moved, *batch[:0:-1]]), strict=True):
        with open_store(url, create=True) as store:
            for each in order:
                store.load([each], "run")
            seen.append((store.fingerprint(), store.fingerprint(["north"])))
            store.load([resource("d", tg("7.0"), site="south", rank="2")], "run")
            assert store.fingerprint(["north"]) == seen[-1][1]
            assert store.fingerprint() != seen[-1][0]
            assert len(list(store.rows(ResourceRow, site="north"))) == 3
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[0][1]


def test_a_silent_version_takes_back_and_leaves_no_trace_else(store_url: str) -> None:
    older, newer = resource("r1", tg("12.4"), rank="1"), resource("r1", rank="2")
    with open_store(store_url, create=True) as store:
        assert store.load([], "run", silent=[resource("noise"), newer]) == LoadCounts()
        assert store.counts()["resource"] == 0
        store.load([older], "run")
        assert store.load([], "run", silent=[newer]) == LoadCounts(replaced=1)
        assert store.counts()["lab_result"] == 0
        assert store.load([older], "run") == LoadCounts(older=1)
        assert list(store.patients()) == []


def test_a_silent_version_holds_against_an_older_one_of_its_batch(store_url: str) -> None:
    older, newer = resource("r1", tg("12.4"), rank="1"), resource("r1", rank="2")
    with open_store(store_url, create=True) as store:
        store.load([older], "run", silent=[newer])
        assert list(store.patients()) == []
