"""The synthetic hospital behind a FHIR server: a crawl gives the figures of its whole export."""

from __future__ import annotations

import json
from pathlib import Path

from adapter.config import Settings
from adapter.definitions import load
from adapter.demo import SITE, ZONE
from adapter.evaluate import Request, evaluate
from adapter.runs import ingest_run, site_mapper
from adapter.store import open_store
from adapter.synthetic.hospital import write_ndjson
from tests.lib.fault.hospital import Hospital
from tests.lib.fault.server import fault_server
from tests.lib.pulls import crawled

NOT_ASKED_FOR = "attrition:no_thyroid_cancer"
"""Of patients without thyroid cancer a crawl knows nothing, not even how many there are."""


def figures(files: list[Path], store_url: str) -> dict:
    """What the files come to."""
    mapper = site_mapper(Settings(), SITE, timezone=ZONE).mapper
    with open_store(store_url, create=True) as store:
        ingest_run(files, mapper, store)
        found = evaluate(store, load().study("redifferentiation"), Request(sites=(SITE,)))
        return found.document()["figures"]


def test_a_crawl_gives_the_figures_of_the_whole_export(tmp_path: Path):
    export = write_ndjson(tmp_path / "export")
    lines = [line for file in export for line in file.read_text(encoding="utf-8").splitlines()]
    hospital = Hospital(date="Mon, 01 Jan 2024 12:00:00 GMT")
    hospital.add(*(json.loads(line) for line in lines))
    with fault_server(hospital) as server:
        found = crawled(server, tmp_path / "landing", ())
    assert not found.failed
    assert {"AllergyIntolerance", "Immunization", "ImagingStudy"}.isdisjoint(found.rows)
    whole = figures(export, f"sqlite:///{tmp_path / 'whole.db'}")
    pulled = figures(sorted(found.path.glob("[A-Z]*.ndjson")), f"sqlite:///{tmp_path / 'pull.db'}")
    assert whole.pop(NOT_ASKED_FOR) == 28
    assert pulled == whole
    assert len(pulled) > 600
