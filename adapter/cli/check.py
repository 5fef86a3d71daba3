"""`raiway check`: the quality gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapter.cli.command import Command
from adapter.cli.options import StudyOptions
from adapter.cli.output import Output
from adapter.cli.tables import Table
from adapter.errors import DefinitionError, GateFailed, UsageError

if TYPE_CHECKING:
    from adapter.quality.gate import Gate, Verdict
    from adapter.quality.rules import QualityRules


@dataclass(frozen=True, kw_only=True)
class CheckOptions(StudyOptions):
    """The options of `raiway check`."""

    sites: Annotated[
        list[str], typer.Option("--site", metavar="ID", help="Only this site; repeatable.")
    ] = field(default_factory=list)
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="Rules of your own (docs/quality.md)."),
    ] = None
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="RULE", help="Name the resources that fail this rule."),
    ] = None


def run(options: CheckOptions, output: Output) -> int:
    """Hold the store's data against the rules of completeness, plausibility and conformance.

    Exit code 3: a rule of severity error fails. evaluate and report stamp the result and go on.

    Example: raiway check --site A · raiway check --explain activity-plausible
    """
    from datetime import UTC, datetime

    from adapter import config
    from adapter.evaluate import Request, evaluate
    from adapter.quality.gate import check
    from adapter.store import open_store

    settings = config.load(options.config)
    study = options.chosen_study(settings)
    rules = _rules(options, study.id)
    with open_store(options.store or settings.store.url, create=False) as store:
        evaluation = evaluate(store, study, Request(sites=tuple(options.sites)))
        figures = evaluation.estimates.overall
        gate = check(store, figures, rules, options.sites, datetime.now(UTC).date())
    shown = _asked(gate, options.explain)
    if options.as_json:
        output.json(_document(gate, shown, named=options.explain is not None))
    else:
        output.tables(list(_tables(gate, shown, named=options.explain is not None)))
    if not gate.passed:
        output.error(f"error: quality gate {gate.words}")
        return GateFailed.exit_code
    output.note(f"quality gate {gate.words}")
    return 0


def _rules(options: CheckOptions, study: str) -> QualityRules:
    from adapter.quality.rules import own, shipped

    found = own(options.rules) if options.rules else shipped(study)
    if found is None:
        raise DefinitionError(
            f"no rules for study {study!r} in mappings/quality/", hint="give a file: --rules FILE"
        )
    return found


def _asked(gate: Gate, rule: str | None) -> tuple[Verdict, ...]:
    if rule is None:
        return gate.verdicts
    found = tuple(each for each in gate.verdicts if each.rule.id == rule)
    if not found:
        known = ", ".join(each.rule.id for each in gate.verdicts)
        raise UsageError(f"no rule {rule!r}", hint=f"there are: {known}")
    return found


def _tables(gate: Gate, shown: tuple[Verdict, ...], *, named: bool) -> list[Table]:
    columns = ("category", "rule", "severity", "looked at", "fail", "may fail", "")
    rows = [_row(each) for each in shown]
    tables = [Table(f"quality gate: {gate.rules.title}", columns, rows)]
    for each in shown if named else ():
        refs = [(ref,) for ref in each.tally.refs]
        more = each.tally.failed - len(refs)
        notes = (f"and {more:,} more",) if more > 0 else ()
        if refs:
            tables.append(Table(f"not so: {each.rule.title}", ("resource",), refs, notes))
    return tables


def _row(verdict: Verdict) -> tuple[str, ...]:
    rule, tally = verdict.rule, verdict.tally
    return (
        rule.category,
        rule.id,
        rule.severity,
        f"{tally.checked:,}",
        f"{tally.failed:,}",
        f"{rule.max_share:.0%}",
        verdict.state,
    )


def _document(gate: Gate, shown: tuple[Verdict, ...], *, named: bool) -> dict[str, Any]:
    return {
        "passed": gate.passed,
        "rules": gate.rules.id,
        "verdicts": [_verdict(each, named=named) for each in shown],
    }


def _verdict(verdict: Verdict, *, named: bool) -> dict[str, Any]:
    rule, tally = verdict.rule, verdict.tally
    return {
        "rule": rule.id,
        "category": rule.category,
        "severity": rule.severity,
        "title": rule.title,
        "about": list(rule.about),
        "checked": tally.checked,
        "failed": tally.failed,
        "max_share": rule.max_share,
        "state": verdict.state,
        **({"resources": list(tally.refs)} if named else {}),
    }


COMMAND = Command("check", CheckOptions, run)
