"""The gate's result as issues of an OperationOutcome, which MeasureReports carry (cqf-messages)."""

from __future__ import annotations

from adapter.elements import Json
from adapter.quality.gate import Gate, Verdict

CODES = {"conformance": "structure", "completeness": "incomplete", "plausibility": "value"}
"""Category -> http://hl7.org/fhir/R4/valueset-issue-type.html"""


def issues(gate: Gate) -> tuple[Json, ...]:
    """One issue for the whole, then one for each rule that fails; shares, never a resource."""
    whole = {
        "severity": "information" if gate.passed else "error",
        "code": "informational" if gate.passed else "business-rule",
        "diagnostics": f"quality gate {gate.rules.id} {gate.words}",
    }
    return (whole, *map(_issue, gate.failed))


def _issue(verdict: Verdict) -> Json:
    rule = verdict.rule
    return {
        "severity": rule.severity,
        "code": CODES[rule.category],
        "details": {"text": f"{rule.id}: not so: {rule.title}"},
        "diagnostics": f"{_percent(verdict)} fail, {rule.max_share:.0%} may",
    }


def _percent(verdict: Verdict) -> str:
    share = verdict.share or 0.0
    # A rounded share of few tells their number.
    return "up to 10 %" if share <= 0.1 else f"about {round(share, 1):.0%}"
