"""The files that a benchmark reads: made where they are missing, and read once before."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from benchmarks import hospital
from benchmarks.contestants import Contestant
from benchmarks.contestants.lines import lines, observation_files
from benchmarks.contestants.orjson_extract import prepare
from benchmarks.facts import Tally
from benchmarks.hospital import Export, Size

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
TRIAL = 2_000
"""Observations from which the size of more is reckoned."""

Truth = dict[str, int | str]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files, how many of their lines are Observations, all lines, bytes, and the right answer."""

    paths: list[Path]
    observations: int
    lines: int
    bytes: int
    truth: Truth


def in_bytes(text: str) -> int:
    """`2GB`, `500 MB` in bytes (decimal units). Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]B)", text.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(f"{text!r} is no size such as 500MB or 2GB")
    return int(float(found[1]) * UNITS[found[2].upper()])


def size_of(total: int, relevant: float, seed: int) -> Size:
    """How large the hospital must be for an export of about that many bytes."""
    trial = Size(TRIAL, relevant, seed)
    with tempfile.TemporaryDirectory() as folder:
        written = hospital.write(trial, Path(folder)).bytes
    return replace(trial, observations=max(1, total * TRIAL // written))


def export(size: Size, work: Path) -> tuple[Path, Export]:
    """The export of that size in the working folder, written unless it is there."""
    folder = work / f"{size.observations}-{size.relevant:g}-{size.seed}.export"
    if not folder.exists():
        # Under another name first, so that one that was interrupted is not taken for whole.
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        hospital.write(size, unfinished)
        unfinished.rename(folder)
    return folder, hospital.read(folder)


def whole(folder: Path, written: Export, kinds: set[str]) -> Inputs:
    """The files of an export; of some types only where `kinds` is not empty."""
    paths = [
        path
        for path in sorted(folder.glob("*.ndjson"))
        if not kinds or path.name.partition(".")[0] in kinds
    ]
    total = sum(count for kind, count in written.lines.items() if not kinds or kind in kinds)
    size = sum(path.stat().st_size for path in paths)
    return Inputs(paths, written.lines["Observation"], total, size, written.truth)


def sample(contestant: Contestant, all_of_it: Inputs, work: Path) -> Inputs:
    """The first Observations, as many as the contestant is given."""
    asked = min(contestant.sample or 0, all_of_it.observations)
    folder = work / f"sample-{asked}"
    folder.mkdir(exist_ok=True)
    path = folder / "Observation.000.ndjson"
    with path.open("wb") as file:
        file.writelines(islice(lines(observation_files(all_of_it.paths)), asked))
    truth = Tally().add(prepare()([path]).rows or ()).result()
    return Inputs([path], asked, asked, path.stat().st_size, truth)


def warm(inputs: Inputs) -> None:
    """Read all of it once, so that every contestant finds it in the system's cache."""
    for path in inputs.paths:
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass
