"""What a pull came to, type by type: what `search` and `bulk` give back, and `run` acts upon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Told = Callable[[str, int, int | None], None]
"""Told how far a pull is: of what (a resource type, or a step such as `export`), how much is done,
and of how much, where that is known."""


def silent(_kind: str, _done: int, _total: int | None) -> None:
    """Nobody is told."""


@dataclass(slots=True)
class TypeOutcome:
    """One resource type of a run.

    rows: resources committed; refused: resources kept aside; deleted: tombstones.
    failed: why the type is not whole (its watermark then stays), else None.
    watermark: the instant up to which the server's state is known (transactionTime in bulk, the
    server's time at the start of a search), with zone; None leaves the watermark where it is.
    """

    resource_type: str
    rows: int = 0
    refused: int = 0
    deleted: int = 0
    failed: str | None = None
    watermark: str | None = None


@dataclass(slots=True)
class Outcome:
    """A run that reached its end, or has to be gone on with.

    finished: False leaves the run open, as where an export is still under way at the deadline; the
    next `raiway pull` goes on with it. afterwards: what is to be done once all is committed and the
    watermarks have moved, as deleting the export on the server; not done when the run stays open.
    """

    types: dict[str, TypeOutcome] = field(default_factory=dict)
    finished: bool = True
    afterwards: Callable[[], Awaitable[None]] | None = None

    def of(self, resource_type: str) -> TypeOutcome:
        """The type's outcome, begun if it is new."""
        return self.types.setdefault(resource_type, TypeOutcome(resource_type))

    @property
    def partial(self) -> bool:
        """Whether something is missing: a failed type, resources kept aside, or an open run."""
        return not self.finished or any(
            each.failed is not None or each.refused for each in self.types.values()
        )
