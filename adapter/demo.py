"""The demo: the whole line on the synthetic cohort, through the functions that real data takes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from adapter.config import Settings
from adapter.definitions import load
from adapter.elements import Json
from adapter.errors import UsageError
from adapter.evaluate import Evaluation, Request, evaluate
from adapter.files import make_folder, write_atomically
from adapter.html_report import patient_html
from adapter.ingest import Summary
from adapter.quality.stamp import stamped
from adapter.report.evaluation import checked_report, measure
from adapter.runs import ingest_run, site_mapper
from adapter.store import Store, open_store
from adapter.synthetic.hospital import write_ndjson

SITE = "synthetic-hospital"
# The synthetic hospital writes its instants five hours behind UTC all year, as Jamaica does.
ZONE = "America/Jamaica"
MEASURE = "redifferentiation-outcomes"


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo came to, the files that it wrote, and the seconds that it took."""

    summary: Summary
    evaluation: Evaluation
    report: Json
    store_url: str
    files: dict[str, Path]
    seconds: float


def run(folder: Path, settings: Settings, *, page: bool = False) -> Demo:
    """Write the synthetic hospital's export into `folder`, load it, evaluate it, report it.

    page: the HTML page too, which takes the packages of the extra `report`. Running it again
    changes nothing. Raises UsageError where the folder cannot be written, or
    holds a store with data that is not the demo's.
    """
    began = time.perf_counter()
    files = {
        "export": folder / "export",
        "store": folder / "raiway.db",
        "report": folder / "measure-report.json",
        "figures": folder / "figures.json",
    }
    make_folder(folder)
    url = f"sqlite:///{files['store']}"
    site = site_mapper(settings, SITE, timezone=ZONE)
    asked = measure(MEASURE, settings)
    with open_store(url, create=True) as store:
        _refuse_other_data(store)
        summary = ingest_run(write_ndjson(files["export"]), site.mapper, store)
        study = load().study(settings.analysis.study)
        evaluation = stamped(store, evaluate(store, study, Request(sites=(SITE,))))
        if page:
            files["page"] = folder / "report.html"
            write_atomically(files["page"], patient_html(store, evaluation))
    report = checked_report(evaluation, asked, settings)
    for name, document in (("report", report), ("figures", evaluation.document())):
        write_atomically(files[name], json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    seconds = time.perf_counter() - began
    return Demo(summary, evaluation, report, url, files, seconds)


def _refuse_other_data(store: Store) -> None:
    others = sorted({site.site for site in store.sites()} - {SITE})
    if others:
        raise UsageError(
            f"the store holds data of site {', '.join(others)}, with which none must mix",
            where=str(store),
            hint="raiway demo --out with a folder of its own",
        )
