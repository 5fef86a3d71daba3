"""The cohort's flow: who is in, who left and why, in persons."""

from __future__ import annotations

from collections.abc import Sequence

from adapter.cohort import Attrition
from adapter.html_report.names import LISTED
from adapter.html_report.page import Section, Steps
from analytics.episode import Course


def flow_section(found: Attrition, courses: Sequence[Course]) -> Section:
    """A step for each reason for which anybody is out, in the study's order, and who that is."""
    steps = [("persons in the store", f"{found.persons:,}", "")]
    for reason, n, left in found.steps():
        if n:
            steps.append(("stay", f"{left:,}", f"{n:,} out: {reason.replace('_', ' ')}"))
    steps.append(("in the study", f"{found.enrolled:,}", ""))
    out = [course for course in courses if course.attrition]
    return Section(
        "flow",
        "Who is in the study",
        flow=tuple(steps),
        steps=(_out(out, list(found.out)),) if out else (),
    )


def _out(courses: Sequence[Course], reasons: Sequence[str]) -> Steps:
    """Who is out, those first who came nearest to being in."""
    places = {reason: place for place, reason in enumerate(reasons)}
    ordered = sorted(courses, key=lambda one: -places.get(one.attrition or "", 0))
    shown = f"{min(LISTED, len(ordered)):,} of {len(ordered):,}"
    return Steps(
        f"Who is out ({shown}; raiway cohort --explain KEY says more)",
        ("reason", "patient (key)", "site", "what"),
        [
            (
                "",
                (
                    (course.attrition or "").replace("_", " "),
                    course.patient_key,
                    course.site,
                    course.findings[-1].text if course.findings else "",
                ),
            )
            for course in ordered[:LISTED]
        ],
        closed=True,
    )
