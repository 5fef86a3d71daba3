"""What a store may lack, and patients whose Patient resource never came."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.cli.caveats import warn_of_gaps
from adapter.cli.output import Output
from adapter.cohort import explained, gaps
from adapter.errors import UsageError
from adapter.mapping.mapped import Unmapped
from adapter.mapping.stamp import patient_key
from adapter.models import IngestRunRow
from adapter.store import open_store
from tests.lib.reports import reference_study
from tests.lib.stores import resource, tg

CODES = (Unmapped("code", "urn:local", "TG"), Unmapped("value", "", "as typed by hand"))


def fill(url: str, *sites: str) -> None:
    """A Tg result of patient 123 at each site, without a Patient, from an ingest that broke off."""
    with open_store(url, create=True) as store:
        for site in sites:
            store.register_site(site, "UTC")
            key = patient_key(site, "123")
            item = resource("o1", tg("1.5"), site=site, patient_key=key, unmapped=CODES)
            started = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
            store.begin_run(IngestRunRow(run_id=site, site=site, started=started, paths="x"))
            store.load([item], site)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'raiway.db'}"


def test_a_patient_is_explained_by_the_reference_in_the_facts(url: str):
    fill(url, "north")
    study = reference_study()
    with open_store(url, create=False) as store:
        for named in ("Patient/123", "123"):
            assert explained(store, study, named).attrition == "no_thyroid_cancer"
        with pytest.raises(UsageError, match="no such patient"):
            explained(store, study, "Patient/124")


def test_a_reference_at_two_sites_asks_for_the_site(url: str):
    fill(url, "north", "south")
    study = reference_study()
    with open_store(url, create=False) as store:
        with pytest.raises(UsageError, match="several sites"):
            explained(store, study, "Patient/123")
        assert explained(store, study, "Patient/123", "south").site == "south"


def test_gaps_are_counted_by_site_and_typed_text_is_not_repeated(
    url: str, capsys: pytest.CaptureFixture[str]
):
    fill(url, "north", "south")
    with open_store(url, create=False) as store:
        assert gaps(store, ["south"]).unfinished == ("south, begun 2026-03-01 09:30",)
        assert gaps(store).unmapped == {"urn:local|TG": 2, "a value": 2}
        warn_of_gaps(store, ["south"], Output(quiet=True))
    said = capsys.readouterr().err
    assert "1 ingest did not end" in said
    assert "2 codes, units or values of relevant resources have no mapping" in said
    assert "urn:local|TG (1)" in said
    assert "typed by hand" not in said
