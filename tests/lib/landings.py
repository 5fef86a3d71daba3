"""Landing folders without a server: what a mode would write, and the run's end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from adapter.landed import MANIFEST
from adapter.pull.landing import closing, folder, site
from adapter.pull.landing.border import Border, Identified, Withheld
from adapter.pull.landing.run_folder import Landing
from adapter.pull.outcome import Outcome, TypeOutcome
from adapter.pull.plan import Plan

BASE = "http://127.0.0.1:1/fhir"
NOW = datetime(2026, 11, 23, 14, 32, tzinfo=UTC)
SERVER_TIME = "2026-11-23T14:31:58Z"
TYPES = ("Patient", "Observation")


class Pseudonymised(Identified):
    """A border that renames and refuses, as one with a key does."""

    fingerprint = "limited:0123456789abcdef"
    identified = False

    def across(self, resource: dict[str, Any], raw: bytes) -> bytes | Withheld:
        if "modifierExtension" in resource:
            reference = f"Observation/{self.name('Observation', resource['id'])}"
            return Withheld("not understood", "Observation.modifierExtension", reference)
        return raw.replace(resource["id"].encode(), b"x-" + resource["id"].encode())

    def name(self, resource_type: str, resource_id: str) -> str:
        return f"x-{resource_id}"


def plan(name: str = "A", **stated: Any) -> Plan:
    """A plan of a bulk pull of two types."""
    since = dict.fromkeys(stated.get("types", TYPES))
    return Plan(**{"site": name, "base_url": BASE, "mode": "bulk", "types": TYPES, "since": since,
                   **stated})  # fmt: skip


def observation(number: int, **stated: Any) -> dict[str, Any]:
    """An Observation with a lastUpdated, as a server sends it."""
    meta = {"lastUpdated": f"2026-11-01T00:{number // 60 % 60:02d}:{number % 60:02d}Z"}
    return {"resourceType": "Observation", "id": f"o{number}", "meta": meta, **stated}


def put(landing: Landing, key: str, resources: Sequence[dict[str, Any]]) -> None:
    """A committed file of resources."""
    with landing.part(resources[0]["resourceType"], key) as part:
        for each in resources:
            part.put(each, orjson.dumps(each))
        part.commit()


@contextmanager
def opened(root: Path, border: Border | None = None, **stated: Any) -> Iterator[Landing]:
    """The run of a site, as `pull` opens it."""
    with site.opened(root, plan(**stated), border or Identified(), NOW) as landing:
        yield landing


def pulled(root: Path, files: dict[str, Sequence[dict[str, Any]]], **stated: Any) -> Path:
    """A run from its beginning to its end; its folder."""
    with opened(root, **stated) as landing:
        landing.as_of(SERVER_TIME)
        for key, resources in files.items():
            if not landing.committed(resources[0]["resourceType"], key):
                put(landing, key, resources)
        closing.close(landing, good(landing))
        return landing.path


def good(landing: Landing, watermark: str | None = SERVER_TIME) -> Outcome:
    """All types went well."""
    types = landing.state.asked["types"]
    return Outcome({name: TypeOutcome(name, watermark=watermark) for name in types})


def lines(path: Path) -> list[bytes]:
    """All lines of a run that its manifest lists, sorted."""
    found = manifest(path)
    listed = [*found["output"], *found["deleted"]]
    return sorted(line for each in listed for line in (path / each["url"]).read_bytes().split())


def tree(path: Path) -> set[str]:
    return {str(each.relative_to(path)) for each in path.rglob("*") if each.is_file()}


def manifest(path: Path) -> dict[str, Any]:
    return orjson.loads((path / MANIFEST).read_bytes())


def dies(work: Callable[[], object], after: int) -> bool:
    """Do the work in a process that is killed before its n-th step on disk; whether it was.

    Nothing of Python's is cleaned up or written then, as with kill -9.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _count_down(after)
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), f"the process failed by itself: {code}"
    return code == KILLED


KILLED = 137
STEPS = ("create", "settle", "write_json", "sync", "sync_folder")


def _count_down(after: int) -> None:
    left = after

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(KILLED)
            return step(*args)

        return counting

    for name in STEPS:
        setattr(folder, name, counted(getattr(folder, name)))
    for name in ("append", "sync"):
        setattr(folder.Appended, name, counted(getattr(folder.Appended, name)))
