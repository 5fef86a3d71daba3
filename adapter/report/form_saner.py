"""SANER's PublicHealthMeasureReport: about a place, to the second, every column with its code.

Source: HL7/fhir-saner, input/fsh/ProfileMeasureReport.fsh and input/pagecontent/CSV_Conversion.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, time, tzinfo
from typing import Any

from adapter.elements import Json
from adapter.report.form_parts import (
    Receiver,
    groups,
    link_id,
    root_improvement,
    strata,
    stratifier_code,
    stratifiers,
    uncounted,
)

COLUMN = "urn:raiway:column"
"""The system of codes that are unique over groups and populations: the linkIds of the Measure."""
RESERVED = frozenset(
    {
        *("subject", "reporter", "period", "period-start", "period-end"),
        *("period.start", "period.end", "stratifier", "stratum"),
    }
)
TO_THE_SECOND = len("2026-11-23T12:00:00+00:00")


def saner(report: Json, receiver: Receiver) -> Json:
    """The DEQM summary in SANER's shape; the receiver knows the location."""
    if receiver.location is None:
        raise ValueError("a SANER report is about a location")
    period = report["period"]
    return {
        **report,
        "subject": receiver.location.element(),
        "date": datetime.fromisoformat(report["date"]).isoformat(timespec="seconds"),
        "period": {
            "start": _instant(period["start"], time.min, receiver.zone),
            "end": _instant(period["end"], time(23, 59, 59), receiver.zone),
        },
        **root_improvement(report),
        "group": [_group(group) for group in groups(report)],
    }


def _instant(day: str, clock: time, zone: tzinfo) -> str:
    return datetime.combine(datetime.fromisoformat(day).date(), clock, zone).isoformat()


def _group(group: Json) -> Json:
    found = {
        **group,
        "code": _with_column(group.get("code", {}), link_id(group, "group")),
        "population": [
            _population(population, "group.population") for population in group["population"]
        ],
    }
    if "stratifier" in group:
        found["stratifier"] = [
            {
                **stratifier,
                "code": [stratifier_code(stratifier)],
                "stratum": [
                    {
                        **stratum,
                        "population": [
                            _population(population, "group.stratifier.stratum.population")
                            for population in stratum["population"]
                        ],
                    }
                    for stratum in stratifier["stratum"]
                ],
            }
            for stratifier in group["stratifier"]
        ]
    return found


def _population(population: Json, path: str) -> Json:
    return {**population, "code": _with_column(population["code"], link_id(population, path))}


def _with_column(code: Mapping[str, Any], column: str) -> Json:
    """The code with the column's first: SANER names a column by the first code."""
    return {**code, "coding": [{"system": COLUMN, "code": column}, *code.get("coding", ())]}


def saner_problems(report: Mapping[str, Any]) -> Iterator[str]:
    """What PublicHealthMeasureReport and its CSV ask for and the report lacks."""
    if not report.get("subject", {}).get("identifier", {}).get("value"):
        yield "the subject has no identifier"
    if report.get("subject", {}).get("type") != "Location":
        yield "the subject is no Location"
    period = report.get("period", {})
    for name, moment in (("date", report.get("date", "")), *period.items()):
        if len(moment) != TO_THE_SECOND:
            yield f"{name} is not to the second with its zone as digits"
    if "evaluatedResource" in report:
        yield "evaluatedResource is left out"
    yield from _column_problems(report)
    yield from _stratifier_problems(report)


def _column_problems(report: Mapping[str, Any]) -> Iterator[str]:
    """Codes of groups and populations: one each, none of them twice, none of them a fixed head."""
    for code, times in Counter(column_codes(report)).items():
        if times > 1:
            yield f"the code {code!r} names {times} columns"
        if not code or code in RESERVED:
            yield f"no group or population may have the code {code!r}"
    for element in (*groups(report), *strata(report)):
        if not element.get("population"):
            yield "a group or stratum has no population"
        for population in uncounted(element):
            yield f"{column_code(population)} has neither a count nor a reason"


def _stratifier_problems(report: Mapping[str, Any]) -> Iterator[str]:
    for stratifier in stratifiers(report):
        if not stratifier.get("code") or not stratifier.get("stratum"):
            yield "a stratifier has no code or no strata"
    if any("value" in stratum or "component" not in stratum for stratum in strata(report)):
        yield "a stratum has a value or no component"


def column_codes(report: Mapping[str, Any]) -> Iterator[str]:
    """The first codes of groups and their populations, in the report's order."""
    for group in groups(report):
        yield column_code(group)
        yield from (column_code(population) for population in group.get("population", ()))


def column_code(element: Mapping[str, Any]) -> str:
    """The first code of a group or population, '' without one."""
    codings = element.get("code", {}).get("coding", [{}])
    return str(codings[0].get("code", ""))
