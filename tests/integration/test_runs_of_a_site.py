"""Several ingests of one site: mended resources, versions in doubt, zones, mappings, ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapter import definitions
from adapter.errors import UsageError
from adapter.ingest import How, Summary
from adapter.mapping.resource import Mapper
from adapter.runs import SiteMapper, in_zone_of, ingest_run, mappings_changed, replay_run
from adapter.store import Store, open_store
from tests.lib.mapping import observation, quantity


def tg(resource_id: str = "tg", **changed: Any) -> dict[str, Any]:
    value = quantity(12.4, "ng/mL")
    return observation("3013-0", **{"id": resource_id, "valueQuantity": value, **changed})


BAD = quantity(12.4, "furlong")


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    return Mapper(definitions.load(), "A", ZoneInfo("UTC"))


class Site:
    """A store, and a folder from which files are ingested into it."""

    def __init__(self, store: Store, folder: Path, mapper: Mapper) -> None:
        self.store, self.folder, self.mapper = store, folder, mapper

    def sends(self, name: str, *resources: dict[str, Any]) -> Summary:
        path = self.folder / name
        path.write_text("\n".join(map(json.dumps, resources)), encoding="utf-8")
        return ingest_run([path], self.mapper, self.store)

    def waiting(self) -> set[str]:
        return {row.source for row in self.store.quarantined("A")}


@pytest.fixture
def site(store_url: str, tmp_path: Path, mapper: Mapper):
    with open_store(store_url, create=True) as store:
        yield Site(store, tmp_path, mapper)


def test_a_mended_resource_leaves_the_quarantine(site: Site):
    site.sends("sent.ndjson", tg("1", valueQuantity=BAD), tg("2", valueQuantity=BAD))
    assert site.waiting() == {"sent.ndjson:1", "sent.ndjson:2"}
    site.sends("mended.ndjson", tg("1"))
    assert site.waiting() == {"sent.ndjson:2"}
    site.sends("retracted.ndjson", tg("2", status="entered-in-error"))
    assert site.waiting() == set()


def test_a_quarantined_version_that_says_it_is_newer_waits_on(site: Site):
    newer, older = ({"lastUpdated": f"2022-0{month}-01T00:00:00Z"} for month in (2, 1))
    bad = tg(valueQuantity=BAD, meta=newer)
    for _ in range(2):
        site.sends("both.ndjson", bad, tg(meta=older))
        site.sends("older.ndjson", tg(meta=older))
        assert site.waiting() == {"both.ndjson:1"}


def test_a_bad_version_of_the_same_run_waits_on(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("adapter.ingest.BATCH", 1)
    for _ in range(2):
        site.sends("both.ndjson", tg(valueQuantity=BAD), tg())
        assert site.waiting() == {"both.ndjson:1"}


def test_versions_that_only_content_ranks_are_undecided(site: Site):
    one, other = (tg(valueQuantity=quantity(value, "ng/mL")) for value in (1, 2))
    within = site.sends("within.ndjson", one, other, tg("x"))
    assert (within.undecided, within.undecided_at) == (1, ["within.ndjson:2"])
    assert within.partial
    between = [site.sends(f"{n}.ndjson", each) for n, each in enumerate((one, other))]
    assert sum(summary.undecided for summary in between) == 1
    assert [place for summary in between for place in summary.undecided_at] in (
        ["0.ndjson:1"],
        ["1.ndjson:1"],
    )


@pytest.mark.parametrize(
    "newer",
    [
        {"meta": {"lastUpdated": "2022-01-01T00:00:00Z"}},
        {"meta": {"versionId": "2"}},
        {"status": "corrected"},
        {"issued": "2022-01-01T00:00:00Z"},
        {"status": "entered-in-error"},
    ],
)
def test_versions_that_anything_else_ranks_are_decided(site: Site, newer: dict[str, Any]):
    later = tg(valueQuantity=quantity(2, "ng/mL"), **newer)
    assert site.sends("both.ndjson", tg(), later).undecided == 0
    assert site.sends("first.ndjson", tg()).undecided == 0
    assert site.sends("same.ndjson", later).undecided == 0


def test_noise_is_never_undecided(site: Site):
    noise = [{**observation("8867-4"), "valueQuantity": quantity(n, "/min")} for n in (60, 70)]
    assert site.sends("noise.ndjson", *noise).undecided == 0


def test_a_site_keeps_its_time_zone(site: Site, mapper: Mapper):
    jamaica = replace(mapper, zone=ZoneInfo("America/Jamaica"))
    path = site.folder / "a.ndjson"
    path.write_text(json.dumps(tg()), encoding="utf-8")
    ingest_run([path], jamaica, site.store)
    with pytest.raises(UsageError, match="site A was loaded with America/Jamaica") as refused:
        ingest_run([path], mapper, site.store)
    assert "--timezone America/Jamaica" in refused.value.hint
    (kept,) = site.store.sites()
    assert kept.timezone == "America/Jamaica"

    unstated = in_zone_of(site.store, SiteMapper(mapper, zone_stated=False))
    assert (str(unstated.mapper.zone), unstated.zone_stated) == ("America/Jamaica", True)
    stated = SiteMapper(mapper, zone_stated=True)
    assert in_zone_of(site.store, stated) is stated


def test_changed_mappings_are_noticed(site: Site, mapper: Mapper):
    other = replace(mapper, definitions=replace(mapper.definitions, fingerprint="other"))
    assert not mappings_changed(site.store, other)
    site.sends("a.ndjson", tg())
    assert not mappings_changed(site.store, mapper)
    assert mappings_changed(site.store, other)
    assert not mappings_changed(site.store, replace(other, site="B"))


def test_the_replay_of_an_unknown_site_registers_nothing(site: Site):
    with pytest.raises(UsageError, match="no site A"):
        replay_run(site.mapper, site.store)
    assert (site.store.sites(), site.store.runs()) == ([], [])


def test_a_run_without_an_end_is_known_until_its_paths_are_read_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    load = Store.load_prepared
    monkeypatch.setattr(Store, "load_prepared", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        site.sends("a.ndjson", tg())
    monkeypatch.setattr(Store, "load_prepared", load)
    site.sends("b.ndjson", tg())
    (unfinished,) = site.store.unfinished_runs()
    assert (unfinished.site, Path(unfinished.paths).name) == ("A", "a.ndjson")
    assert site.store.unfinished_runs(["A"]) == [unfinished]
    assert site.store.unfinished_runs(["B"]) == []
    site.sends("a.ndjson", tg())
    assert site.store.unfinished_runs() == []


def _interrupted(*given: object) -> None:
    raise KeyboardInterrupt


def test_one_patient_under_two_names_is_refused(site: Site):
    path = site.folder / "a.ndjson"
    path.write_text(json.dumps(tg()), encoding="utf-8")
    limited = How(privacy="limited:1f0a")
    ingest_run([path], site.mapper, site.store, limited)
    for other in (How(), How(privacy="limited:9e27")):
        with pytest.raises(UsageError, match="counted twice"):
            ingest_run([path], site.mapper, site.store, other)
    assert ingest_run([path], site.mapper, site.store, limited).unchanged == 1
    replay_run(site.mapper, site.store)
    held = site.store.site("A")
    assert held
    assert held.privacy == "limited:1f0a"
