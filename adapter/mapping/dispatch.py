"""Which views can have rows of a resource, by its code: asked once, not once for each view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapter.mapping.view import View


class Dispatch:
    """The views of one resource type by the codes that they ask for first (`View.codes`)."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = [(view, view.codes) for view in views]
        asked = {token for _, codes in self._views for token in codes or ()}
        self._of_other = self._of([])
        self._by_token = {token: self._of([token]) for token in asked}

    def candidates(self, resource: Mapping[str, Any]) -> Sequence[View]:
        """The views, in their order, but for those that would find no row for its code."""
        tokens = _tokens(resource.get("code")) if self._by_token else []
        if tokens is None:
            return [view for view, _ in self._views]
        known = [token for token in tokens if token in self._by_token]
        if len(known) > 1:
            return self._of(known)
        return self._by_token[known[0]] if known else self._of_other

    def _of(self, tokens: Sequence[str]) -> list[View]:
        return [
            view
            for view, codes in self._views
            if codes is None or any(token in codes for token in tokens)
        ]


def _tokens(concept: object) -> list[str] | None:
    """The codings of a CodeableConcept as `system|code`; None where it is no such thing, and each
    view shall say what it makes of it."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(codings, list):
        return None
    tokens = []
    for coding in codings:
        if not isinstance(coding, dict):
            return None
        code = coding.get("code")
        if isinstance(code, str):
            tokens.append(f"{coding.get('system') or ''}|{code}")
    return tokens
