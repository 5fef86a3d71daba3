"""What a server deleted leaves the store: in any order, until a later version is there again."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from adapter import landed
from adapter.elements import PULLED
from adapter.errors import UsageError
from adapter.ingest import How
from adapter.models import LabResultRow, ResourceRow
from adapter.pull.landing import closing
from adapter.store import open_store
from tests.lib import landings
from tests.lib.console import raiway
from tests.lib.ingests import (
    Resource,
    bundle,
    glucose,
    ingested,
    line,
    ndjson,
    person,
    tg,
    visit,
    written,
)

PLAIN = How(workers=1)


def gone(reference: str = "Observation/o1", day: int = 0, **entry: Any) -> Resource:
    """A line of a Bulk Data export's `deleted`; day: of January 2022, without a date for 0."""
    made: Resource = {"resourceType": "Bundle", "type": "transaction"}
    if day:
        made["meta"] = {"lastUpdated": f"2022-01-{day:02d}T08:00:00Z"}
    return {**made, "entry": [{"request": {"method": "DELETE", "url": reference}, **entry}]}


def pulled_on(resource: Resource, day: int) -> Resource:
    """The resource without lastUpdated, as a pull of that day dated it."""
    dated = {"url": PULLED, "valueInstant": f"2022-01-{day:02d}T12:00:00Z"}
    return {**resource, "meta": {"extension": [dated]}}


def values(url: str) -> list[float]:
    with open_store(url, create=False) as store:
        return sorted(float(row.value_low) for row in store.rows(LabResultRow))


def tg_of(value: float, day: int = 0) -> Resource:
    made = tg(day=day)
    return {**made, "valueQuantity": {**made["valueQuantity"], "value": value}}


STORIES = {
    "deleted": ([tg_of(1, 1), gone(day=2)], []),
    "deleted without a date": ([tg_of(1, 1), gone()], []),
    "deleted, of no date": ([tg_of(1), gone(day=2)], []),
    "there again": ([tg_of(1, 1), gone(day=2), tg_of(3, 3)], [3.0]),
    "deleted again": ([tg_of(1, 1), gone(day=2), tg_of(3, 3), gone(day=4)], []),
    "deleted and written at one instant": ([tg_of(1, 2), gone(day=2)], []),
    "pulled, of no date, deleted": ([pulled_on(tg_of(1), 1), gone(day=2)], []),
    "pulled, of no date, there again": (
        [pulled_on(tg_of(1), 1), gone(day=2), pulled_on(tg_of(3), 3)],
        [3.0],
    ),
    "pulled twice, of no date, the later one holds": (
        [pulled_on(tg_of(1), 1), pulled_on({**tg_of(2), "status": "preliminary"}, 2)],
        [2.0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_in_any_order_what_was_last_the_case_holds(story: str, tmp_path: Path) -> None:
    events, expected = STORIES[story]
    for at, order in enumerate(permutations(events)):
        for files in ([ndjson(person(), *order)], [ndjson(each) for each in (person(), *order)]):
            url = f"sqlite:///{tmp_path / f'{at}-{len(files)}.db'}"
            folder = tmp_path / f"{at}-{len(files)}"
            named = [(f"{number}.ndjson", content) for number, content in enumerate(files)]
            ingested(url, written(folder, named), PLAIN)
            assert values(url) == expected, order


def test_deletions_are_counted_and_a_second_time_change_nothing(tmp_path: Path) -> None:
    lines = ndjson(person(), tg(day=1), gone(day=2), gone("Observation/never-seen", day=2))
    paths = written(tmp_path, [("a.ndjson", lines)])
    url = f"sqlite:///{tmp_path / 'store.db'}"
    first, second = ingested(url, paths, PLAIN), ingested(url, paths, PLAIN)
    assert (first.deleted, first.retracted, first.mapped, first.older) == (2, 2, 1, 1)
    assert (second.deleted, second.retracted, second.unchanged) == (2, 0, 3)
    assert not first.partial
    with open_store(url, create=False) as store:
        held = {row.resource_id: (row.status, row.retracted) for row in store.rows(ResourceRow)}
    assert held["o1"] == held["never-seen"] == ("deleted", True)


def test_a_deletion_of_what_states_nothing_here_is_irrelevant(tmp_path: Path) -> None:
    lines = ndjson(gone("Slot/1", day=2), glucose(), visit())
    summary = ingested(
        f"sqlite:///{tmp_path / 's.db'}", written(tmp_path, [("a.ndjson", lines)]), PLAIN
    )
    assert (summary.irrelevant, summary.deleted) == (3, 0)


def test_a_patients_row_goes_and_the_facts_of_others_stay(tmp_path: Path) -> None:
    lines = ndjson(person(), person("q"), tg("o2", "q"), gone("Patient/p", day=2))
    url = f"sqlite:///{tmp_path / 's.db'}"
    ingested(url, written(tmp_path, [("a.ndjson", lines)]), PLAIN)
    with open_store(url, create=False) as store:
        assert store.counts()["patient"] == 1
        assert store.counts()["lab_result"] == 1


@pytest.mark.parametrize(
    ("url", "when"),
    [
        ("Observation/o1", {"lastModified": "2022-01-02T08:00:00Z"}),
        ("https://a.example/fhir/Observation/o1", {"lastModified": "2022-01-02T10:00:00+02:00"}),
    ],
)
def test_a_history_dates_each_deletion(url: str, when: Resource, tmp_path: Path) -> None:
    history = bundle(tg_of(1, 1), kind="history")
    history["entry"].insert(0, {"request": {"method": "DELETE", "url": url}, "response": when})
    later = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": tg_of(3, 3)}]}
    store = f"sqlite:///{tmp_path / 's.db'}"
    paths = written(tmp_path, [("a.json", line(history)), ("p.ndjson", ndjson(person()))])
    ingested(store, paths, PLAIN)
    assert values(store) == []
    ingested(store, written(tmp_path, [("b.json", line(later))]), PLAIN)
    assert values(store) == [3.0]


def test_a_transaction_deletes_before_it_puts(tmp_path: Path) -> None:
    both = bundle(person(), tg_of(1, 1))
    both["entry"].append({"request": {"method": "DELETE", "url": "Observation/o1"}})
    url = f"sqlite:///{tmp_path / 's.db'}"
    ingested(url, written(tmp_path, [("a.json", line(both))]), PLAIN)
    assert values(url) == [1.0]


def test_a_deletion_of_nothing_by_name_is_quarantined_and_the_rest_loaded(tmp_path: Path) -> None:
    both = bundle(person(), tg_of(1, 1))
    both["entry"].insert(0, {"request": {"method": "DELETE", "url": "Observation?status=final"}})
    url = f"sqlite:///{tmp_path / 's.db'}"
    summary = ingested(url, written(tmp_path, [("a.json", line(both))]), PLAIN)
    assert [each.reason for each in summary.rejected] == [
        "a DELETE of what is not named by type and id"
    ]
    assert values(url) == [1.0]


def test_runs_are_read_by_time_and_unfinished_ones_passed_over(tmp_path: Path) -> None:
    root = tmp_path / "landing"
    landings.pulled(root, {"p": [person()], "o": [tg(day=1)]})
    with landings.opened(root) as landing:
        landing.deleted("Observation", "o1", "2022-01-02T08:00:00Z")
        closing.close(landing, landings.good(landing))
        second = landing.path
    with landings.opened(root) as landing:
        landings.put(landing, "half", [tg_of(9, 9)])
        third = landing.path
    (second / "strange.ndjson").write_bytes(ndjson(tg_of(8, 8)))
    told = raiway("ingest", "landing/A", "--site", "A", "--json", cwd=tmp_path)
    assert f"{third.relative_to(tmp_path)} is passed over" in told.stderr
    assert (told.json["read"], told.json["deleted"]) == (3, 1)
    assert values(f"sqlite:///{tmp_path / 'raiway.db'}") == []
    # What is in a store is noted, for retention.
    noted = {each.parent.name for each in (root / "A" / ".state").rglob(landed.INGESTED)}
    assert noted == {run.path.name for run in landed.find(root).runs}


def test_the_runs_of_one_site_are_not_loaded_as_anothers(tmp_path: Path) -> None:
    for name in ("A", "B"):
        landings.pulled(tmp_path / "landing", {"p": [person()]}, name=name)
    told = raiway("ingest", "landing", "--site", "A", cwd=tmp_path, expect=2)
    assert "was pulled from site B, not A" in told.stderr
    assert not (tmp_path / "raiway.db").exists()


def test_a_run_whose_file_was_changed_is_not_read(tmp_path: Path) -> None:
    path = landings.pulled(tmp_path, {"o": [tg(day=1)]})
    with (path / "Observation.00001.ndjson").open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(UsageError, match="not as it was"):
        landed.find(tmp_path)


@pytest.mark.parametrize("name", ["../../../secret.ndjson", "/etc/passwd", "inner/x.ndjson"])
def test_a_manifest_names_files_of_its_own_folder_only(name: str, tmp_path: Path) -> None:
    path = landings.pulled(tmp_path / "landing", {"o": [tg(day=1)]})
    manifest = path / landed.MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b"Observation.00001.ndjson", name.encode()))
    with pytest.raises(UsageError, match="not as it was"):
        landed.find(tmp_path)
