"""Aggregates for tests of disclosure control, and the shipped policies without least sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from hypothesis import strategies as st

from adapter.definitions import load
from analytics.aggregate import (
    TIME_TO_PROGRESSION,
    Aggregate,
    CountKey,
    ExitKey,
    Header,
    ValueKey,
)
from analytics.disclosure.cells import Cell
from analytics.disclosure.gate import Disclosed, disclose
from analytics.disclosure.grid import coarsen
from analytics.disclosure.policy import Policy
from analytics.disclosure.tables import split, system

HORIZON = 192


class Alike(NamedTuple):
    """Some patients who agree in everything that is counted; `day` is that of their exit.

    prior_mci: their activity before, 0 for none on record. died: the event was a death.
    """

    driver: str
    sex: str
    uptake: str
    braf: str
    day: int
    event: bool
    n: int
    prior_mci: int = 0
    died: bool = False


def cohort(patients: Iterable[Alike], grid_days: int = 1) -> Aggregate:
    """Their aggregate, with the sums between cells that real ones obey."""
    counts: Counter[CountKey] = Counter()
    exits: Counter[ExitKey] = Counter()
    values: Counter[ValueKey] = Counter()
    for one in patients:
        pattern = (one.driver,)
        found = [
            ("patients", "all"), ("driver", one.driver), ("sex", one.sex), ("uptake", one.uptake),
            ("observation_ended", _ended(one)),
        ]  # fmt: skip
        if one.braf != "untested":
            found.append(("gene_tested", "BRAF"))
        if one.braf == "altered":
            found.append(("mutation", "BRAF"))
        for variable, category in found:
            counts[CountKey(variable, pattern, category)] += one.n
        if one.prior_mci:
            values[ValueKey("prior_rai_mci", pattern, Decimal(one.prior_mci))] += one.n
        if one.day:
            kind = "event" if one.event else "censored"
            exits[ExitKey(TIME_TO_PROGRESSION, pattern, 0, "entered")] += one.n
            exits[ExitKey(TIME_TO_PROGRESSION, pattern, -(-one.day // grid_days), kind)] += one.n
    head = Header("study", HORIZON, grid_days, ("driver",))
    return Aggregate(head, dict(counts), dict(exits), dict(values))


def _ended(one: Alike) -> str:
    if one.event:
        return "death" if one.died else "progression"
    return {0: "no_follow_up", HORIZON: "horizon"}.get(one.day, "last_contact")


_alike = st.builds(
    Alike,
    driver=st.sampled_from(["BRAF_V600E", "NRAS_Q61R", "fusion"]),
    sex=st.sampled_from(["female", "male"]),
    uptake=st.sampled_from(["none", "faint", "increased"]),
    braf=st.sampled_from(["altered", "not altered", "untested"]),
    day=st.sampled_from([0, 40, 96, 97, 150, HORIZON]),
    event=st.booleans(),
    n=st.integers(1, 12),
    prior_mci=st.sampled_from([0, 90, 150, 700]),
    died=st.booleans(),
).map(lambda one: one._replace(event=one.event and one.day > 0))

cohorts = st.lists(_alike, min_size=3, max_size=10)


def any_size(name: str, threshold: int = 0, lowest: int = 0) -> Policy:
    """A shipped policy that takes any number of patients, events and sites."""
    policy = load().policy(name)
    return replace(
        policy,
        min_sites=1,
        min_patients=1,
        min_events=0,
        max_site_share=1.0,
        threshold=threshold or policy.threshold,
        threshold_range=(lowest or policy.threshold_range[0], policy.threshold_range[1]),
    )


THRESHOLD, LOWEST = 6, 5


def strict(name: str) -> Policy:
    """The policy of this name for the laws: two thresholds only, to be quick."""
    return any_size(name, THRESHOLD, LOWEST)


def disclosed(cells: Aggregate, policy: Policy, by: tuple[str, ...] | None = None) -> Disclosed:
    """What leaves of cells that a policy does not withhold."""
    outcome = disclose(cells, policy, by)
    assert isinstance(outcome, Disclosed), outcome.reasons
    return outcome


def truth(cells: Aggregate, policy: Policy) -> dict[Cell, int]:
    """Every cell's count, from the whole system without any mask."""
    coarse = coarsen(cells, policy.grid_days)
    return dict(system(coarse, split(coarse, ("driver",), policy), policy).counts)
