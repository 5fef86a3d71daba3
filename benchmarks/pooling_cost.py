"""What a disclosure policy costs a registry: `python -m benchmarks.pooling_cost`.

Networks of hospitals are drawn many times from known hazards. Each hospital's exact day table goes
out as a policy lets it out; what the registry can then say is held against the estimate from all
rows by the day. Same arguments, same numbers. `--write FILE` writes docs/pooling-cost.md.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import fmean

from adapter.definitions import Definitions, load
from adapter.pooling.bounded import RangedTable
from adapter.report.disclosed_cells import added
from analytics.aggregate import TIME_TO_PROGRESSION, Aggregate, CountKey, ExitKey, header
from analytics.disclosure.bounds import Bound, Ranged, curve_bounds, restricted_mean_bounds
from analytics.disclosure.cells import EVERYBODY, UNBOUNDED, Range
from analytics.disclosure.gate import Disclosed, disclose
from analytics.disclosure.grid import coarsen
from analytics.errors import NotEstimable
from analytics.estimate import estimate
from analytics.study import Study

BRAF, NRAS, NONE = "BRAF_V600E", "NRAS_Q61R", "none_detected"
SHARES = ((BRAF, 0.60), (NRAS, 0.90), (NONE, 1.0))
HAZARD = {BRAF: 1.0, NRAS: 2.0, NONE: 1.5}
MEAN_DAYS = 330.0
"""Until progression with BRAF V600E; about 40 % of all progress by day 192."""
LEFT_EARLY = 0.25
NETWORKS: dict[str, tuple[int, ...]] = {
    "two hospitals, 16 patients": (9, 7),
    "5 hospitals of 20": (20,) * 5,
    "5 hospitals of 60": (60,) * 5,
    "10 hospitals of 12 to 120": (12, 15, 18, 25, 30, 40, 55, 70, 95, 120),
    "20 hospitals of 150": (150,) * 20,
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a registry can say of one figure: an interval, a point where both ends are equal."""

    low: float
    high: float


Answer = dict[str, Said]
Way = Callable[[Sequence[Aggregate], Study, Definitions], Answer | None]
"""Site tables -> figures; None where nothing may be said."""


def hospital(n: int, random: Random, study: Study) -> Aggregate:
    """The exact day table of n patients."""
    counts: Counter[CountKey] = Counter()
    exits: Counter[ExitKey] = Counter()
    for _ in range(n):
        drawn = random.random()
        driver = next(name for name, up_to in SHARES if drawn <= up_to)
        day = math.ceil(random.expovariate(HAZARD[driver] / MEAN_DAYS))
        seen = study.horizon_days
        if random.random() < LEFT_EARLY:
            seen = random.randint(30, study.horizon_days)
        event = day <= seen
        pattern = (driver,)
        counts[CountKey("patients", pattern, "all")] += 1
        exits[ExitKey(TIME_TO_PROGRESSION, pattern, 0, "entered")] += 1
        kind = "event" if event else "censored"
        exits[ExitKey(TIME_TO_PROGRESSION, pattern, min(day, seen), kind)] += 1
    return Aggregate(header(study), dict(sorted(counts.items())), dict(sorted(exits.items())))


def summed(tables: Iterable[Aggregate]) -> Aggregate:
    """All sites' cells."""
    first, *others = tables
    return sum(others, first)


def exact(tables: Sequence[Aggregate], study: Study, grid: int) -> Answer:
    """The figures of the exact sum on a grid of so many days."""
    return _points(coarsen(summed(tables), grid), study)


def _points(cells: Aggregate, study: Study) -> Answer:
    found = estimate(cells, study).overall.values
    horizon = study.horizon_days
    named = {
        "S": found.get(f"km_{horizon}"),
        "RMST": found.get(f"rmst_{horizon}_days"),
        "log HR": found.get(f"cox_driver_loghr:{study.driver(NRAS).label}"),
    }
    return {
        name: Said(float(value), float(value)) for name, value in named.items() if value is not None
    }


def by_day(tables: Sequence[Aggregate], study: Study, _: Definitions) -> Answer:
    """Exact site tables by the day: all rows, in effect."""
    return exact(tables, study, 1)


def secure_sum(tables: Sequence[Aggregate], study: Study, known: Definitions) -> Answer:
    """The sum over all sites on the grid of the policy `secure-sum`, nothing hidden."""
    return exact(tables, study, known.policy("secure-sum").grid_days)


def in_plain(threshold: int) -> Way:
    """Each site's masked table, added as ranges; a site that withholds counts as its range."""

    def way(tables: Sequence[Aggregate], study: Study, known: Definitions) -> Answer | None:
        policy = replace(known.policy("registry"), threshold=threshold)
        found = [disclose(table, policy) for table in tables]
        shown = [each for each in found if isinstance(each, Disclosed)]
        if not shown:
            return None
        unknown = [_size(table, policy.min_patients) for table in tables]
        cells = {
            cell: added(
                each.cells.get(cell, Range(0, 0)) if isinstance(each, Disclosed) else whole
                for each, whole in zip(found, unknown, strict=True)
            )
            for cell in dict.fromkeys(cell for each in shown for cell in each.cells)
        }
        return _bounds(RangedTable(shown[0].header, cells), study)

    return way


def _size(table: Aggregate, least: int) -> Range:
    """What a report that withholds everything says of its size."""
    n = table.count("patients", "all")
    return Range(0, least - 1 if n < least else UNBOUNDED)


def only_who_may(tables: Sequence[Aggregate], study: Study, known: Definitions) -> Answer | None:
    """Sites under the policy's size left out, the others exact on its grid: what a registry would
    do that has no ranges."""
    policy = known.policy("registry")
    large = [table for table in tables if table.count("patients", "all") >= policy.min_patients]
    return exact(large, study, policy.grid_days) if large else None


def public(at_risk_every_days: int) -> Way:
    """The sum of a secure sum as it may be published: rounded, the curve ending early."""

    def way(tables: Sequence[Aggregate], study: Study, known: Definitions) -> Answer | None:
        policy = replace(known.policy("public"), at_risk_every_days=at_risk_every_days)
        sizes = {f"{place}": table.count("patients", "all") for place, table in enumerate(tables)}
        found = disclose(summed(tables), policy, sites=sizes)
        return _bounds(found, study) if isinstance(found, Disclosed) else None

    return way


def _bounds(table: Ranged, study: Study) -> Answer:
    found: dict[str, Bound] = {}
    try:
        found["S"] = curve_bounds(table, EVERYBODY).at(study.horizon_days)
        found["RMST"] = restricted_mean_bounds(table, EVERYBODY)
    except NotEstimable:
        pass
    return {name: Said(bound.low, bound.high) for name, bound in found.items()}


WAYS: dict[str, Way] = {
    "exact tables by the day": by_day,
    "secure sum (24-day grid)": secure_sum,
    "sites under 20 left out, else exact (96 days)": only_who_may,
    "masked in plain (`registry`), threshold 5": in_plain(5),
    "masked in plain (`registry`), threshold 10": in_plain(10),
    "masked in plain (`registry`), threshold 16": in_plain(16),
    "published (`public`), at risk every 192 days": public(192),
    "published (`public`), at risk every 96 days": public(96),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way cost on one network. answered: share of the draws in which anything was said.

    error: mean absolute error of the figure (of the interval's middle); width: mean width; held:
    share of the intervals that hold the exact value on the way's own grid. None: never said.
    """

    answered: float
    error: dict[str, float | None]
    width: dict[str, float | None]


def cost(way: Way, draws: Sequence[Sequence[Aggregate]], study: Study) -> Cost:
    """One way over all draws of a network."""
    known = load()
    truths = [exact(tables, study, 1) for tables in draws]
    answers = [way(tables, study, known) for tables in draws]
    error: dict[str, float | None] = {}
    width: dict[str, float | None] = {}
    for name in ("S", "RMST", "log HR"):
        pairs = list(_pairs(name, answers, truths))
        error[name] = fmean(abs((s.low + s.high) / 2 - t.low) for s, t in pairs) if pairs else None
        width[name] = fmean(s.high - s.low for s, _ in pairs) if pairs else None
    return Cost(fmean(bool(answer) for answer in answers), error, width)


def _pairs(
    name: str, answers: Sequence[Answer | None], truths: Sequence[Answer]
) -> Iterator[tuple[Said, Said]]:
    for answer, truth in zip(answers, truths, strict=True):
        if answer and name in answer and name in truth:
            yield answer[name], truth[name]


def drawn(sizes: Sequence[int], times: int, seed: int, study: Study) -> list[list[Aggregate]]:
    """So many networks of hospitals of these sizes."""
    random = Random(seed)
    return [[hospital(n, random, study) for n in sizes] for _ in range(times)]


def page(costs: dict[str, dict[str, Cost]], arguments: str) -> str:
    """The tables."""
    parts = [HEAD.format(arguments=arguments)]
    for network, ways in costs.items():
        parts.append(f"\n## {network[0].upper()}{network[1:]}\n\n{COLUMNS}")
        parts += [_row(name, found) for name, found in ways.items()]
    return "\n".join((*parts, ""))


HEAD = """# What a disclosure policy costs a registry

Networks drawn at random: time to progression exponential, hazard ratio 2 of NRAS Q61R (30 % of
patients) to BRAF V600E (60 %), 1.5 without a driver; a quarter leave before day 192. Each way of
sending is held against the estimate from all rows by the day. Written by
`python -m benchmarks.pooling_cost {arguments}`; do not edit.

- answered: the share of draws in which the registry can say anything at all.
- error: the mean distance from the estimate of all rows by the day; of an interval, that of its
  middle, which no rule says to take. S: survival at day 192; RMST: restricted mean to day 192, in
  days; log HR: NRAS to BRAF, Cox with Efron's ties. `-`: never told under this policy.
- width: of the interval in which the figure is known to lie; 0 for a point.
- Sampling error, for comparison: the standard error of S(192) of 100 patients is about 0.05.
"""
COLUMNS = """| way | answered | S error | S width | RMST error | RMST width | log HR error |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |"""


def _row(name: str, found: Cost) -> str:
    cells = (
        name,
        f"{100 * found.answered:.0f} %",
        _number(found.error["S"], 3),
        _number(found.width["S"], 3),
        _number(found.error["RMST"], 1),
        _number(found.width["RMST"], 1),
        _number(found.error["log HR"], 3),
    )
    return f"| {' | '.join(cells)} |"


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, measure, print or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pooling_cost", description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, metavar="FILE")
    asked = parser.parse_args(argv)
    study = load().study("redifferentiation")
    costs: dict[str, dict[str, Cost]] = {}
    for network, sizes in NETWORKS.items():
        draws = drawn(sizes, asked.draws, asked.seed, study)
        costs[network] = {name: cost(way, draws, study) for name, way in WAYS.items()}
        print(f"{network}: done", file=sys.stderr)
    text = page(costs, f"--draws {asked.draws} --seed {asked.seed}")
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
