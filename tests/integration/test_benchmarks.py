"""The benchmarks: their hospital is valid and repeatable, and all contestants find the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from adapter import sources
from adapter.fhir_r4 import validated
from benchmarks import hospital, inputs, page, results, run
from benchmarks.contestants import ALL, BY_NAME, Contestant
from benchmarks.facts import Tally, Thyroglobulin, Variant, protein_change
from benchmarks.hospital import Export, Size
from benchmarks.inputs import Inputs
from benchmarks.measure import Absent, Measured, measure

SMALL = Size(observations=2_000, relevant=0.05)
PER_TYPE = 60
"""Resources of a type whose structure is checked."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hospital") / "export"
    hospital.write(SMALL, made)
    return made


@pytest.fixture(scope="module")
def export(folder: Path) -> Export:
    return hospital.read(folder)


@pytest.fixture(scope="module")
def whole(folder: Path, export: Export) -> Inputs:
    return inputs.whole(folder, export, set())


def resources(folder: Path, kind: str = "*") -> Iterator[dict[str, object]]:
    for path in sorted(folder.glob(f"{kind}.*.ndjson")):
        for line in path.read_bytes().splitlines():
            yield orjson.loads(line)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    hospital.write(SMALL, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)


def test_another_seed_gives_other_bytes(folder: Path, tmp_path: Path) -> None:
    hospital.write(replace(SMALL, seed=2), tmp_path / "other")
    ours, others = contents(folder), contents(tmp_path / "other")
    assert ours.keys() == others.keys()
    assert all(ours[name] != others[name] for name in ours)


def test_an_export_is_not_written_over_another(folder: Path) -> None:
    with pytest.raises(FileExistsError):
        hospital.write(SMALL, folder)


def test_an_interrupted_export_is_made_again(tmp_path: Path) -> None:
    tiny = replace(SMALL, observations=20)
    folder, _ = inputs.export(tiny, tmp_path)
    whole = contents(folder)
    left = folder.rename(folder.with_suffix(".unfinished"))
    (left / "manifest.json").unlink()

    again, written = inputs.export(tiny, tmp_path)

    assert contents(again) == whole
    assert written.size == tiny


@pytest.mark.parametrize("relevant", [0.05, 1.0])
def test_resources_are_valid_r4(relevant: float, tmp_path: Path) -> None:
    written = hospital.write(replace(SMALL, relevant=relevant), tmp_path / "export")
    for kind, count in written.lines.items():
        every = list(resources(tmp_path / "export", kind))
        assert len(every) == count, kind
        for resource in every[:: max(1, count // PER_TYPE)]:
            assert validated(resource)["resourceType"] == kind


def test_ids_are_unique_and_references_lead_somewhere(folder: Path) -> None:
    ids = [f"{each['resourceType']}/{each['id']}" for each in resources(folder)]
    assert len(set(ids)) == len(ids)
    text = (folder / "Observation.000.ndjson").read_text()
    asked = set(re.findall(r'"((?:Patient|Encounter|Specimen)/[^"]+)"', text))
    assert asked
    assert asked <= set(ids)


def test_observations_have_the_size_that_servers_send(folder: Path) -> None:
    lengths = [len(line) for line in (folder / "Observation.000.ndjson").read_bytes().splitlines()]
    assert min(lengths) > 1_000
    assert max(lengths) < 3_000
    assert 1_500 < sum(lengths) / len(lengths) < 2_500


def test_the_traps_are_there(tmp_path: Path) -> None:
    hospital.write(replace(SMALL, observations=20_000), tmp_path / "export")
    text = (tmp_path / "export/Observation.000.ndjson").read_text()
    for trap in ('"\\u0033013-0"', '"comparator":"<"', '"entered-in-error"', "ENDO COMMENT"):
        assert trap in text, trap
    assert re.search(r'"system":"urn:oid:[^"]+","code":"3013-0"', text)
    assert re.search(r'"valueString":"<?[0-9.]+ ng/mL"', text)


def test_a_manifest_is_no_input_of_raiway(folder: Path) -> None:
    assert folder / "manifest.json" not in sources.expand([folder])


# Peers are no dependencies, and are not on a new machine; a benchmark's own run compares their
# answers, and ends with 1 where one is wrong.
OURS = [each for each in ALL if not each.peer]


@pytest.mark.parametrize("contestant", OURS, ids=[each.name for each in OURS])
def test_each_contestant_finds_what_was_planted(
    contestant: Contestant, whole: Inputs, tmp_path: Path
) -> None:
    assert whole.truth["thyroglobulin"]
    assert whole.truth["variants"]
    small = replace(contestant, sample=contestant.sample and 200)
    given = inputs.sample(small, whole, tmp_path) if small.sample else whole
    outcome = measure(contestant, given.paths)
    assert not isinstance(outcome, Absent), outcome
    asked = contestant.name != "orjson" and not contestant.start_only
    assert outcome.tally == (given.truth if asked else None)
    assert 0 < outcome.start_wall < outcome.wall
    assert outcome.start_cpu < outcome.cpu
    assert outcome.peak_bytes > 5_000_000


def test_a_sample_has_the_answer_of_its_own_lines(whole: Inputs, tmp_path: Path) -> None:
    everything = replace(BY_NAME["fhirpathpy"], sample=SMALL.observations)
    assert inputs.sample(everything, whole, tmp_path).truth == whole.truth


def test_a_run_prints_ratios_and_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["ingest", "--size", "2MB", "--repeat", "2", "--contestants", "orjson,orjson-extract"]
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]

    assert run.main([*asked, *where, "--write", str(tmp_path / "page.md"), "--json"]) == 0

    held = json.loads(capsys.readouterr().out)
    assert [each["equal"] for each in held["results"]] == [None, True]
    assert held["data"]["bytes"] == pytest.approx(2_000_000, rel=0.1)
    text = (tmp_path / "page.md").read_text()
    assert re.search(r"^\| orjson \| all files \| [\d.]+ \| 1\.00 \|", text, re.MULTILINE)
    assert re.search(r"^\| orjson-extract .*\| equal \|$", text, re.MULTILINE)
    assert str(tmp_path) not in text


def measured(wall: float, tally: dict[str, int | str]) -> Measured:
    return Measured(wall, wall * 2, 1.0, 1.0, 10, tally)


def test_seconds_are_medians_and_those_of_a_sample_are_scaled() -> None:
    truth: inputs.Truth = {"thyroglobulin": 1, "variants": 0, "digest": "0"}
    whole = Inputs([], 1_000, 1_200, 2_000_000, truth)
    sampled = Inputs([], 100, 100, 200_000, truth)
    runs = [measured(wall, truth) for wall in (3.0, 9.0, 2.0)]

    plain = results.result(BY_NAME["duckdb"], runs, whole, whole)
    scaled = results.result(BY_NAME["sqlonfhir"], runs, sampled, whole)

    assert (plain.wall, plain.cpu, plain.sampled, plain.equal) == (3.0, 6.0, 0, True)
    # One second of start, once; two of work, for each tenth.
    assert (scaled.wall, scaled.cpu, scaled.sampled) == (21.0, 51.0, 100)


def test_a_wrong_answer_shows() -> None:
    truth: inputs.Truth = {"thyroglobulin": 1, "variants": 0, "digest": "0"}
    whole = Inputs([], 1_000, 1_200, 2_000_000, truth)
    runs = [measured(3.0, truth), measured(3.0, {**truth, "digest": "1"})]
    wrong = results.result(BY_NAME["duckdb"], runs, whole, whole)
    data = {"bytes": 1, "observations": 1, "lines": 1, "relevant": 1, "seed": 1, "types": "all"}
    kept = results.Benchmark(
        date="2026-01-01",
        machine=results.machine(),
        data=data,
        truth=truth,
        repeat=2,
        results=[wrong],
    )
    assert wrong.equal is False
    assert page.wrong(kept) == ["duckdb"]
    assert "**differs**" in page.page([kept])


@pytest.mark.parametrize("failed", [False, True])
def test_what_did_not_run_is_listed_with_its_reason(failed: bool) -> None:
    whole = Inputs([], 1, 1, 1, {})
    runs = [Absent("no such library", failed=failed)]
    gone = results.result(BY_NAME["pysof"], runs, whole, whole)
    assert (gone.absent, gone.failed, gone.runs) == ("no such library", failed, 0)


def test_a_contestant_that_breaks_down_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    broken = tmp_path / "Observation.000.ndjson"
    broken.write_text('{"resourceType": "Observation"\n')
    outcome = measure(BY_NAME["orjson"], [broken])
    assert isinstance(outcome, Absent)
    assert outcome.failed
    assert "JSONDecodeError" in outcome.reason
    assert str(tmp_path) not in outcome.reason


def test_answers_are_multisets_whatever_their_order_and_spelling() -> None:
    one = Thyroglobulin("p1", "2024-01-02", 1.1, "ng/mL", "<")
    other = Variant("p1", "BRAF", "NP_004324.2:p.(Val600Glu)", 0.25)
    respelt = [other._replace(p_hgvs="V600E", fraction="0.250"), one._replace(value="1.10")]
    answer = Tally().add([one, other]).result()
    assert Tally().add(respelt).result() == answer
    for wrong in (
        [one, one, other, other],
        [one],
        [one._replace(comparator=""), other],
        [one._replace(patient="p2"), other],
        [one, other._replace(fraction=None)],
    ):
        assert Tally().add(wrong).result()["digest"] != answer["digest"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NP_004324.2:p.(Val600Glu)", "V600E"),
        ("p.Gln61Arg", "Q61R"),
        ("p.V600E", "V600E"),
        ("", ""),
    ],
)
def test_a_protein_change_is_compared_in_one_spelling(text: str, expected: str) -> None:
    assert protein_change(text) == expected


@pytest.mark.parametrize(("text", "size"), [("2GB", 2_000_000_000), ("1.5 mb", 1_500_000)])
def test_a_size_is_read(text: str, size: int) -> None:
    assert inputs.in_bytes(text) == size


@pytest.mark.parametrize("text", ["", "2", "2 GiB", "-1GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        inputs.in_bytes(text)
