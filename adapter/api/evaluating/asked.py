"""What an evaluation is asked for: Measures, rules, period, by whom, in which type of report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from zoneinfo import ZoneInfo

import orjson

from adapter import definitions
from adapter.api.evaluating.given import Given, text_of
from adapter.api.evaluating.period import first_day, last_day, whole_months
from adapter.api.security.principal import Principal
from adapter.config import Settings
from adapter.errors import DefinitionError
from adapter.evaluate import Request
from adapter.measures.definition import MeasureDefinition
from adapter.report.evaluation import measures
from adapter.report.writer import ReportKind
from adapter.server_settings import Policy
from analytics.aggregate import STRATIFIERS
from analytics.study import Study

REPORTER = re.compile(r"(?:Practitioner|PractitionerRole|Organization)/[A-Za-z0-9.-]{1,64}")
BY_WHOM = ("practitioner", "provider", "providerResource")
NAMES = ("measure", "measureUrl", "measureId")


@dataclass(frozen=True, slots=True)
class Asked:
    """An evaluation, with all that its reports depend on beside the data.

    reporter: a reference, '' for the configured one. group: the Group that was named, by its
    reference. zone: in which the reports' date is stated.
    """

    measures: tuple[MeasureDefinition, ...]
    study: Study
    request: Request
    kind: ReportKind
    policy: Policy
    reporter: str
    group: str
    zone: str

    def cohort(self, data_version: str) -> str:
        """A name of who is counted, by which rules: the same for all Measures and clients."""
        request = self.request
        said = (data_version, self.study.fingerprint, request.sites, request.start, request.end)
        return hashlib.sha256(orjson.dumps(said)).hexdigest()

    def key(self, data_version: str, runs: str) -> str:
        """A name of the result: the same for the same data, question and software.

        runs: `runs_so_far` of the store: the quality gate counts what came and was not mapped.
        """
        request = self.request
        said = (
            version("raiway"),
            [data_version, runs],
            [measure.canonical for measure in self.measures],
            self.study.fingerprint,
            [request.sites, request.start, request.end, request.stratifiers, request.patients],
            [self.kind, self.policy, self.reporter, self.group, self.zone],
        )
        return hashlib.sha256(orjson.dumps(said)).hexdigest()


def measures_asked(
    given: Given, settings: Settings, instance: str
) -> tuple[MeasureDefinition, ...]:
    """The Measures, each once. instance: the id in the URL, '' at type level.

    They go by `measure`, `measureUrl` or `measureId`: canonical with or without version,
    `Measure/id`, or id. Raises FhirFailure 400 where none is named, 404 where there is none.
    """
    known = measures(settings.report.base)
    named = [(name, text) for name in NAMES for text in given.many(name)]
    if instance:
        named.insert(0, ("id", instance))
    if not named:
        raise given.failure("measure", "which measure? measure or measureUrl", code="required")
    found = {each.id: each for each in (_measure(known, *pair, given) for pair in named)}
    if instance and len(found) > 1:
        raise given.failure("measure", "another measure than that of the URL is named")
    return tuple(found.values())


def _measure(
    known: Mapping[str, MeasureDefinition], name: str, text: str, given: Given
) -> MeasureDefinition:
    for measure in known.values():
        names = {measure.id, f"Measure/{measure.id}", measure.canonical, measure.resource["url"]}
        if text in names:
            return measure
    raise given.failure(
        name, "no such measure, or not in this version", status=404, code="not-found"
    )


def period_asked(given: Given, zone: ZoneInfo) -> tuple[date, date]:
    """First and last day. Raises FhirFailure 400."""
    found = []
    for name, day in (("periodStart", first_day), ("periodEnd", last_day)):
        text = given.one(name)
        if not text:
            raise given.failure(name, f"{name} is required", code="required")
        try:
            found.append(day(text, zone))
        except ValueError:
            raise given.failure(name, f"{name} is no FHIR date or dateTime") from None
    start, end = found
    if end < start:
        raise given.failure("periodEnd", "the period ends before it starts")
    return start, end


def study_asked(given: Given, study: Study) -> Study:
    """The study with the overrides of `parameters`: `key=value` in a URL, else a Parameters
    resource. Raises FhirFailure 400."""
    values = given.values.get("parameters", ())
    changes = [value for value in values if isinstance(value, str)]
    for resource in (value for value in values if not isinstance(value, str)):
        if resource.get("resourceType") != "Parameters":
            raise given.failure("parameters", "a Parameters resource is expected")
        changes += _settings(resource.get("parameter", ()), given)
    if wrong := [change for change in changes if "=" not in change]:
        raise given.failure("parameters", f"{len(wrong)} without a value; say key=value")
    try:
        return definitions.override(study, changes)
    except DefinitionError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise given.failure("parameters", f"{error.what}{hint}") from None


def _settings(parameters: list[dict[str, object]], given: Given) -> Iterator[str]:
    for parameter in parameters:
        values = [value for name, value in parameter.items() if name.startswith("value")]
        if len(values) != 1 or not isinstance(parameter.get("name"), str):
            raise given.failure("parameters", "each of the parameters has a name and a value")
        yield f"{parameter['name']}={text_of(values[0], 'parameters')}"


def stratifiers_asked(given: Given) -> tuple[str, ...]:
    """Raises FhirFailure 400 for one that there is not."""
    found = given.many("stratifier")
    if any(name not in STRATIFIERS for name in found):
        raise given.failure("stratifier", f"no such stratifier; there are {', '.join(STRATIFIERS)}")
    return found


def reporter_asked(given: Given) -> str:
    """Who reports, by reference; '' where nobody is named. Raises FhirFailure 400."""
    named = [name for name in BY_WHOM if given.values.get(name)]
    if len(named) > 1:
        raise given.failure(named[1], f"{named[0]} and {named[1]} exclude one another")
    if not named:
        return ""
    (name,) = named
    reference = _provider(given) if name == "providerResource" else given.one(name)
    if name == "practitioner" and "/" not in reference:
        reference = f"Practitioner/{reference}"
    if not REPORTER.fullmatch(reference):
        raise given.failure(name, f"{name} is a reference to who reports, as Practitioner/123")
    return reference


def _provider(given: Given) -> str:
    for kind in ("Practitioner", "PractitionerRole", "Organization"):
        for value in given.values["providerResource"]:
            if isinstance(value, dict) and value.get("resourceType") == kind:
                return f"{kind}/{value.get('id', '')}"
    raise given.failure("providerResource", "a Practitioner, PractitionerRole or Organization")


def refuse_differencing(given: Given, who: Principal, start: date, end: date) -> None:
    """Under a disclosure policy two questions that differ by a little tell what each of them
    hides: rules and strata are those of the Measure, and a period is of whole months.

    Raises FhirFailure 403.
    """
    if who.policy == "none":
        return
    for name in ("parameters", "stratifier"):
        if given.values.get(name):
            raise given.failure(
                name, f"{name}: not under a disclosure policy", status=403, code="forbidden"
            )
    if not whole_months(start, end):
        raise given.failure(
            "periodStart",
            "under a disclosure policy a period is of whole months",
            status=403,
            code="forbidden",
        )
