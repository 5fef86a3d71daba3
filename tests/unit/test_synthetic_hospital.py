"""The synthetic hospital's records as FHIR: valid, whole, repeatable, marked as synthetic."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fhirkit
import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.errors import UsageError
from adapter.synthetic.hospital import BASE_URL, resources, write_bundles, write_ndjson
from tests.lib.needs import ROOT

Resource = dict[str, Any]
HTEST = ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data")
NOT_OF_A_PATIENT = {"Organization", "Location", "Practitioner", "Medication"}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Bulk Data export."""
    folder = tmp_path_factory.mktemp("export")
    write_ndjson(folder)
    return folder


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """The Bundles as read from disk."""
    return [json.loads(path.read_bytes()) for path in write_bundles(tmp_path_factory.mktemp("b"))]


@pytest.fixture(scope="module")
def exported(export: Path) -> list[Resource]:
    """Every resource as read from the NDJSON files."""
    return [
        json.loads(line)
        for path in sorted(export.glob("*.ndjson"))
        for line in path.read_bytes().splitlines()
    ]


def address(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object within, the outermost first."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from nodes(child)


def references(resource: Resource) -> set[str]:
    return {node["reference"] for node in nodes(resource) if isinstance(node.get("reference"), str)}


def test_every_resource_is_valid_r4b(exported: list[Resource]) -> None:
    for resource in exported:
        model = get_fhir_model_class(resource["resourceType"])
        model.model_validate_json(json.dumps(resource))


def test_every_resource_is_valid_r4_to_a_second_judge(exported: list[Resource]) -> None:
    problems = [
        f"{address(resource)}: {issue}"
        for resource in exported
        for issue in fhirkit.validate(resource)
    ]
    assert problems == []


def test_every_bundle_is_valid(bundles: list[Resource]) -> None:
    for bundle in bundles:
        get_fhir_model_class("Bundle").model_validate_json(json.dumps(bundle))
        assert [str(issue) for issue in fhirkit.validate(bundle)] == []


def test_both_judges_refuse_what_is_wrong(exported: list[Resource]) -> None:
    wrong = next(one for one in exported if one["resourceType"] == "Observation") | {"status": 7}
    assert fhirkit.validate(wrong)
    with pytest.raises(ValueError, match="status"):
        get_fhir_model_class("Observation").model_validate_json(json.dumps(wrong))


def test_ids_are_legal_and_unique_within_their_type(exported: list[Resource]) -> None:
    assert [one for one, n in Counter(map(address, exported)).items() if n > 1] == []
    illegal = [one["id"] for one in exported if not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", one["id"])]
    assert illegal == []


def test_every_reference_resolves_in_the_export(exported: list[Resource]) -> None:
    known = {address(resource) for resource in exported}
    assert set().union(*map(references, exported)) - known == set()


def test_every_reference_resolves_inside_its_bundle(bundles: list[Resource]) -> None:
    for bundle in bundles:
        known = {entry["fullUrl"] for entry in bundle["entry"]}
        pointed_to = {f"{BASE_URL}/{one}" for one in references(bundle)}
        assert pointed_to - known == set()


def test_a_full_url_ends_with_type_and_id(bundles: list[Resource]) -> None:
    for entry in (entry for bundle in bundles for entry in bundle["entry"]):
        assert entry["fullUrl"] == f"{BASE_URL}/{address(entry['resource'])}"


def test_there_is_one_bundle_per_patient(bundles: list[Resource], exported: list[Resource]) -> None:
    patients = [one["id"] for one in exported if one["resourceType"] == "Patient"]
    assert sorted(bundle["id"] for bundle in bundles) == sorted(patients)
    for bundle in bundles:
        kinds = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
        assert kinds["Patient"] == 1
        assert len({entry["fullUrl"] for entry in bundle["entry"]}) == len(bundle["entry"])


def test_bundles_and_export_hold_the_same_resources(
    bundles: list[Resource], exported: list[Resource]
) -> None:
    in_bundles = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    assert {address(one): one for one in in_bundles} == {address(one): one for one in exported}
    repeated = [one for one, n in Counter(map(address, in_bundles)).items() if n > 1]
    assert {one.split("/")[0] for one in repeated} <= NOT_OF_A_PATIENT


def test_the_stream_holds_what_is_exported(exported: list[Resource]) -> None:
    assert Counter(map(address, resources())) == Counter(map(address, exported))


def test_two_runs_write_the_same_bytes(export: Path, tmp_path: Path) -> None:
    write_ndjson(tmp_path / "again")
    write_bundles(tmp_path / "first")
    write_bundles(tmp_path / "second")
    assert contents(tmp_path / "again") == contents(export)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_a_second_run_replaces_the_first(export: Path) -> None:
    before = contents(export)
    write_ndjson(export)
    assert contents(export) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_export_is_one_file_per_type_and_a_manifest(export: Path) -> None:
    manifest = json.loads((export / "manifest.json").read_bytes())
    assert manifest.keys() == {
        "transactionTime",
        "request",
        "requiresAccessToken",
        "output",
        "error",
    }
    listed = {output["url"]: output for output in manifest["output"]}
    assert {path.name for path in export.iterdir()} == {*listed, "manifest.json"}
    for name, output in listed.items():
        lines = (export / name).read_bytes().splitlines()
        assert len(lines) == output["count"]
        assert {json.loads(line)["resourceType"] for line in lines} == {output["type"]}


def test_the_export_is_as_new_as_its_newest_resource(
    export: Path, exported: list[Resource]
) -> None:
    manifest = json.loads((export / "manifest.json").read_bytes())
    newest = max(datetime.fromisoformat(one["meta"]["lastUpdated"]) for one in exported)
    assert datetime.fromisoformat(manifest["transactionTime"]) == newest


def test_what_is_written_is_named(tmp_path: Path) -> None:
    named = write_ndjson(tmp_path)
    assert {*named, tmp_path / "manifest.json"} == set(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_ndjson, write_bundles])
def test_a_file_in_the_folders_place_is_a_usage_error(write: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="cannot make the folder"):
        write(tmp_path / "taken")


def test_everything_is_marked_synthetic(exported: list[Resource], bundles: list[Resource]) -> None:
    for resource in [*exported, *bundles]:
        tags = [(tag["system"], tag["code"], tag["display"]) for tag in resource["meta"]["tag"]]
        assert tags == [HTEST], address(resource)
        assert resource["id"].startswith("SYN-")
        assert resource["meta"]["versionId"] == "1"
    for patient in (one for one in exported if one["resourceType"] == "Patient"):
        assert patient["identifier"] == [{"system": "urn:raiway:synthetic", "value": patient["id"]}]
        assert patient["name"][0]["family"] == "Synthetic"


def test_moments_keep_their_day_in_utc(exported: list[Resource]) -> None:
    offset = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-05:00")
    moments = {
        value
        for resource in exported
        for node in nodes(resource)
        for value in node.values()
        if isinstance(value, str) and offset.fullmatch(value)
    }
    moved = [
        one
        for one in moments
        if str(datetime.fromisoformat(one).astimezone(UTC).date()) != one[:10]
    ]
    assert len(moments) > 500
    assert moved == []


def test_loinc_and_snomed_codes_hold_their_check_digit(exported: list[Resource]) -> None:
    codes = {
        (node["system"], node["code"])
        for resource in exported
        for node in nodes(resource)
        if node.get("system") in {"http://loinc.org", "http://snomed.info/sct"}
        # LOINC's answer codes have a last digit that follows no published rule.
        and not node["code"].startswith("LA")
    }
    wrong = [
        code
        for system, code in codes
        if not (loinc_holds(code) if system == "http://loinc.org" else verhoeff_holds(code))
    ]
    assert len(codes) > 30
    assert wrong == []


def test_the_check_digits_refuse_wrong_codes() -> None:
    assert not loinc_holds("3013-3")
    assert not verhoeff_holds("255029008")


def loinc_holds(code: str) -> bool:
    """Mod 10 over the part before the dash (`domain.md` 0.1)."""
    body, check = code.split("-")
    digits = [int(digit) for digit in reversed(body)]
    doubled = int("".join(str(digit) for digit in digits[0::2][::-1])) * 2
    total = sum(int(digit) for digit in str(doubled)) + sum(digits[1::2])
    return -total % 10 == int(check)


def verhoeff_holds(code: str) -> bool:
    """The last digit of a SNOMED CT id (Verhoeff 1969): dihedral group of order ten."""
    powers = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    while len(powers) < 8:
        powers.append([powers[1][digit] for digit in powers[-1]])
    check = 0
    for position, digit in enumerate(reversed(code)):
        check = dihedral(check, powers[position % 8][int(digit)])
    return check == 0


def dihedral(left: int, right: int) -> int:
    """The product in the dihedral group: 0 to 4 turn, 5 to 9 turn and mirror."""
    turn = right % 5 if left < 5 else -(right % 5)
    return (left + turn) % 5 + (0 if (left < 5) == (right < 5) else 5)


def test_the_shipped_tables_are_the_reference_tables(shared: Path) -> None:
    shipped = ROOT / "adapter" / "synthetic" / "cohort"
    for table in sorted((shared / "reference" / "cohort").glob("*.csv")):
        assert (shipped / table.name).read_bytes() == table.read_bytes()
