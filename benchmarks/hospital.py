"""A hospital-wide export in the layout of FHIR Bulk Data, written as fast as a disk takes it.

    python -m benchmarks.hospital --observations 1300000 --relevant 0.01 --seed 1 --out DIR

The same arguments give the same bytes. `manifest.json` holds, beside what a Bulk Data export says,
what the right answer is. All of it is made up.

What matters to the cohort belongs to few people, as in a hospital: who has thyroid cancer has about
PER_PERSON relevant Observations (three in four of thyroglobulin), and others have none.
"""

from __future__ import annotations

import argparse
import json
import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import observations, others
from benchmarks.facts import Tally, Thyroglobulin, Variant
from benchmarks.pools import Pool
from benchmarks.templates import Template

FULL = 1_300_000
"""Observations of the hospital whose other resources `others.SHARES` counts."""
PER_FILE = 250_000
PER_PERSON = 20
"""Relevant Observations of one person of the cohort."""
BATCH = 2_000
DAYS = [(date(2021, 1, 4) + timedelta(days=number)).isoformat().encode() for number in range(1_400)]
CLOCKS = [f"{hour:02d}:{minute:02d}:00".encode() for hour in range(6, 14) for minute in range(60)]
LATER = [f"{hour:02d}:{minute:02d}:30".encode() for hour in range(14, 22) for minute in range(60)]
# Primes, so that neighbouring visits lie on other days and belong to other patients.
DAY_STEP, CLOCK_STEP = 7_919, 104_729


@dataclass(frozen=True, slots=True)
class Size:
    """How much is asked for; `relevant` is the share of what the cohort needs, 0 to 1."""

    observations: int
    relevant: float = 0.01
    seed: int = 1

    def count(self, kind: str) -> int:
        """Resources of a type; at least ten."""
        if kind == "Observation":
            return self.observations
        return max(10, others.SHARES[kind] * self.observations // FULL)

    @property
    def cohort(self) -> int:
        """People to whom all that is relevant belongs; at most all."""
        wanted = int(self.observations * self.relevant) // PER_PERSON
        return min(max(1, wanted), self.count("Patient"))


@dataclass(frozen=True, slots=True)
class Export:
    """What was written: the right answer and the size."""

    size: Size
    truth: dict[str, int | str]
    lines: dict[str, int]
    bytes: int


def write(size: Size, folder: Path) -> Export:
    """Write the export into the folder, which is made; returns what its manifest says.

    Raises OSError, also where the folder has an export already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    tally = Tally()
    written = {"Observation": _write(size, "Observation", folder, tally)}
    for kind in others.SHARES:
        written[kind] = _write(size, kind, folder, tally)
    files = [name for names in written.values() for name in names]
    total = sum((folder / name).stat().st_size for name in files)
    lines = {kind: size.count(kind) for kind in written}
    export = Export(size, tally.result(), lines, total)
    output = [{"type": kind, "url": name} for kind, names in written.items() for name in names]
    manifest: dict[str, Any] = {
        "transactionTime": "2026-01-01T00:00:00Z",
        "request": "https://hospital.example/fhir/$export",
        "requiresAccessToken": True,
        "output": output,
        "error": [],
        "extension": {"benchmark": asdict(export)},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return export


def read(folder: Path) -> Export:
    """What `write` said of the export in a folder. Raises FileNotFoundError, KeyError."""
    manifest = json.loads((folder / "manifest.json").read_text())
    said = manifest["extension"]["benchmark"]
    return Export(Size(**said["size"]), said["truth"], said["lines"], said["bytes"])


def _write(size: Size, kind: str, folder: Path, tally: Tally) -> list[str]:
    names = []
    lines = _resources(size, kind, tally)
    for number, _ in enumerate(range(0, size.count(kind), PER_FILE)):
        names.append(f"{kind}.{number:03d}.ndjson")
        with (folder / names[-1]).open("wb") as file:
            part = islice(lines, PER_FILE)
            while batch := list(islice(part, BATCH)):
                file.write(b"".join(batch))
    return names


def _resources(size: Size, kind: str, tally: Tally) -> Iterator[bytes]:
    # Text seeds are hashed by the random module itself, alike on every machine.
    rng = random.Random(f"{size.seed}/{kind}")
    if kind == "Observation":
        wanted, unwanted = observations.relevant(rng), observations.irrelevant(rng)
    else:
        wanted, unwanted = others.relevant(kind, rng), others.irrelevant(kind, rng)
    encounters, patients = size.count("Encounter"), size.count("Patient")
    specimens, apart = size.count("Specimen"), patients // size.cohort
    whole = encounters - encounters % patients
    draw = rng.random
    for n in range(size.count(kind)):
        matters = draw() < size.relevant
        chosen = _drawn(wanted if matters else unwanted, draw())
        encounter = n if kind == "Encounter" else int(draw() * encounters)
        if matters and kind != "Encounter":
            # A visit of somebody of the cohort: visits of one person lie `patients` apart.
            encounter -= encounter % patients + (patients if encounter >= whole else 0)
            encounter += int(draw() * size.cohort) * apart
        patient = n if kind == "Patient" else encounter % patients
        day = DAYS[encounter * DAY_STEP % len(DAYS)]
        yield chosen.line % {
            b"n": n,
            b"patient": patient,
            b"encounter": encounter,
            b"specimen": int(draw() * specimens),
            b"interface": encounter * DAY_STEP % 10_000,
            b"day": day,
            b"clock": CLOCKS[n * CLOCK_STEP % len(CLOCKS)],
            b"later": LATER[n * CLOCK_STEP % len(LATER)],
        }
        if chosen.result or chosen.findings:
            tally.add(_facts(chosen, f"pat-{patient:06d}", day.decode()))


def _drawn(pool: Pool, share: float) -> Template:
    return pool.templates[bisect_left(pool.shares, share)]


def _facts(chosen: Template, patient: str, day: str) -> Iterator[Thyroglobulin | Variant]:
    if chosen.result:
        yield Thyroglobulin(patient, day, *chosen.result)
    for finding in chosen.findings:
        yield Variant(patient, *finding)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write a synthetic hospital-wide FHIR export.")
    parser.add_argument("--observations", type=int, default=FULL)
    parser.add_argument("--relevant", type=float, default=0.01, help="share, 0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    asked = parser.parse_args()
    export = write(Size(asked.observations, asked.relevant, asked.seed), asked.out)
    print(json.dumps(asdict(export), indent=2))


if __name__ == "__main__":
    main()
