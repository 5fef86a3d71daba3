"""A count that is not stated, as it stands in a report (pooling.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.elements import DATA_ABSENT_REASON, Json, extension, extension_value


@dataclass(frozen=True, slots=True)
class Hidden:
    """A count that disclosure control hides. It lies from `low` to `high`, both counted; None
    where nothing is said of that end."""

    low: int | None = None
    high: int | None = None


Count = int | Hidden | None
"""A count, one that is hidden, or none: what is not held."""


def masked(hidden: Hidden, range_url: str) -> Json:
    """The element `_count` of a hidden count; `range_url`: the extension that states its range."""
    reason = extension(DATA_ABSENT_REASON, "Code", "masked")
    ends = range_of(hidden)
    return {"extension": [reason, *([extension(range_url, "Range", ends)] if ends else [])]}


def is_masked(population: Json) -> bool:
    """Whether the population's count is hidden."""
    return bool(extension_value(population.get("_count", {}), DATA_ABSENT_REASON) == "masked")


def range_of(hidden: Hidden) -> Json:
    """The Range with the ends that are stated; {} if none is."""
    ends = (("low", hidden.low), ("high", hidden.high))
    return {name: {"value": end} for name, end in ends if end is not None}
