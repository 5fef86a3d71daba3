"""A request read as a whole: its parameters, headers and principal -> what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adapter import definitions
from adapter.api.evaluating.asked import (
    Asked,
    measures_asked,
    period_asked,
    refuse_differencing,
    reporter_asked,
    stratifiers_asked,
    study_asked,
)
from adapter.api.evaluating.given import Given
from adapter.api.evaluating.subjects import subjects_asked
from adapter.api.evaluating.vocabulary import check_names
from adapter.api.fhir.failures import FhirFailure
from adapter.api.security.principal import Principal
from adapter.config import Settings
from adapter.errors import ConfigurationError
from adapter.evaluate import Request
from adapter.site_settings import zone as known_zone

if TYPE_CHECKING:
    from adapter.store import Store

DEFAULT_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class Sent:
    """What came with the request. several: whether the operation evaluates several Measures.

    instance: the Measure's id in the URL, '' at type level. zone: the header `Timezone`, '' if
    there is none.
    """

    given: Given
    who: Principal
    several: bool
    instance: str = ""
    zone: str = ""


def question(sent: Sent, settings: Settings, store: Store) -> Asked:
    """What is asked. Raises FhirFailure as each part says; nothing has been evaluated then."""
    given, who = sent.given, sent.who
    check_names(given)
    asked_for = measures_asked(given, settings, sent.instance)
    if len(asked_for) > 1 and not sent.several:
        raise given.failure("measure", "one measure at a time; Measure/$evaluate takes several")
    zone = _zone(sent.zone)
    start, end = period_asked(given, zone)
    study = study_asked(given, definitions.load().study(settings.analysis.study))
    stratifiers, reporter = stratifiers_asked(given), reporter_asked(given)
    whose = subjects_asked(given, store, who)
    refuse_differencing(given, who, start, end)
    if whose.kind == "individual" and not (whose.patients or sent.several):
        raise given.failure("subject", "a report of which subject?", code="required")
    return Asked(
        measures=asked_for,
        study=study,
        request=Request(whose.sites, start, end, stratifiers, whose.patients),
        kind=whose.kind,
        policy=who.policy,
        reporter=reporter,
        group=whose.group,
        zone=zone.key,
    )


def _zone(header: str) -> ZoneInfo:
    try:
        return known_zone(header or DEFAULT_ZONE)
    except (ConfigurationError, ValueError):
        raise FhirFailure(
            400,
            "invalid",
            "Timezone: a name of the IANA database is expected, as Europe/Berlin",
            expression=["http.Timezone"],
        ) from None
