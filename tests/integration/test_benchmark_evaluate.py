"""The benchmark of evaluation: its cohort is repeatable, and Raiway finds what it planted."""

from __future__ import annotations

from pathlib import Path

from adapter.definitions import load
from adapter.evaluate import Request, evaluate_aggregate
from adapter.store import open_store
from benchmarks import evaluate, thyroid
from benchmarks.contestants.raiway_ingest import ingest
from benchmarks.evaluate import Run

PATIENTS = 60


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other, third = (
        thyroid.write(PATIENTS, seed, tmp_path / name)
        for name, seed in (("one", 1), ("other", 1), ("third", 2))
    )
    assert one == other != third
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names >= {"Observation.ndjson", "Patient.ndjson", "Procedure.ndjson"}
    for name in names:
        said = [(tmp_path / each / name).read_bytes() for each in ("one", "other", "third")]
        assert said[0] == said[1] != said[2]


def test_there_are_17_and_a_half_resources_a_patient() -> None:
    numbers = range(thyroid.FIRST, thyroid.FIRST + 400)
    made = sum(
        not any(part in each["id"] for part in thyroid._LEFT_OUT)
        for number in numbers
        for each in thyroid.resources(thyroid.truth(number, 1))
    )
    assert abs(made / len(numbers) - 17.5) < 0.25


def test_the_answer_is_what_was_planted(tmp_path: Path) -> None:
    folder, planted = thyroid.cohort(PATIENTS, 1, tmp_path)
    ingest([folder], tmp_path / "store.db")
    with open_store(f"sqlite:///{tmp_path / 'store.db'}", create=False) as store:
        study = load().study("redifferentiation")
        found = evaluate_aggregate(store, study, Request(stratifiers=("sex",)))
    strata = {sex: found.aggregate.stratum("sex", sex) for sex in ("female", "male")}
    assert found.screened == planted.patients
    assert {sex: each.count("patients", "all") for sex, each in strata.items()} == planted.enrolled
    responders = {sex: each.count("best_recist", "CR", "PR") for sex, each in strata.items()}
    assert responders == planted.responders


def test_medians_and_ratios_are_told() -> None:
    runs = [Run("raiway, again", 100, seconds, 0.4, 0.0, 10**8) for seconds in (1.0, 2.0, 9.0)]
    runs.append(Run(evaluate.PEER[0], 100, 4.0, 6.0, 1.0, 2 * 10**8))
    own, peer = evaluate.summary(runs)
    assert (own["patients_s"], own["cpu_us"], own["with_loading_s"]) == (50, 4000, None)
    assert (peer["patients_s"], peer["with_loading_s"], peer["peak_mb"]) == (25, 20, 200)
    assert "| 100 | raiway, again | 3 | 2.00 | 50 | 2.0 |" in evaluate.page([own, peer])
