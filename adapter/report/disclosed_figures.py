"""The figures of a disclosed table: counts that are shown, counts that are hidden, and no more.

Scores there are only where counts are rounded: shares of the rounded counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from adapter.elements import Json, concept
from adapter.measures.definition import CATEGORY, MeasureDefinition
from adapter.measures.definition import Group as Scored
from adapter.report.disclosed_cells import DisclosedCells
from adapter.report.hidden_count import Count, Hidden
from adapter.report.source import ReportSource
from analytics.disclosure.cells import UNBOUNDED, Group, Range
from analytics.disclosure.policy import OTHER
from analytics.figures import Figures, Value
from analytics.study import Study

NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
OTHER_CODE = "OTH"


@dataclass(slots=True)
class DisclosedFigures(Figures):
    """Figures of one group; a name in `hidden` has None as its value."""

    hidden: dict[str, Hidden] = field(default_factory=dict)

    def state(self, name: str, range_: Range | None) -> None:
        """The count `name`, which lies in the range; None where its day is no edge of the grid."""
        if range_ is None:
            self.missing(name, "the day is no edge of the grid")
        elif range_.exact:
            self[name] = range_.low
        else:
            self[name] = None
            self.hidden[name] = hidden(range_)


@dataclass(frozen=True, slots=True)
class DisclosedSource(ReportSource):
    """What a report under disclosure control draws on: `DisclosedFigures`, overall and by group."""

    rounded: bool = False

    def scores(self, group: Scored) -> bool:
        """Shares of rounded counts. A score of exact counts would be an exact count once more, and
        a curve whose censorings are hidden has bounds, no score."""
        return self.rounded and group.scoring == "proportion"

    def value(self, figures: Figures, name: str) -> Value:
        """The figure, None where it is not stated."""
        return figures.values.get(name)

    def count(self, figures: Figures, name: str) -> Count:
        """The count, or how it is hidden."""
        held = isinstance(figures, DisclosedFigures) and figures.hidden.get(name)
        value = figures.values.get(name)
        return held or (None if value is None else int(value))

    def patterns(self, stratifier: str) -> dict[str, Figures]:
        """Figures by group, those without patients among them."""
        return dict(self.strata.get(stratifier, {}))

    def level(self, stratifier: str, value: str) -> Json:
        """A level; who has none of those that the policy lists has `OTH`."""
        if value == OTHER:
            return concept(NULL_FLAVOR, OTHER_CODE) | {"text": OTHER}
        # Not super(): a dataclass with slots is another class than the one named here.
        return ReportSource.level(self, stratifier, value)


def hidden(range_: Range) -> Hidden:
    """The range as it is stated."""
    return Hidden(range_.low, None if range_.high >= UNBOUNDED else range_.high)


def counted(
    cells: DisclosedCells, group: Group, measure: MeasureDefinition, study: Study
) -> DisclosedFigures:
    """The counts that `measure` asks for, of one group."""
    figures = DisclosedFigures()
    for name in dict.fromkeys((*_asked(measure), *cells.named(study))):
        figures.state(name, cells.range_of(name, group, study))
    return figures


def all_hidden(measure: MeasureDefinition, shown: Mapping[str, Count]) -> DisclosedFigures:
    """Every count of the populations hidden, but for those given."""
    figures = DisclosedFigures()
    for name in figures_of(measure):
        count = shown.get(name, Hidden())
        if isinstance(count, int):
            figures[name] = count
        else:
            figures[name], figures.hidden[name] = None, count or Hidden()
    return figures


def figures_of(measure: MeasureDefinition) -> Iterator[str]:
    """The figures that the populations of the Measure count."""
    for group in measure.groups:
        yield from (population.figure for population in group.populations)


def _asked(measure: MeasureDefinition) -> Iterator[str]:
    """The figures of populations, and of categories that the Measure lists."""
    yield from figures_of(measure)
    for group in measure.groups:
        for stratifier in group.stratifiers:
            for coding in stratifier.categories:
                yield stratifier.criteria.replace(CATEGORY, coding["code"])


def without_strata(measure: MeasureDefinition) -> MeasureDefinition:
    """The Measure without strata: of a report that states no count of any."""
    return replace(
        measure, groups=tuple(replace(group, stratifiers=()) for group in measure.groups)
    )
