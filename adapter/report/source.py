"""The figures that a report draws on: by name, of all patients and of each stratum."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapter.elements import Json, concept
from adapter.errors import UsageError
from adapter.measures.definition import CATEGORY, Group, MeasureDefinition, Stratifier
from adapter.report.hidden_count import Count
from analytics.figures import Figures, Value
from analytics.study import Study


@dataclass(frozen=True, slots=True)
class ReportSource:
    """The measure, the study, and the figures: overall and stratifier -> value -> figures."""

    measure: MeasureDefinition
    study: Study
    overall: Figures
    strata: Mapping[str, Mapping[str, Figures]]

    def scores(self, group: Group) -> bool:
        """Whether the group's score may be stated."""
        return True

    def value(self, figures: Figures, name: str) -> Value:
        """The figure. Absent, it is 0 where only the data decide that it exists, and where there
        is no patient; else the Measure does not fit the study: UsageError."""
        if name in figures.values:
            return figures[name]
        family = self.measure.families.of(name)
        if family is not None and (family.open or not figures.values.get("n_patients")):
            return 0 if family.integer else None
        raise UsageError(
            f"{self.measure.id} asks for {name}, which study {self.study.id} does not give",
            hint="a study with other milestones or horizon needs a Measure of its own",
        )

    def count(self, figures: Figures, name: str) -> Count:
        """The integer figure, as `value` gives it."""
        found = self.value(figures, name)
        return None if found is None else int(found)

    def patterns(self, stratifier: str) -> dict[str, Figures]:
        """Figures by the values of a stratifier that occur, drivers in the study's order."""
        if stratifier not in self.strata:
            raise UsageError(f"the aggregate has no stratifier {stratifier}")
        found = self.strata[stratifier]
        if stratifier != "driver":
            return dict(found)
        codes = [driver.code for driver in self.study.driver_classes]
        return {code: found[code] for code in codes if code in found}

    def level(self, stratifier: str, value: str) -> Json:
        """A stratifier's value as it is coded."""
        return concept(f"urn:raiway:{stratifier}", value)

    def categories(self, stratifier: Stratifier) -> list[tuple[Json, str]]:
        """The strata of a family of figures: CodeableConcept and the figure's name."""
        before, after = stratifier.criteria.split(CATEGORY)
        if stratifier.categories:
            return [
                ({"coding": [coding]}, f"{before}{coding['code']}{after}")
                for coding in stratifier.categories
            ]
        pattern = re.compile(f"{re.escape(before)}([^:]+){re.escape(after)}")
        found = [pattern.fullmatch(name) for name in self.overall.values]
        return [({"text": match[1]}, match[0]) for match in found if match]
