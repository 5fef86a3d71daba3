"""Figures by name, with a reason for each that cannot be estimated."""

from __future__ import annotations

from dataclasses import dataclass, field

Value = float | int | None


@dataclass(slots=True)
class Figures:
    """Figures by name, in the order made, with a reason for each None."""

    values: dict[str, Value] = field(default_factory=dict)
    not_estimable: dict[str, str] = field(default_factory=dict)

    def __setitem__(self, name: str, value: Value) -> None:
        self.values[name] = value

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

    def missing(self, name: str, reason: str) -> None:
        """State that `name` cannot be estimated, and why."""
        self.values[name] = None
        self.not_estimable[name] = reason

    def interval(self, name: str, low: Value, high: Value) -> None:
        self.values[f"{name}_low"], self.values[f"{name}_high"] = low, high
