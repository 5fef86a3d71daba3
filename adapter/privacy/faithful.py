"""Whether a shortened text still says what the whole one said, to every reader of text.

Words that are taken out might have been the ones that denied, planned or ended a statement. So each
shortened text is read again, and goes whole if one reader finds anything else in it than before: a
result that is lost is better than one that is read wrongly.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from adapter.definitions import Definitions
from adapter.mapping import clinical_text, iodine_text, names, response_text, variant_text
from adapter.mapping.context import Context

NAMES = ("drug", "lab-analyte", "interpretation")
"""Value sets of which names are looked for in texts."""


class Readers:
    """All readers of text that the mappings use."""

    def __init__(self, definitions: Definitions) -> None:
        self._terminology = definitions.terminology
        self._urls = [definitions.value_set(name) for name in NAMES]
        self._context = Context(
            definitions.terminology, definitions.units, UTC, definitions.value_set
        )

    def agree(self, whole: str, shortened: str) -> bool:
        """Whether they find the same in both."""
        return self._found(whole) == self._found(shortened)

    def _found(self, text: str) -> tuple[Any, ...]:
        return (
            response_text.response(text),
            response_text.states_progression(text),
            list(iodine_text.mentions(text)),
            list(iodine_text.mentions(text, of_iodine=True)),
            iodine_text.nuclide(text),
            list(variant_text.results(text, self._context)),
            clinical_text.answer(text),
            [[each.token for each in self._named(url, text)] for url in self._urls],
        )

    def _named(self, url: str, text: str) -> list[Any]:
        """The concepts that the text names; of a text that may deny them, none."""
        found = names.named(self._terminology, url, text)
        return [] if found and names.guarded(text) else found
