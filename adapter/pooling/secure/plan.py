"""A round's Measure, study and columns, as sites and registry each find them by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adapter import definitions
from adapter.config import Settings
from adapter.errors import DefinitionError
from adapter.measures.definition import MeasureDefinition
from adapter.pooling.secure.refusal import SecureSumRefused
from adapter.pooling.secure.round import Announcement, check_layout
from adapter.pooling.secure.table_vector import Layout, layout
from adapter.pooling.secure.trustee import Rules, rules
from adapter.report.evaluation import measure
from analytics.study import Study

POLICY = "secure-sum"
PUBLISHED = "public"
OTHER_ENDPOINT = "its endpoint is not that of [analysis] study here"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round counts, by whom, on which grid."""

    measure: MeasureDefinition
    study: Study
    layout: Layout


def policy_version() -> str:
    """The policy under which is summed, as id|version."""
    policy = definitions.load().policy(POLICY)
    return f"{policy.id}|{policy.version}"


def opening_rules() -> Rules:
    """When a sum may be opened: the stricter of what is summed and what is then published."""
    known = definitions.load()
    return rules(known.policy(POLICY), known.policy(PUBLISHED))


def plan(
    name: str, grid_days: int, categories: Mapping[str, Iterable[str]], settings: Settings
) -> Plan:
    """The plan for a Measure's id under the study of the settings, on a grid of so many days.

    Raises UsageError for an unknown Measure, DefinitionError for a grid that does not divide the
    horizon, SecureSumRefused where categories that the Measure leaves open are not declared.
    """
    asked = measure(name, settings)
    study = definitions.load().study(settings.analysis.study)
    study = definitions.override(study, [f"grid_days={grid_days}"])
    return Plan(asked, study, layout(asked, study, categories))


def planned(found: Announcement, settings: Settings) -> Plan:
    """The announced plan. Raises SecureSumRefused where ours is another."""
    name = found.measure_url.rpartition("/")[2]
    narrowest = definitions.load().policy(POLICY).grid_days
    grid = found.grid_days or narrowest  # of a Measure without survival tables: 0
    if grid < narrowest:
        raise SecureSumRefused("layout", "its time bins are narrower than the policy lets them be")
    try:
        ours = plan(name, grid, found.categories, settings)
    except DefinitionError as error:
        raise SecureSumRefused("layout", OTHER_ENDPOINT) from error
    if ours.measure.canonical != found.measure:
        raise SecureSumRefused("layout", "its measure has another version here")
    if ours.study.fingerprint != found.study_sha256:
        raise SecureSumRefused("layout", OTHER_ENDPOINT)
    if found.policy != policy_version():
        raise SecureSumRefused("layout", "its policy has another version here")
    check_layout(found, ours.layout)
    return ours
