"""What patients are called in a patient-level page: P01, P02 …, and where their rows are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapter.html_report.page import Linked

LISTED = 60
"""So many patients at most have lanes, lines and rows of their own: more nobody reads in a page."""


@dataclass(frozen=True, slots=True)
class Names:
    """Short names of patients by their key in the store, in the order of the page.

    The first `LISTED` have a part of the page, to which their names lead.
    """

    by_key: dict[str, str]

    @classmethod
    def of(cls, keys: Iterable[str]) -> Names:
        """Names in the order given, as wide as the last one needs."""
        ordered = list(dict.fromkeys(keys))
        width = max(2, len(str(len(ordered))))
        return cls({key: f"P{place:0{width}d}" for place, key in enumerate(ordered, start=1)})

    def __getitem__(self, key: str) -> str:
        return self.by_key[key]

    @property
    def listed(self) -> Sequence[str]:
        """The keys of the patients that have a part of the page."""
        return list(self.by_key)[:LISTED]

    @property
    def cut(self) -> str:
        """A sentence where not all are listed, else ''."""
        if len(self.by_key) <= LISTED:
            return ""
        return f"Shown: the first {LISTED} of {len(self.by_key):,} patients, by their keys."

    def link(self, key: str) -> Linked | str:
        """The patient's name, leading to the patient's part of the page where there is one."""
        return Linked(self[key], self.anchor(key)) if key in self.listed else self[key]

    def anchor(self, key: str) -> str:
        """The id of the patient's part of the page."""
        return f"patient-{self[key]}"

    def to(self, key: str) -> str:
        """The link to the patient's part of the page, as a plot takes it; '' for none."""
        return f"#{self.anchor(key)}" if key in self.listed else ""
