"""What is known while one resource is de-identified: its dates' rule, and what was taken out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Removed = dict[tuple[str, str], int]
"""(element path, reason) -> how often. Both come from the rules, never from the resource."""


class Hold(Exception):
    """The resource cannot be shown without turning what it says: why, and at which element."""

    def __init__(self, reason: str, path: str) -> None:
        super().__init__(reason)
        self.reason, self.path = reason, path


@dataclass(slots=True)
class Run:
    """date: a FHIR date as it may be shown. shifts: whether that differs between patients."""

    date: Callable[[str], str]
    removed: Removed = field(default_factory=dict)
    depth: int = 0

    def count(self, path: str, reason: str) -> None:
        key = (path, reason)
        self.removed[key] = self.removed.get(key, 0) + 1


Step = Callable[[Any, Run], Any]
"""An element's value -> what may stay of it; None: nothing."""
