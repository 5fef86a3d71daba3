"""The survival table that a report prints, read back, and what exact arithmetic makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from adapter.elements import Json, code_of, extension_value

MILLISECONDS_A_DAY = 86_400_000
COLUMNS = 3
HIDDEN = "E"
HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class PrintedTable:
    """rows: (entered, event, censored) per bin of `width` days. stratum: '' for all patients."""

    stratum: str
    width: int
    rows: tuple[tuple[int, int, int], ...]
    n_patients: int | None

    @property
    def horizon(self) -> int:
        return (len(self.rows) - 1) * self.width

    @property
    def entered(self) -> int:
        return sum(row[0] for row in self.rows)

    def counts(self, day: int) -> dict[str, int]:
        """Populations by code, up to `day`; at risk on entering its bin."""
        past = [row for place, row in enumerate(self.rows) if place * self.width <= day]
        exits = [sum(row[1:]) for place, row in enumerate(self.rows) if place * self.width < day]
        stated = {} if self.n_patients is None else {"initial-population": self.n_patients}
        return stated | {
            "measure-population": self.entered,
            "event": sum(row[1] for row in past),
            "censored": sum(row[2] for row in past),
            "at-risk": self.entered - sum(exits),
        }

    def survival(self, day: int) -> Fraction:
        """Kaplan-Meier at `day`."""
        heights = [height for time, height in self._steps() if time <= day]
        return heights[-1] if heights else Fraction(1)

    def restricted_mean(self, horizon: int) -> Fraction:
        """The area under the curve up to `horizon`."""
        area, at, height = Fraction(0), Fraction(0), Fraction(1)
        for time, lower in self._steps():
            if time >= horizon:
                break
            area, at, height = area + height * (time - at), time, lower
        return area + height * (horizon - at)

    def median(self) -> Fraction | None:
        """The time at which the curve falls to one half (R's `quantile.survfit`), or None."""
        steps = list(self._steps())
        start = next((time for time, height in steps if height <= HALF), None)
        if start is None or self.survival_at(start) < HALF:
            return start
        below = next((time for time, height in steps if height < HALF), steps[-1][0])
        return (start + below) / 2

    def survival_at(self, time: Fraction) -> Fraction:
        """The height of the curve at the time of an exit."""
        return next(height for at, height in self._steps() if at == time)

    def _steps(self) -> Iterator[tuple[Fraction, Fraction]]:
        """(time, height from it on) at each time with an exit."""
        at_risk, height = self.entered, Fraction(1)
        for place, (_, events, censored) in enumerate(self.rows):
            if events + censored and at_risk:
                height *= Fraction(at_risk - events, at_risk)
                at_risk -= events + censored
                yield self._time(place), height

    def _time(self, place: int) -> Fraction:
        """Bins wider than a day stand at their midpoints."""
        if self.width == 1 or place == 0:
            return Fraction(place * self.width)
        return Fraction((2 * place - 1) * self.width, 2)


def printed_table(observation: Json, time_grid: str) -> PrintedTable | str | None:
    """The table of a contained Observation; what is wrong with it; None where cells are hidden.

    `time_grid` is the url of the extension that states the grid.
    """
    grid: Json = next((e for e in observation.get("extension", ()) if e["url"] == time_grid), {})
    width = (extension_value(grid, "width") or {}).get("value", 0)
    bins = extension_value(grid, "bins") or 0
    sampled = observation["valueSampledData"]
    cells = sampled.get("data", "").split()
    if not width or sampled.get("period") != width * MILLISECONDS_A_DAY:
        return "the period of the samples is not the width of the time-grid"
    if len(cells) != bins * COLUMNS or sampled.get("dimensions") != COLUMNS:
        return f"{len(cells)} numbers for {bins} bins x {COLUMNS}"
    if HIDDEN in cells:
        return None
    if not all(cell.isdigit() for cell in cells):
        return "a cell is no count"
    numbers = iter(map(int, cells))
    rows = tuple(zip(numbers, numbers, numbers, strict=True))
    table = PrintedTable(_stratum(observation), width, rows, _n_patients(observation))
    left = sum(row[1] + row[2] for row in rows)
    return table if table.entered == left else f"{table.entered} entered, {left} left"


def _stratum(observation: Json) -> str:
    components = observation.get("component", ())
    values = [c["valueCodeableConcept"] for c in components if "valueCodeableConcept" in c]
    return code_of(values[0]) if values else ""


def _n_patients(observation: Json) -> int | None:
    for component in observation.get("component", ()):
        if code_of(component["code"]) == "n_patients" and "valueInteger" in component:
            return int(component["valueInteger"])
    return None
