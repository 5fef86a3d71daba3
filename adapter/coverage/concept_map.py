"""The suggestions as a site's ConceptMap, for a person to review and `ingest --map` to load."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapter.coverage.report import Entry
from adapter.elements import without_empty

Json = dict[str, Any]


def mappable(entry: Entry) -> bool:
    """Whether a ConceptMap can take the suggestion: units are mapped elsewhere, text not at all."""
    return bool(entry.kind != "unit" and entry.code and entry.code != "…" and entry.suggestion)


def skeleton(entries: Iterable[Entry]) -> Json:
    """A draft ConceptMap of the suggestions, each code of a system once; no patient is in it.

    `equivalent` makes `ingest` use an element. To say that a code means nothing here, its target
    becomes `{"equivalence": "unmatched"}`, and coverage lists the code no more.
    """
    groups: dict[tuple[str, str], dict[str, Json]] = {}
    for entry in entries:
        if not mappable(entry) or entry.suggestion is None:
            continue
        for target in entry.suggestion.targets:
            elements = groups.setdefault((entry.system, target.system), {})
            element = elements.setdefault(
                entry.code,
                dict(without_empty([("code", entry.code), ("display", entry.display)]))
                | {"target": []},
            )
            proposed = without_empty(
                [
                    ("code", target.code),
                    ("display", target.display),
                    ("equivalence", "equivalent"),
                    ("comment", f"suggested, {entry.suggestion.why}: confirm"),
                ]
            )
            if target.code not in [each["code"] for each in element["target"]]:
                element["target"].append(proposed)
    return {
        "resourceType": "ConceptMap",
        "status": "draft",
        "title": "Suggested mappings, to be reviewed",
        "description": "Written by raiway coverage; nobody has confirmed it. Correct or "
        "remove each element, then raiway ingest --map.",
        "group": [
            without_empty([
                ("source", source), ("target", target), ("element", list(elements.values())),
            ])
            for (source, target), elements in groups.items()
        ],
    }  # fmt: skip
