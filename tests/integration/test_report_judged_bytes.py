"""The same data, study and software give the same bytes: in any order read, on either engine."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter import config
from adapter.definitions import load
from adapter.evaluate import Evaluation, Request, evaluate
from adapter.quality.stamp import stamped
from adapter.report.csv_table import csv_text
from adapter.report.evaluation import checked_report, measure
from adapter.report.forms import Form, render
from adapter.runs import ingest_run
from adapter.store import Store, open_store
from adapter.synthetic.hospital import write_ndjson
from tests.lib.mapping import mapper
from tests.lib.report_forms import RECEIVER, WHOLE

ZONE = "America/Jamaica"
MADE = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = MADE + timedelta(days=1)


@cache
def lines() -> tuple[bytes, ...]:
    """Every resource of the synthetic hospital's export."""
    with TemporaryDirectory() as folder:
        files = sorted(write_ndjson(Path(folder)))
        return tuple(line for file in files for line in file.read_bytes().splitlines(True))


def evaluated(store: Store) -> Evaluation:
    """What `raiway evaluate` makes of the store, the result of the quality gate with it."""
    return stamped(store, evaluate(store, load().study("redifferentiation"), Request()))


def digests(url: str, runs: list[list[bytes]], folder: Path) -> dict[str, str]:
    """Form -> SHA-256 of the report, after runs over files of these lines."""
    with open_store(url, create=True) as store:
        for place, run in enumerate(runs):
            file = folder / f"{place}.ndjson"
            file.write_bytes(b"".join(run))
            ingest_run([file], mapper(ZONE), store)
        evaluation = evaluated(store)
    stated = config.Settings()
    report = checked_report(evaluation, measure(WHOLE, stated), stated, MADE)
    forms = {form: render(report, form, RECEIVER) for form in Form}
    texts = {str(form): json.dumps(found) for form, found in forms.items()}
    texts["csv"] = csv_text(forms[Form.SANER])
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def shuffled(seed: int, runs: int) -> list[list[bytes]]:
    """The lines in another order, dealt out over runs, some of them read twice."""
    order = random.Random(seed).sample(lines(), len(lines()))
    return [[*order[place::runs], *order[: place * 20]] for place in range(runs)]


@cache
def as_written() -> dict[str, str]:
    with TemporaryDirectory() as folder:
        return digests(f"sqlite:///{folder}/s.db", [list(lines())], Path(folder))


@settings(max_examples=4)
@given(seed=st.integers(0, 2**32), runs=st.integers(1, 3))
def test_the_order_and_the_runs_leave_no_trace(seed: int, runs: int) -> None:
    with TemporaryDirectory() as folder:
        found = digests(f"sqlite:///{folder}/s.db", shuffled(seed, runs), Path(folder))
    assert found == as_written()


def test_the_engine_leaves_no_trace(store_url: str, tmp_path: Path) -> None:
    assert digests(store_url, shuffled(1, 2), tmp_path) == as_written()


def test_each_form_has_bytes_of_its_own() -> None:
    assert len(set(as_written().values())) == len(Form) + 1


def test_another_date_is_another_report_of_the_same_id(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    digests(url, [list(lines())], tmp_path)
    with open_store(url, create=False) as store:
        evaluation = evaluated(store)
    stated = config.Settings()
    first, later = (
        checked_report(evaluation, measure(WHOLE, stated), stated, date) for date in (MADE, LATER)
    )
    assert first["id"] == later["id"]
    assert {name for name in first if first[name] != later[name]} == {"date"}
