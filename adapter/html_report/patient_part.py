"""Each patient of a patient-level page: what set each date, by rule, fact and resource."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from adapter.evidence import Evidence, Reference
from adapter.html_report.names import Names
from adapter.html_report.page import Linked, Section, Source, Steps
from analytics.course import FactRef, Finding
from analytics.episode import Course

GONE = (
    "It is not where it was ingested from any more: the file is gone or changed. "
    "raiway report --resources PATH looks elsewhere."
)
LONGEST = 6_000
"""Characters of a resource that are shown; attachments are longer."""

_JSON_PART = re.compile(r'"(?:\\.|[^"\\])*"|[{}\[\],:]|[^\s"{}\[\],:]+')
_DEPTH = 1
"""Members down to this depth stand on lines of their own."""


def patients_section(
    courses: Sequence[Course], names: Names, evidence: Mapping[Reference, Evidence]
) -> Section:
    """The listed patients, each with findings and resources."""
    by_key = {course.patient_key: course for course in courses}
    explain = "`raiway cohort --explain KEY` says the same of any patient of the store."
    return Section(
        "patients",
        "Each patient",
        texts=tuple(
            filter(None, ("What set each date, by rule and resource.", names.cut, explain))
        ),
        parts=tuple(
            _part(names.anchor(key), names[key], by_key[key], evidence) for key in names.listed
        ),
    )


def _part(
    anchor: str, name: str, course: Course, evidence: Mapping[Reference, Evidence]
) -> Section:
    refs = list(dict.fromkeys(ref for found in course.findings for ref in found.refs))
    known = {
        str(ref): evidence[course.site, str(ref)]
        for ref in refs
        if (course.site, str(ref)) in evidence
    }
    anchors = {ref: f"{anchor}-{place}" for place, ref in enumerate(known, start=1)}
    findings = Steps(
        f"{name}: key {course.patient_key}, site {course.site}",
        ("rule", "outcome", "day", "what", "resource"),
        [("", _cells(finding, anchors)) for finding in course.findings],
    )
    sources = tuple(_source(anchors[ref], ref, found) for ref, found in known.items())
    return Section(anchor, name, steps=(findings,), sources=sources)


def _cells(
    finding: Finding, anchors: Mapping[str, str]
) -> tuple[str | Sequence[str | Linked], ...]:
    return (
        finding.rule.replace("_", " "),
        finding.outcome,
        finding.day.isoformat() if finding.day else "",
        finding.text,
        [_link(ref, anchors) for ref in finding.refs],
    )


def _link(ref: FactRef, anchors: Mapping[str, str]) -> str | Linked:
    return Linked(str(ref), anchors[str(ref)]) if str(ref) in anchors else str(ref)


def _source(anchor: str, ref: str, found: Evidence) -> Source:
    text = GONE if found.text is None else in_lines(found.text)
    return Source(anchor, f"{ref}, {found.place}", found.facts, text, found.text is not None)


def in_lines(text: str) -> str:
    """JSON with its outer members on lines of their own; not a character of a value is changed."""
    if len(text) > LONGEST:
        cut = f"… and {len(text) - LONGEST:,} more characters"
        return f"{text[:LONGEST]}\n{cut}"
    lines, depth = [""], 0
    for part in _JSON_PART.findall(text):
        if part in "]}":
            depth -= 1
            if depth < _DEPTH:
                lines.append(" " * depth)
        lines[-1] += part + (" " if part in ",:" and not (part == "," and depth <= _DEPTH) else "")
        if part in "[{":
            depth += 1
        if part in "[{," and depth <= _DEPTH:
            lines.append(" " * depth)
    return "\n".join(lines)
