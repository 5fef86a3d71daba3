"""What a `$aggregate` asks for (SANER): which reports, of which measure, and who reports all.

Reports come in the body, are named by `_id`, or are found among the stored ones by measure, period,
reporter and subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from adapter.api.evaluating.given import Given
from adapter.api.evaluating.period import first_day, last_day
from adapter.api.fhir.failures import FhirFailure
from adapter.api.reports.asking import Asking
from adapter.api.reports.stored import Stored
from adapter.api.reports.visibility import seen
from adapter.elements import Json, extension_value
from adapter.measures.definition import MeasureDefinition
from adapter.report.writer import Reporter

MOST = 1000
"""Reports of one aggregation."""
PASSED_ON = ("measure.title", "reporter", "reporter:identifier", "subject", "subject:identifier")
"""Parameters that select stored reports as they do in a search."""
KNOWN = {"measure", "period", "measure-report", "_id", "result-reporter", "result-subject",
         "unsigned", *PASSED_ON}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """The reports to be pooled, and the Measure that they are of.

    Attributes:
        inline: the reports in the request.
        stored: those held here.
        reporter: who reports the result, None for whom the settings name.
        named: whether the stored ones are by their id, not found by a search.
        unsigned: whether reports without a signature are wanted.
    """

    measure: MeasureDefinition
    inline: tuple[Json, ...]
    stored: tuple[Stored, ...]
    reporter: Reporter | None
    named: bool = False
    unsigned: bool = False


def asked(asking: Asking, sent: Given, instance: str) -> Asked:
    """What is to be pooled. instance: the id of the report at which the operation was asked, or ''.

    Raises FhirFailure 400 for parameters that are missing or wrong, 404 where no report is found.
    """
    if unknown := sorted(sent.values.keys() - KNOWN):
        raise sent.failure(unknown[0], f"$aggregate has no parameter {unknown[0]}")
    inline = _inline(sent)
    named = [seen(asking.who, asking.repository.read(key)) for key in _keys(sent, instance)]
    measure = _measure(asking, sent, [each.resource for each in named] if instance else [])
    period = _period(sent)
    stored = named if named or inline else _searched(asking, sent, measure, period)
    reports = [*inline, *(each.resource for each in stored)]
    if not reports:
        raise FhirFailure(404, "not-found", "no report that could be pooled was found")
    _refuse_outside(sent, reports, period)
    return Asked(
        measure,
        tuple(inline),
        tuple(stored),
        _reporter(sent),
        named=bool(named),
        unsigned=sent.one("unsigned") == "true",
    )


def _keys(sent: Given, instance: str) -> list[str]:
    """Ids of the stored reports that are named, each once."""
    listed = [key for value in sent.many("_id") for key in value.split(",")]
    named = [value for value in sent.values.get("measure-report", ()) if isinstance(value, str)]
    keys = [value.rpartition("MeasureReport/")[2] for value in named]
    return list(dict.fromkeys([*([instance] if instance else []), *listed, *keys]))


def _inline(sent: Given) -> list[Json]:
    """The reports in the request itself."""
    found = [value for value in sent.values.get("measure-report", ()) if isinstance(value, dict)]
    if any(each.get("resourceType") != "MeasureReport" for each in found):
        raise sent.failure("measure-report", "measure-report: a MeasureReport is expected")
    if len(found) > MOST:
        raise sent.failure("measure-report", f"more than {MOST} reports", code="too-costly")
    return found


def _measure(asking: Asking, sent: Given, at_hand: Sequence[Json]) -> MeasureDefinition:
    """By `measure`, else by the report at which the operation was asked."""
    text = sent.one("measure") or next((str(each.get("measure", "")) for each in at_hand), "")
    if not text:
        raise sent.failure("measure", "measure is needed", code="required")
    url, _, version = text.partition("|")
    known = asking.measures
    by_id = {f"Measure/{measure.id}": measure for measure in known.values()}
    found = known.get(url) or by_id.get(url.removeprefix(f"{asking.base}/"))
    if found is None or (
        version and found.canonical != f"{found.canonical.partition('|')[0]}|{version}"
    ):
        raise sent.failure("measure", "this Measure, or this version, is not served", status=404,
                           code="not-found")  # fmt: skip
    return found


def _period(sent: Given) -> tuple[date, date] | None:
    """One value is a year, month or day; two are the first and the last day."""
    values = sent.many("period")
    if not values:
        return None
    if len(values) > 2:
        raise sent.failure("period", "period may stand twice at most")
    try:
        found = first_day(values[0], ZoneInfo("UTC")), last_day(values[-1], ZoneInfo("UTC"))
    except ValueError:
        raise sent.failure("period", "period: a FHIR date is expected") from None
    if found[1] < found[0]:
        raise sent.failure("period", "the period ends before it starts")
    return found


def _inside(report: Json, period: tuple[date, date] | None) -> bool:
    if period is None:
        return True
    stated = report.get("period", {})
    first, last = str(stated.get("start", ""))[:10], str(stated.get("end", ""))[:10]
    return bool(first and last) and period[0].isoformat() <= first and last <= period[1].isoformat()


def _refuse_outside(sent: Given, reports: Sequence[Json], period: tuple[date, date] | None) -> None:
    for place, report in enumerate(reports, start=1):
        if not _inside(report, period):
            raise sent.failure("period", f"the period of report {place} does not lie in it")


def _searched(
    asking: Asking, sent: Given, measure: MeasureDefinition, period: tuple[date, date] | None
) -> list[Stored]:
    """The stored site reports that the parameters select: complete summaries that can be pooled."""
    fields: list[tuple[str, str]] = [("measure", measure.canonical), ("status", "complete")]
    fields += [(name, value) for name in PASSED_ON for value in sent.many(name)]
    query = asking.parsed(urlencode(fields))
    if query.ignored:
        raise sent.failure(query.ignored[0], f"{query.ignored[0]} selects no reports")
    paging = asking.paging(MOST, "")
    page = asking.repository.search(asking.query(query), paging)
    if page.total > MOST:
        raise sent.failure("measure", f"more than {MOST} reports", code="too-costly")
    return [
        stored
        for stored in page.entries
        if _a_site(stored, measure) and _inside(stored.resource, period)
    ]


def _a_site(stored: Stored, measure: MeasureDefinition) -> bool:
    """Whether it is a site's own summary that says that it can be pooled, or is withheld."""
    report = stored.resource
    parts: dict[str, Any] = {each.get("url"): each for each in report.get("extension", ())}
    control = parts.get(measure.extension_url("disclosure-control"), {})
    poolable = extension_value(control, "poolable") in ("exact", "bounds-only")
    shared = extension_value(control, "mode") == "secure-share"
    withheld = extension_value(control, "mode") == "withheld"
    pooled = measure.extension_url("pooled-reports") in parts
    return report.get("type") == "summary" and not pooled and not shared and (poolable or withheld)


def _reporter(sent: Given) -> Reporter | None:
    reference = sent.one("result-reporter")
    if not reference:
        return None
    try:
        return Reporter(display=reference, reference=reference)
    except ValueError as error:
        raise sent.failure("result-reporter", str(error)) from error
