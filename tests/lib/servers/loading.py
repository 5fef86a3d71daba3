"""Putting the synthetic hospital into a server by transactions, each resource under its own id.

As a program it deals the patients out to the servers whose bases it is given (docker-compose.yml).
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import httpx2
import orjson

from adapter.synthetic.hospital import write_ndjson

GROUP = "cohort"
"""The id of the Group of all patients, which `load` adds."""

_SECONDS = 300
_PATIENT = re.compile(rb'"Patient/([^"/]+)"')


def load(base: str, export: Path, token: str = "", share: slice = slice(None)) -> int:
    """Put every resource of the NDJSON folder into the server; how many there are with the Group.

    One transaction for each patient, after one for what belongs to none: a server that checks
    references finds each target at hand. share: of the patients, all by default.
    """
    by_patient = _by_patient(export)
    common = by_patient.pop("")
    patients = list(by_patient)[share]
    groups = [common, *(by_patient[patient] for patient in patients), [_group(patients)]]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx2.Client(base_url=base, headers=headers, timeout=120) as client:
        for entries in groups:
            transact(client, entries)
    return sum(len(entries) for entries in groups)


def transact(client: httpx2.Client, entries: Iterable[bytes]) -> None:
    """Post a transaction of these entries. Raises RuntimeError with what the server says."""
    body = b'{"resourceType":"Bundle","type":"transaction","entry":[%s]}' % b",".join(entries)
    answer = client.post("", content=body, headers={"Content-Type": "application/fhir+json"})
    if answer.status_code != 200:
        raise RuntimeError(f"the transaction answered {answer.status_code}: {answer.text[:2000]}")


def put(kind: str, resource_id: str, line: bytes) -> bytes:
    """The entry that puts a resource, given as JSON, whose digits stay as they are."""
    request = b'{"method":"PUT","url":"%s/%s"}' % (kind.encode(), resource_id.encode())
    return b'{"resource":%s,"request":%s}' % (line, request)


def _by_patient(export: Path) -> dict[str, list[bytes]]:
    """Patient's id, or "" for what belongs to none → entries."""
    entries: defaultdict[str, list[bytes]] = defaultdict(list)
    for kind, resource_id, line in _lines(export):
        named = _PATIENT.search(line)
        belongs_to = resource_id if kind == "Patient" else named[1].decode() if named else ""
        entries[belongs_to].append(put(kind, resource_id, line))
    return entries


def _lines(export: Path) -> Iterator[tuple[str, str, bytes]]:
    for path in sorted(export.glob("*.ndjson")):
        for line in path.read_bytes().splitlines():
            yield path.stem, orjson.loads(line)["id"], line


def _group(patients: Iterable[str]) -> bytes:
    group = {
        "resourceType": "Group",
        "id": GROUP,
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": f"Patient/{patient}"}} for patient in patients],
    }
    return put("Group", GROUP, orjson.dumps(group))


def main(bases: Sequence[str]) -> None:
    """Fill each server with its share, once it answers. Raises RuntimeError where one does not."""
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder)
        write_ndjson(export)
        for at, base in enumerate(bases):
            _await(base)
            count = load(base, export, share=slice(at, None, len(bases)))
            sys.stderr.write(f"{count} resources are in {base}\n")


def _await(base: str) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            if httpx2.get(f"{base}/metadata", timeout=30).status_code == httpx2.codes.OK:
                return
        except httpx2.TransportError:
            pass
        time.sleep(1)
    raise RuntimeError(f"{base} does not answer")


if __name__ == "__main__":
    main(sys.argv[1:])
