"""Store and figures -> what each rule found: the quality gate's result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from adapter.coverage.stored import evidence_of
from adapter.coverage.watch import load as load_watch
from adapter.quality.rules import QualityRules
from analytics.course import PatientFacts
from analytics.figures import Figures
from analytics.quality import AnyRule, FigureRule, StoreRule, Tally, figure_tally, tally

if TYPE_CHECKING:
    from adapter.store import Store

State = Literal["passed", "failed", "not applicable"]
SHOWN = 20
"""Resources that are named of a rule that fails; the others are counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule found. `tally.refs` are of single resources: they stay in the site."""

    rule: AnyRule
    tally: Tally

    @property
    def share(self) -> float | None:
        """The share that fails; None where nothing was looked at."""
        return self.tally.failed / self.tally.checked if self.tally.checked else None

    @property
    def state(self) -> State:
        """Of a rule for which there was nothing to look at: not applicable."""
        if self.share is None:
            return "not applicable"
        return "passed" if self.share <= self.rule.max_share else "failed"


@dataclass(frozen=True, slots=True)
class Gate:
    """The result: a verdict for each rule, in the order of the file."""

    rules: QualityRules
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The rules that fail, warnings too."""
        return tuple(each for each in self.verdicts if each.state == "failed")

    @property
    def passed(self) -> bool:
        """No rule of severity error fails."""
        return all(each.rule.severity != "error" for each in self.failed)

    @property
    def words(self) -> str:
        """The result in a line, without a patient's data."""
        looked = [each for each in self.verdicts if each.state != "not applicable"]
        held = sum(each.state == "passed" for each in looked)
        named = ", ".join(each.rule.id for each in self.failed)
        said = f"{'passed' if self.passed else 'FAILED'}: {held} of {len(looked)} rules hold"
        return f"{said} (not: {named})" if named else said


def check(
    store: Store, figures: Figures, rules: QualityRules, sites: Sequence[str], today: date
) -> Gate:
    """The gate over the sites (none named: all) and the figures made of them.

    Raises StoreError.
    """
    found = _of_facts(store.patients(sites), rules, today)
    for rule in rules.rules:
        if isinstance(rule, FigureRule):
            found[rule.id] = figure_tally(figures, rule)
        elif isinstance(rule, StoreRule):
            found[rule.id] = _of_store(store, rule, sites)
    return Gate(rules, tuple(Verdict(rule, found[rule.id]) for rule in rules.rules))


def _of_facts(
    patients: Iterable[PatientFacts], rules: QualityRules, today: date
) -> dict[str, Tally]:
    """Tallies of the rules that look at facts; of the failing resources the first are named."""
    asked = [each for each in rules.rules if not isinstance(each, FigureRule | StoreRule)]
    found = {rule.id: Tally() for rule in asked}
    for facts in patients:
        for rule in asked:
            both = found[rule.id] + tally(facts, rule, today)
            found[rule.id] = Tally(both.checked, both.failed, both.refs[:SHOWN])
    return found


def _of_store(store: Store, rule: StoreRule, sites: Sequence[str]) -> Tally:
    match rule.count:
        case "quarantined_lines":
            waiting = sum(not sites or row.site in sites for row in store.quarantined())
            return Tally(store.counts()["resource"] + waiting, waiting)
        case "unfinished_ingests":
            runs = [run for run in store.runs() if not sites or run.site in sites]
            return Tally(len(runs), len(store.unfinished_runs(sites)))
        case "unmapped_results":
            evidence = evidence_of(store, load_watch(), sites)
            lost = {(each.site, each.resource_type, each.resource_id) for each in evidence.findings}
            return Tally(evidence.mapped.get("", 0) + len(lost), len(lost))
