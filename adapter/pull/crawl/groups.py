"""The patients of a crawl in groups, as they were first found in a run; and from run to run."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from adapter.pull.landing import folder
from adapter.pull.landing.run_folder import Landing

MOST = 25
"""Patients of one file: what is asked for again after an interruption."""
PEOPLE = "people.json"
"""In the site's private folder: whose data is held up to the watermarks."""
EVERYBODY = ("",)


@dataclass(frozen=True, slots=True)
class Group:
    """Some patients.

    key: names their files, and tells no ids. patients: ids; EVERYBODY where nobody can be named.
    known: windows apply, as their data is held up to the watermarks.
    """

    key: str
    patients: Sequence[str]
    known: bool


def kept(landing: Landing) -> list[Group] | None:
    """The groups of the run that is gone on with; None where it had none yet."""
    held = landing.state.search
    return list(_cut(held)) if "new" in held else None


def cut(
    landing: Landing, ids: Set[str], known: Set[str], concurrency: int, *, final: bool
) -> list[Group]:
    """The patients in groups, at least one for each of so many that work at once.

    ids: all of them; known: of whom windows apply. final: whether a rerun shall go on with the
    same. Raises LandingError.
    """
    found = {
        "known": sorted(ids & known),
        "new": sorted(ids - known),
        "size": max(1, min(MOST, -(-len(ids) // concurrency))),
        "salt": secrets.token_hex(16),
    }
    held = landing.state.search
    held.setdefault("done", [])
    if final:
        held.update(found)
        landing.state.save()
    return list(_cut(found))


def done(landing: Landing, group: Group) -> None:
    """Put on record that nothing is left to be fetched for the group. Raises LandingError."""
    landing.state.search["done"].append(group.key)
    landing.state.save()


def is_done(landing: Landing, group: Group) -> bool:
    """Whether an earlier process of this run fetched all for the group."""
    return group.key in landing.state.search["done"]


def _cut(found: dict[str, Any]) -> Iterator[Group]:
    for name in ("known", "new"):
        patients, size = found[name], found["size"]
        for at in range(0, len(patients), size):
            part = tuple(patients[at : at + size])
            digest = hashlib.sha256(",".join((found["salt"], *part)).encode()).hexdigest()[:16]
            yield Group(f"patients {digest}", part, known=name == "known")


def remembered(landing: Landing) -> set[str]:
    """The patients whose data is held up to the watermarks. Raises UsageError."""
    found = folder.read_json(landing.site.path / PEOPLE)
    return set(found["people"]) if found else set()


def remember(landing: Landing, groups: Sequence[Group]) -> None:
    """These patients' data is held up to the watermarks. Raises LandingError."""
    ids = sorted({each for group in groups for each in group.patients if each})
    folder.write_json(landing.site.path / PEOPLE, {"people": ids})
