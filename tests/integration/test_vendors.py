"""One patient as four servers tell it: the same protocol episode, and the same figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from adapter.definitions import load
from adapter.evaluate import Evaluation, Request, evaluate
from adapter.mapping.resource import Mapper
from adapter.runs import ingest_run
from adapter.store import open_store
from analytics.study import Study
from tests.lib.vendors import Resource, epic, mii, oracle, plain, site

PLAIN = site("", "America/Chicago")


@pytest.fixture(scope="module")
def study() -> Study:
    """The reference study, where a progression in a report's words counts too."""
    reference = load().study("redifferentiation")
    return replace(reference, progression_sources=(*reference.progression_sources, "report_text"))


def _evaluated(
    url: str, folder: Path, mapper: Mapper, patient: Sequence[Resource], study: Study
) -> Evaluation:
    file = folder / "export.ndjson"
    file.write_text("\n".join(map(json.dumps, patient)), encoding="utf-8")
    with open_store(url, create=True) as store:
        summary = ingest_run([file], mapper, store)
        assert (summary.read, summary.quarantined) == (len(patient), 0)
        return evaluate(store, study, Request())


def _told(found: Evaluation) -> dict[str, object]:
    """The one episode, without where its facts lie."""
    (episode,) = [each for course in found.courses for each in course.episodes]
    assert episode.rai is not None
    return {
        "who": (episode.sex, episode.age_years, episode.histology),
        "driver": (episode.profile.driver, episode.profile.genes_tested),
        "drugs": (episode.drugs.first_day, episode.drugs.last_day, episode.drugs.classes),
        "iodine": (episode.rai.day, episode.rai.purpose, episode.rai.activity_mbq),
        "finish": (episode.finish, episode.finish_rule),
        "tg": [(tg.day, tg.low, tg.high, tg.below_limit) for tg in episode.tg_series],
        "tg change": episode.tg_change,
        "follow-up": (episode.follow_up.days, episode.follow_up.event, episode.follow_up.reason),
        "last seen": episode.follow_up.last_contact,
        "deviations": episode.deviations,
    }


THE_EPISODE = {
    "who": ("female", 59, "PTC"),
    "driver": ("BRAF_V600E", ("BRAF",)),
    "drugs": (date(2021, 3, 1), date(2021, 4, 11), frozenset({"BRAFi", "MEKi"})),
    "iodine": (date(2021, 5, 20), "therapeutic", Decimal(5550)),
    "finish": (date(2021, 5, 20), "therapeutic_rai"),
    "tg": [
        (date(2021, 2, 22), Decimal("12.4"), Decimal("12.4"), False),
        (date(2021, 8, 18), Decimal(0), Decimal("0.1"), True),
        (date(2021, 11, 16), Decimal(0), Decimal("0.1"), True),
    ],
    "follow-up": (137, True, "progression"),
    "last seen": date(2021, 12, 1),
}


@pytest.mark.parametrize(
    ("patient", "mapper"),
    [
        (epic.PATIENT, lambda folder: site(epic.own_file(folder))),
        (oracle.PATIENT, lambda folder: site(oracle.own_file(folder))),
        (mii.PATIENT, lambda folder: site("mii")),
    ],
    ids=["epic", "oracle", "mii"],
)
def test_the_same_patient_from_every_server(
    store_url: str,
    tmp_path: Path,
    study: Study,
    patient: Sequence[Resource],
    mapper: Callable[[Path], Mapper],
) -> None:
    standard = _evaluated(f"sqlite:///{tmp_path}/plain.db", tmp_path, PLAIN, plain.PATIENT, study)
    told = _evaluated(store_url, tmp_path, mapper(tmp_path), patient, study)
    assert _told(standard).items() >= THE_EPISODE.items()
    assert _told(told) == _told(standard)
    assert told.figures() == standard.figures()
