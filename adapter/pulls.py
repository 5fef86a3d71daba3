"""What pulls are on record in a landing folder, from their manifests alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from adapter.landed import MANIFEST, RUN, run_folders


@dataclass(frozen=True, slots=True)
class Pull:
    """A run of `raiway pull`. server: the base without its query. resources: how many by type.

    failed: types that could not be had. ended: False for one that was interrupted or still runs.
    """

    site: str
    started: str
    server: str
    mode: str
    resources: dict[str, int]
    failed: tuple[str, ...]
    ended: bool


def pulls(folder: Path) -> list[Pull]:
    """The pulls, the last first; none where the folder does not exist. What is no manifest of a
    run is shown as a pull that did not end."""
    found = map(_pull, run_folders(folder))
    return sorted(found, key=lambda pull: pull.started, reverse=True)


def _pull(path: Path) -> Pull:
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        run = manifest[RUN]
        resources: dict[str, int] = {}
        for each in manifest["output"]:
            resources[each["type"]] = resources.get(each["type"], 0) + each["count"]
        return Pull(
            run["site"],
            str(run["started"]),
            manifest["request"],
            run["asked"]["mode"],
            dict(sorted(resources.items())),
            tuple(run["failed"]),
            ended=True,
        )
    except (OSError, ValueError, LookupError, TypeError):
        return Pull(path.parent.name, path.name, "", "", {}, (), ended=False)
