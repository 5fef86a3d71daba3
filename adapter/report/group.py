"""One group of a MeasureReport: its populations, score and strata."""

from __future__ import annotations

from collections.abc import Mapping

from adapter.elements import DATA_ABSENT_REASON, Json, concept, extension, quantity
from adapter.measures.definition import Group, Stratifier
from adapter.report.hidden_count import Count, Hidden, masked
from adapter.report.source import ReportSource
from analytics.figures import Figures

R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-MeasureReport."
DEQM = "http://hl7.org/fhir/uv/deqm/StructureDefinition/deqm-"
SCORING = "http://terminology.hl7.org/CodeSystem/measure-scoring"
IMPROVEMENT = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"
# A time that fewer than the asked part reached lies above the horizon, not at the last exit.
UNREACHED = frozenset({"ttp_median"})

Counts = Mapping[str, Count]


def report_group(group: Group, source: ReportSource) -> Json:
    """The group as R4 has it, with the extensions that DEQM asks for."""
    counted = _counted(group, source, source.overall, "group.population")
    scoring = group.scoring
    # deqm-6 allows no proportion without a score: what has none is no more than its counts.
    if scoring == "proportion" and "measureScore" not in counted:
        scoring = "cohort"
    extensions = [
        _link_id("group", group.link_id),
        extension(f"{DEQM}measureScoring", "CodeableConcept", concept(SCORING, scoring)),
    ]
    if group.improvement:
        notation = concept(IMPROVEMENT, group.improvement)
        extensions.append(extension(f"{DEQM}groupImprovementNotation", "CodeableConcept", notation))
    found = {"id": group.link_id, "extension": extensions, "code": group.code, **counted}
    stratifiers = [_stratifier(stratifier, group, source) for stratifier in group.stratifiers]
    # A stratifier without strata would break deqm-7.
    if any(stratifiers):
        found["stratifier"] = [stratifier for stratifier in stratifiers if stratifier]
    return found


def _counted(group: Group, source: ReportSource, figures: Figures, path: str) -> Json:
    """Populations and score of these figures."""
    counts: Counts = {
        population.role: source.count(figures, population.figure)
        for population in group.populations
    }
    populations = [
        {
            "extension": [_link_id(path, population.link_id)],
            "code": population.code,
            **_count(counts[population.role], source),
        }
        for population in group.populations
    ]
    score = _score(group, source, figures, counts) if source.scores(group) else None
    return {"population": populations, **({"measureScore": score} if score else {})}


def _count(count: Count, source: ReportSource) -> Json:
    if isinstance(count, int):
        return {"count": count}
    if isinstance(count, Hidden):
        return {"_count": masked(count, source.measure.extension_url("suppressed-range"))}
    return {"_count": {"extension": [extension(DATA_ABSENT_REASON, "Code", "unsupported")]}}


def _score(group: Group, source: ReportSource, figures: Figures, counts: Counts) -> Json | None:
    """The score; None for a cohort, where it cannot be estimated, and beside an absent count."""
    stated = {role: n for role, n in counts.items() if isinstance(n, int)}
    if group.scoring == "cohort" or stated.keys() != counts.keys():
        return None
    if group.scoring == "proportion":
        value = _proportion(stated)
        return None if value is None else quantity(value, group.unit)
    score = source.value(figures, group.score_figure)
    if score is not None:
        return quantity(score, group.unit)
    if group.score_figure in UNREACHED and figures.values.get("followed_n"):
        return quantity(source.study.horizon_days, group.unit, comparator=">")
    return None


def _proportion(counts: Mapping[str, int]) -> float | None:
    denominator = counts["denominator"] - counts.get("denominator-exclusion", 0)
    return counts["numerator"] / denominator if denominator else None


def _stratifier(stratifier: Stratifier, group: Group, source: ReportSource) -> Json | None:
    if stratifier.by_category:
        strata = _category_strata(stratifier, group, source)
    else:
        strata = [
            {
                "component": [_component(stratifier, source.level(stratifier.criteria, value))],
                **_counted(group, source, figures, "group.stratifier.stratum.population"),
            }
            for value, figures in source.patterns(stratifier.criteria).items()
        ]
    if not strata:
        return None
    return {
        "id": stratifier.link_id,
        "extension": [_link_id("group.stratifier", stratifier.link_id)],
        "stratum": strata,
    }


def _category_strata(stratifier: Stratifier, group: Group, source: ReportSource) -> list[Json]:
    (population,) = group.populations
    return [
        {
            "component": [_component(stratifier, value)],
            "population": [
                {
                    "extension": [
                        _link_id("group.stratifier.stratum.population", population.link_id)
                    ],
                    "code": population.code,
                    **_count(source.count(source.overall, figure), source),
                }
            ],
        }
        for value, figure in source.categories(stratifier)
    ]


def _component(stratifier: Stratifier, value: Json) -> Json:
    return {
        "extension": [_link_id("group.stratifier.stratum.component", stratifier.component_link_id)],
        "code": stratifier.code,
        "value": value,
    }


def _link_id(path: str, value: str) -> Json:
    return extension(f"{R5}{path}.linkId", "String", value)
