"""What an OperationOutcome says, as it may be shown: no patient stands in it (pull.md G7).

Codes are shown as they are. Of free text only what reads like a sentence of the server about
itself: quoted parts, ids, numbers, addresses and names are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from adapter.pull.checks import known_types

LONGEST = 200
_HIDDEN = "…"
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|“[^”]*”|<[^>]*>")
_PARAMETER = re.compile(r"_?[a-z]+([A-Z][a-z]+)*")
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")
_OPENINGS = frozenset({
    "A", "Access", "An", "Bad", "Cannot", "Could", "Error", "Exception", "Expired", "Failed",
    "FHIR", "Forbidden", "HTTP", "Internal", "Invalid", "It", "Missing", "No", "Not",
    "Operation", "Parameter", "Parameters", "Please", "Request", "Required", "Resource",
    "Search", "Server", "Session", "System", "The", "This", "Timeout", "Too", "Unable",
    "Unauthorized", "Unexpected", "Unknown", "Unrecognized", "Unsupported", "URL", "Your",
})  # fmt: skip
"""Words with a capital that are no names."""


def texts(outcome: object) -> list[str]:
    """Each issue as `severity code: text`; none where there is no OperationOutcome."""
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        return []
    issues = outcome.get("issue")
    found = issues if isinstance(issues, list) else []
    return [_text(issue) for issue in found if isinstance(issue, dict)]


def said(body: bytes) -> str:
    """What the body of an error says, in short; '' where it is no OperationOutcome."""
    try:
        return "; ".join(texts(orjson.loads(body))[:3])
    except ValueError:
        return ""


def grave(outcome: Mapping[str, Any]) -> bool:
    """Whether an issue is an error or fatal, so that something is missing."""
    issues = outcome.get("issue")
    return isinstance(issues, list) and any(
        isinstance(each, dict) and each.get("severity") in ("error", "fatal") for each in issues
    )


def _text(issue: Mapping[str, Any]) -> str:
    words = [each for each in (issue.get("severity"), issue.get("code")) if _is_code(each)]
    details = issue.get("details")
    details = details if isinstance(details, dict) else {}
    stated = issue.get("diagnostics") or details.get("text")
    shown = _shown(stated) if isinstance(stated, str) else ""
    return " ".join(map(str, words)) + (f": {shown}" if shown else "")


def _is_code(found: object) -> bool:
    return isinstance(found, str) and _CODE.fullmatch(found) is not None


def _shown(text: str) -> str:
    words = _QUOTED.sub(_HIDDEN, text[: 4 * LONGEST]).split()
    shown = [_word(word) for word in words]
    kept = [word for at, word in enumerate(shown) if word != _HIDDEN or shown[at - 1] != _HIDDEN]
    return " ".join(kept)[:LONGEST]


def _word(word: str) -> str:
    """The word, if it can be no name, id or number."""
    bare = word.strip(".,;:!?()[]")
    if _PARAMETER.fullmatch(bare) or bare in known_types() or not bare:
        return word
    return word if bare in _OPENINGS else _HIDDEN
