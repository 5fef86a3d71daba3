"""The synthetic hospital's records: as a stream, as a Bulk Data export, as Bundles.

Nothing here is random and nothing reads the clock: two runs write the same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import orjson

from adapter.errors import UsageError
from adapter.synthetic import (
    encode_genomics,
    encode_imaging,
    encode_iodine,
    encode_labs,
    encode_patient,
    encode_treatment,
    noise,
    others,
    premises,
    traps,
)
from adapter.synthetic.elements import SYNTHETIC_TAG, Element, Resource
from adapter.synthetic.tables import Truth, cohort

BASE_URL = "https://synthetic.raiway.example/fhir"

_ENCODERS = (
    encode_patient.encode,
    encode_genomics.encode,
    encode_labs.encode,
    encode_treatment.encode,
    encode_iodine.encode,
    encode_imaging.encode,
    noise.encode,
    traps.encode,
)


def resources() -> Iterator[Resource]:
    """Every resource: first what belongs to no patient, then patient by patient.

    The order is stable. Decimals are `Decimal` with the digits of the truth tables.
    """
    yield from premises.encode()
    for _, belonging in _patients():
        yield from belonging


def write_ndjson(folder: Path) -> list[Path]:
    """Write `<Type>.ndjson` per resource type and `manifest.json`; the NDJSON files, by name.

    Shape: FHIR Bulk Data Access 2.0, section "Response - Complete Status". The manifest's `url`
    is the file's name, relative to the manifest, since the folder has no address of its own.
    Raises UsageError where the folder cannot be made.
    """
    _make(folder)
    by_type: defaultdict[str, list[Resource]] = defaultdict(list)
    for made in resources():
        by_type[made["resourceType"]].append(made)
    written = []
    for kind in sorted(by_type):
        path = folder / f"{kind}.ndjson"
        _write(path, b"".join(_json(made) + b"\n" for made in by_type[kind]))
        written.append(path)
    _write(folder / "manifest.json", _json(_manifest(by_type)))
    return written


def write_bundles(folder: Path) -> list[Path]:
    """Write one collection Bundle per patient, `bundle-01.json` and so on; the files, by name.

    Each holds also what belongs to no patient, so that every reference resolves inside it.
    Raises UsageError where the folder cannot be made.
    """
    _make(folder)
    shared = list(premises.encode())
    written = []
    for number, (patient_id, belonging) in enumerate(_patients(), start=1):
        path = folder / f"bundle-{number:02d}.json"
        _write(path, _json(_bundle(patient_id, [*shared, *belonging])))
        written.append(path)
    return sorted(written)


def _patients() -> Iterator[tuple[str, list[Resource]]]:
    """Patient's id and all resources of that patient."""
    for truth in cohort():
        yield truth.patient_id, list(_encoded(truth))
    for other in others.bystanders():
        yield other.patient_id, list(others.encode(other))


def _encoded(truth: Truth) -> Iterator[Resource]:
    for encode in _ENCODERS:
        yield from encode(truth)


def _manifest(by_type: dict[str, list[Resource]]) -> Element:
    return {
        "transactionTime": _last_updated(made for group in by_type.values() for made in group),
        "request": f"{BASE_URL}/$export",
        "requiresAccessToken": False,
        "output": [
            {"type": kind, "url": f"{kind}.ndjson", "count": len(by_type[kind])}
            for kind in sorted(by_type)
        ],
        "error": [],
    }


def _bundle(patient_id: str, entries: list[Resource]) -> Resource:
    last_updated = _last_updated(entries)
    return {
        "resourceType": "Bundle",
        "id": patient_id,
        "meta": {"versionId": "1", "lastUpdated": last_updated, "tag": [dict(SYNTHETIC_TAG)]},
        "type": "collection",
        "timestamp": last_updated,
        "entry": [
            {"fullUrl": f"{BASE_URL}/{_address(made)}", "resource": made} for made in entries
        ],
    }


def _address(made: Resource) -> str:
    return f"{made['resourceType']}/{made['id']}"


def _last_updated(made: Iterable[Resource]) -> str:
    # All carry the same clock time and offset, so that text order is time order.
    return max(str(one["meta"]["lastUpdated"]) for one in made)


def _json(value: Element) -> bytes:
    return orjson.dumps(value, default=_digits)


def _digits(value: object) -> orjson.Fragment:
    """A Decimal with its own digits: FHIR keeps the difference between 0.1 and 0.10."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"no JSON for {type(value).__name__}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise UsageError("cannot make the folder", where=str(folder), hint=str(reason)) from reason


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
