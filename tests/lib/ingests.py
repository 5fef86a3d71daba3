"""Ingests for tests: files made of resources, what is read of them, what a full parse gives."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapter import definitions, sources
from adapter.ingest import How, Summary
from adapter.mapping.mapped import MappedResource, Rejected
from adapter.mapping.resource import Mapper
from adapter.quarantine import map_one
from adapter.runs import ingest_run
from adapter.store import Store, open_store
from analytics.course import PatientFacts
from tests.lib.mapping import concept, observation, quantity

Resource = dict[str, Any]
SITE = "A"
DRUG = {"coding": [{"system": "http://www.whocc.no/atc", "code": "L01EC02"}]}  # dabrafenib
OTHER_DRUG = {"coding": [{"system": "http://www.whocc.no/atc", "code": "N02BE01"}]}

_known = definitions.load()
MAPPER = Mapper(_known, SITE, ZoneInfo("UTC"))


def person(name: str = "p") -> Resource:
    return {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": "1960"}


def tg(name: str = "o1", who: str = "p", day: int = 0, **content: Any) -> Resource:
    """A thyroglobulin; day: of January 2022 on which this version was written, if not 0."""
    made = observation("3013-0", valueQuantity=quantity(12.4, "ng/mL"))
    made |= {"id": name, "subject": {"reference": f"Patient/{who}"}, **content}
    return updated(made, day)


def glucose(name: str = "g1", who: str = "p", day: int = 0) -> Resource:
    made = observation("2345-7", valueQuantity=quantity(5, "mmol/L"))
    return updated({**made, "id": name, "subject": {"reference": f"Patient/{who}"}}, day)


def visit(name: str = "e1", who: str = "p", day: int = 0, **content: Any) -> Resource:
    made = {
        "resourceType": "Encounter",
        "id": name,
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": f"Patient/{who}"},
        "period": {"start": "2021-05-03"},
        **content,
    }
    return updated(made, day)


def specimen(name: str = "s1", who: str = "p") -> Resource:
    return {
        "resourceType": "Specimen",
        "id": name,
        "subject": {"reference": f"Patient/{who}"},
        "collection": {"collectedDateTime": "2021-05-03"},
    }


def procedure(name: str = "c1", who: str = "p") -> Resource:
    return {
        "resourceType": "Procedure",
        "id": name,
        "status": "completed",
        "subject": {"reference": f"Patient/{who}"},
        "code": concept("80146002", "http://snomed.info/sct"),
        "performedPeriod": {"start": "2021-05-01", "end": "2021-05-09"},
    }


def medication(name: str = "m1", code: Resource = DRUG) -> Resource:
    return {"resourceType": "Medication", "id": name, "code": code}


def request(name: str = "r1", who: str = "p", of: str = "m1") -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{who}"},
        "medicationReference": {"reference": f"Medication/{of}"},
        "authoredOn": "2021-05-03",
    }


def updated(resource: Resource, day: int) -> Resource:
    """The version that was written on a day of January 2022; without a date for 0."""
    return (
        {**resource, "meta": {"lastUpdated": f"2022-01-{day:02d}T08:00:00Z"}} if day else resource
    )


def bundle(*resources: Any, kind: str = "transaction") -> Resource:
    entries = [{"resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def line(resource: Any) -> bytes:
    return json.dumps(resource, separators=(",", ":")).encode()


def ndjson(*resources: Any) -> bytes:
    """A line each; bytes are lines as they are."""
    lines = (each if isinstance(each, bytes) else line(each) for each in resources)
    return b"".join(each + b"\n" for each in lines)


def written(folder: Path, files: Iterable[tuple[str, bytes]]) -> list[Path]:
    """The files, compressed where their names say so."""
    paths = []
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        paths.append(path)
    return paths


def ingested(url: str, paths: Sequence[Path], how: How) -> Summary:
    """What an ingest came to, which must be the same on record; a run of its own each time."""
    with open_store(url, create=True) as store:
        summary = ingest_run(paths, MAPPER, store, how)
        run = store.runs()[-1].model_dump()
    counts = summary.counts()
    assert summary.accounted == summary.read == run["read"]
    assert {name: run[name] for name in run if name in counts} == {
        name: counts[name] for name in run if name in counts
    }
    return summary


def counted(name: str, content: bytes) -> int:
    """How many resources a file holds, by the json module: lines of no JSON count as one."""
    text = content.removeprefix(b"\xef\xbb\xbf")
    lines = [each for each in text.split(b"\n") if each.strip()]
    if not name.removesuffix(".gz").endswith(".json"):
        return sum(map(_in_text, lines))
    try:
        return _in_value(json.loads(text))
    except ValueError:
        return sum(map(_in_text, lines))


def _in_text(text: bytes) -> int:
    try:
        return _in_value(json.loads(text))
    except (ValueError, RecursionError):
        return 1


def _in_value(value: Any) -> int:
    entries = value.get("entry", []) if isinstance(value, dict) else []
    if not entries or value.get("resourceType") != "Bundle":
        return int(not isinstance(value, dict) or value.get("resourceType") != "Bundle")
    gone = sum(each.get("request", {}).get("method") == "DELETE" for each in entries)
    return gone + sum(_in_value(each["resource"]) for each in entries if "resource" in each)


def load_in_full(store: Store, paths: Iterable[Path]) -> None:
    """Every resource parsed, mapped and loaded, nothing left aside; in one batch."""
    outcomes = [map_one(item, MAPPER) for path in paths for item in sources.read(path)]
    found = [each for each in outcomes if isinstance(each, MappedResource)]
    store.load(
        [each for each in found if each.says_something],
        "full",
        [each for each in found if not each.says_something],
        [each for each in outcomes if isinstance(each, Rejected)],
    )


def of_interest(store: Store) -> list[PatientFacts]:
    """The patients that have facts beyond what everybody has, each with all that is known."""
    found = [
        each
        for each in store.patients()
        if any(getattr(each, kind) for kind in each.__slots__ if kind not in _ANYBODY)
    ]
    return [_sorted(each) for each in found]


def _sorted(facts: PatientFacts) -> PatientFacts:
    made: dict[str, Any] = {kind: getattr(facts, kind) for kind in facts.__slots__}
    return PatientFacts(
        **{k: tuple(sorted(v, key=repr)) if isinstance(v, tuple) else v for k, v in made.items()}
    )


_ANYBODY = ("patient_key", "site", "persons", "visits", "deaths")
