"""Do resources in memory meet a search? For the few definitions; reports are searched by SQL."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapter.api.fhir.search import Criterion, Query, Sort
from adapter.api.fhir.search_values import (
    EARLIEST,
    LATEST,
    DateValue,
    ReferenceValue,
    StringValue,
    TokenValue,
    UriValue,
    Value,
    date_range,
)
from adapter.elements import Json

Range = tuple[datetime, datetime]
_APPROXIMATELY = 0.1


def found(resources: Iterable[Json], query: Query, *, now: datetime) -> list[Json]:
    """The resources that meet the search, in its order. now: what `ap` is measured from."""
    kept = [
        resource
        for resource in resources
        if all(holds(criterion, resource, now) for criterion in query.criteria)
    ]
    for sort in reversed(query.sort):
        kept = _sorted(kept, sort)
    return kept


def holds(criterion: Criterion, resource: Json, now: datetime) -> bool:
    """Does the resource meet this criterion?"""
    elements = _elements(resource, criterion.parameter.paths)
    if criterion.missing is not None:
        return criterion.missing is not bool(elements)
    met = any(
        _meets(element, value, criterion, now) for element in elements for value in criterion.values
    )
    return not met if criterion.modifier == "not" else met


def _elements(resource: Json, paths: Iterable[str]) -> list[Any]:
    found = [element for path in paths for element in elements_at(resource, path)]
    if tuple(paths) == ("url",) and "version" in resource:
        # `url=URL|version` asks for two elements of a canonical resource at once.
        return [f"{url}|{resource['version']}" for url in found]
    return found


def elements_at(resource: Any, path: str) -> list[Any]:
    """The elements at a path of names, `group.code`, members of lists one by one."""
    level = [resource]
    for name in path.split("."):
        level = [
            inner
            for item in level
            if isinstance(item, dict) and name in item
            for inner in (item[name] if isinstance(item[name], list) else [item[name]])
        ]
    return level


def _meets(element: Any, value: Value, criterion: Criterion, now: datetime) -> bool:
    match value:
        case DateValue():
            return in_range(range_of(element), value, now)
        case TokenValue():
            named = element.get("identifier", {}) if criterion.modifier == "identifier" else element
            return any(_is_token(stated, value) for stated in tokens_of(named))
        case StringValue():
            return any(_is_text(text, value.text, criterion.modifier) for text in texts_of(element))
        case ReferenceValue():
            stated = element.get("reference", "") if isinstance(element, dict) else str(element)
            return _is_reference(stated, value)
        case UriValue():
            return _is_uri(str(element), value, criterion.modifier)


def range_of(element: Any) -> Range:
    """The instants that a date, dateTime, instant or Period means; an open end is for ever."""
    if isinstance(element, dict):
        low = date_range(element["start"])[0] if "start" in element else EARLIEST
        high = date_range(element["end"])[1] if "end" in element else LATEST
        return low, high
    return date_range(str(element))


def in_range(target: Range, value: DateValue, now: datetime) -> bool:
    """The comparisons of FHIR R4 search 3.1.1.4.5, of the element's range with the value's."""
    if value.prefix == "ap":
        return _nearly(target, value, now)
    (low, high), within = target, target[0] >= value.low and target[1] <= value.high
    return {
        "eq": within,
        "ne": not within,
        "gt": high > value.high,
        "lt": low < value.low,
        "ge": high > value.high or within,
        "le": low < value.low or within,
        "sa": low >= value.high,
        "eb": high <= value.low,
    }[value.prefix]


def _nearly(target: Range, value: DateValue, now: datetime) -> bool:
    """Within a tenth of the time between now and the value, as the specification proposes."""
    gap: timedelta = abs(now - value.low) * _APPROXIMATELY
    low = value.low - gap if value.low - EARLIEST > gap else EARLIEST
    high = value.high + gap if LATEST - value.high > gap else LATEST
    return target[0] < high and target[1] > low


def tokens_of(element: Any) -> list[tuple[str, str]]:
    """(system, code) of a code, boolean, Coding, CodeableConcept or Identifier; '' for none."""
    if not isinstance(element, dict):
        return [("", str(element).lower() if isinstance(element, bool) else str(element))]
    if "coding" in element:
        return [token for coding in element["coding"] for token in tokens_of(coding)]
    return [(str(element.get("system", "")), str(element.get("code", element.get("value", ""))))]


def _is_token(stated: tuple[str, str], value: TokenValue) -> bool:
    system, code = stated
    if value.code is not None and value.code != code:
        return False
    return value.system is None or value.system == system


def texts_of(element: Any) -> list[str]:
    """The texts of a string, a Coding, a CodeableConcept or an Identifier."""
    if not isinstance(element, dict):
        return [str(element)]
    own = [element[name] for name in ("text", "display") if name in element]
    typed = texts_of(element["type"]) if "type" in element else []
    return [
        *own,
        *typed,
        *(text for coding in element.get("coding", ()) for text in texts_of(coding)),
    ]


def _is_text(text: str, wanted: str, modifier: str) -> bool:
    if modifier == "exact":
        return text == wanted
    stated, asked = folded(text), folded(wanted)
    return asked in stated if modifier == "contains" else stated.startswith(asked)


def folded(text: str) -> str:
    """The text without case and accents, which a search for strings does not tell apart."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def _is_reference(stated: str, value: ReferenceValue) -> bool:
    url, _, version = stated.partition("|")
    if value.version and value.version != version:
        return False
    if value.url:
        return url == value.url
    parts = url.split("/_history/")[0].rsplit("/", 2)
    return parts[-1] == value.id and (not value.type or parts[-2:-1] == [value.type])


def _is_uri(stated: str, value: UriValue, modifier: str) -> bool:
    uri, _, version = stated.partition("|")
    if value.version and value.version != version:
        return False
    if modifier == "below":
        return uri == value.uri or uri.startswith(value.uri.rstrip("/") + "/")
    if modifier == "above":
        return uri == value.uri or value.uri.startswith(uri.rstrip("/") + "/")
    return uri == value.uri


def _sorted(resources: Sequence[Json], sort: Sort) -> list[Json]:
    """By the first element of each; without one they come last, whichever way it goes."""
    key = _sort_key(sort)
    having = [item for item in resources if key(item) is not None]
    lacking = [item for item in resources if key(item) is None]
    return [*sorted(having, key=key, reverse=sort.descending), *lacking]


def _sort_key(sort: Sort) -> Callable[[Json], Any]:
    def key(resource: Json) -> Any:
        elements = _elements(resource, sort.parameter.paths)
        if not elements:
            return None
        if sort.parameter.kind == "date":
            return range_of(elements[0])[0]
        return folded(texts_of(elements[0])[0] if texts_of(elements[0]) else "")

    return key
