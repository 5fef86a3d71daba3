"""The facts of one patient after another, as `analytics.course` types them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from functools import cache, lru_cache, partial
from itertools import islice, repeat
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table, false, select

from adapter import models
from adapter.store.columns import selected, table_of, travel
from adapter.store.connect import Transaction
from adapter.store.links import Links, medication_links, with_ingredient, with_isotope
from adapter.store.occurrences import Occurrences, occurrences, with_date, with_span
from adapter.store.significance import with_significance
from analytics import course
from analytics.course import DateSpan, Fact, FactRef, PatientFacts

PATIENTS_A_PAGE = 1_000

KINDS: dict[str, tuple[type[Fact], type[models.FactRow]]] = {
    "persons": (course.Person, models.PatientRow),
    "diagnoses": (course.Diagnosis, models.DiagnosisRow),
    "variants": (course.VariantResult, models.VariantResultRow),
    "implications": (course.Implication, models.ImplicationRow),
    "biomarkers": (course.Biomarker, models.BiomarkerRow),
    "labs": (course.LabResult, models.LabResultRow),
    "drugs": (course.DrugExposure, models.DrugExposureRow),
    "rai": (course.RaiAdministration, models.RaiAdministrationRow),
    "dosimetry": (course.Dosimetry, models.DosimetryRow),
    "uptake": (course.Uptake, models.UptakeRow),
    "imaging": (course.ImagingAssessment, models.ImagingAssessmentRow),
    "statuses": (course.DiseaseStatus, models.DiseaseStatusRow),
    "visits": (course.Visit, models.VisitRow),
    "deaths": (course.Death, models.DeathRow),
}
"""Field of PatientFacts -> the class and the table of its facts."""

DATED = frozenset(kind for kind, (fact, _) in KINDS.items() if "date" in fact.__slots__)
"""The facts that have one date."""

Owner = tuple[str, str]
"""(patient_key, site)"""
Made = TypeVar("Made")

Condition = Callable[[ColumnElement[Any]], ColumnElement[bool]]
"""Which patients a page is about, as a condition on a column that holds their keys."""


def patients(
    transaction: Transaction, sites: Sequence[str], patient_keys: Sequence[str]
) -> Iterator[PatientFacts]:
    """Patients that have facts, by patient_key and site; in memory are those of one page."""
    pages = _given(patient_keys) if patient_keys else _ranges(transaction, sites)
    for page in pages:
        yield from patients_in(transaction, page, sites)


def _given(patient_keys: Sequence[str]) -> Iterator[Condition]:
    ordered = iter(sorted(set(patient_keys)))
    while keys := list(islice(ordered, PATIENTS_A_PAGE)):
        yield partial(_one_of, keys)


def _ranges(transaction: Transaction, sites: Sequence[str]) -> Iterator[Condition]:
    """Ranges of keys that together cover all patients who have a resource, in order."""
    resource = table_of(models.ResourceRow).columns
    found = select(resource.patient_key).distinct().where(resource.retracted.is_(false()))
    found = found.order_by(resource.patient_key).limit(PATIENTS_A_PAGE)
    if sites:
        found = found.where(resource.site.in_(sites))
    # Facts of the site, such as a Medication, have no patient: their key is the empty text.
    last = ""
    while True:
        batches = transaction.batches(found.where(resource.patient_key > last))
        keys = [key for batch in batches for key in batch[0]]
        if not keys:
            return
        yield partial(_between, keys[0], keys[-1])
        last = keys[-1]


def _one_of(keys: Sequence[str], column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.in_(keys)


def _between(first: str, last: str, column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.between(first, last)


def patients_in(
    transaction: Transaction, page: Condition, sites: Sequence[str]
) -> Iterator[PatientFacts]:
    """The patients of a page that have facts, by patient_key and site; all are in memory."""
    found: dict[Owner, dict[str, list[Any]]] = {}
    for kind in KINDS:
        for owner, fact in _facts(transaction, kind, page, sites):
            kinds = found.get(owner)
            if kinds is None:
                kinds = found[owner] = {}
            if kind in kinds:
                kinds[kind].append(fact)
            else:
                kinds[kind] = [fact]
    links, dated = medication_links(transaction, page), occurrences(transaction, page, _span)
    for owner in sorted(found):
        patient = _resolved(found.pop(owner), owner[1], links, dated)
        if any(patient.values()):
            yield PatientFacts(patient_key=owner[0], site=owner[1], **patient)


def _facts(
    transaction: Transaction, kind: str, page: Condition, sites: Sequence[str]
) -> Iterator[tuple[Owner, Fact]]:
    """The facts of one kind as their table holds them, each with its owner."""
    fact_class, model = KINDS[kind]
    table = table_of(model)
    names = _read(kind)
    found = select(*(each for each in selected(table) if each.key in names))
    found = found.where(page(table.columns.patient_key))
    if sites:
        found = found.where(table.columns.site.in_(sites))
    for batch in transaction.batches(found):
        columns = dict(zip(names, batch, strict=True))
        owners = zip(columns["patient_key"], columns["site"], strict=True)
        yield from zip(owners, facts_of(fact_class, table, columns), strict=True)


@cache
def _read(kind: str) -> tuple[str, ...]:
    """The columns that a kind's facts are made of, and whose they are, in the table's order."""
    fact_class, model = KINDS[kind]
    stated = {field.name for field in fields(fact_class)}
    stated |= {f"{name}_{end}" for name in stated for end in ("earliest", "latest")}
    stated |= {"patient_key", "site", *(field.name for field in fields(FactRef))}
    return tuple(each.name for each in table_of(model).columns if each.name in stated)


def _resolved(
    facts: dict[str, list[Any]], site: str, links: Links, dated: Occurrences
) -> dict[str, tuple[Any, ...]]:
    """The facts with their links resolved, in the order of the resources that state them."""
    ordered = {
        kind: sorted(found, key=_ref) if len(found) > 1 else found for kind, found in facts.items()
    }
    if "drugs" in ordered:
        named = with_ingredient(ordered["drugs"], site, links)
        ordered["drugs"] = list(with_span(named, site, dated))
    if "implications" in ordered and "variants" in ordered:
        said = with_significance(ordered["variants"], ordered["implications"])
        ordered["variants"] = list(said)
    if "rai" in ordered:
        ordered["rai"] = list(with_isotope(ordered["rai"], site, links))
    if dated:
        for kind in DATED & ordered.keys():
            ordered[kind] = list(with_date(ordered[kind], site, dated))
    return {kind: tuple(found) for kind, found in ordered.items()}


# The order of FactRef, without its comparisons in Python.
_ref = attrgetter("ref.resource_type", "ref.resource_id", "ref.version_id", "ref.ordinal")


def facts_of(fact_class: type[Fact], table: Table, columns: dict[str, list[Any]]) -> list[Fact]:
    """Rows, given as columns as they are read, as facts of a class."""
    names = [field.name for field in fields(fact_class)]
    rows = len(columns["site"])
    return _made(fact_class, rows, {n: _cells(fact_class, n, table, columns) for n in names})


def _made(kind: type[Made], rows: int, columns: Mapping[str, Iterable[Any]]) -> list[Made]:
    """Frozen dataclasses with slots, field by field for all of them.

    Each costs a third of what its constructor takes: no keywords, and no way around `frozen` in
    Python for each field. None of these classes has a `__post_init__` that this would pass over.
    """
    made = list(map(object.__new__, repeat(kind, rows)))
    for name, cells in columns.items():
        deque(map(getattr(kind, name).__set__, made, cells), maxlen=0)
    return made


def _cells(
    fact_class: type[Fact], name: str, table: Table, columns: dict[str, list[Any]]
) -> Iterable[Any]:
    """The values of one field; it has the name of its column, and a date that of its two."""
    if name == "ref":
        refs = {field.name: columns[field.name] for field in fields(FactRef)}
        return _made(FactRef, len(columns["site"]), refs)
    if name == "flags":
        return [tuple(cell.split(",")) if cell else () for cell in columns[name]]
    if f"{name}_earliest" in columns:
        return map(_span, columns[f"{name}_earliest"], columns[f"{name}_latest"])
    to_value = travel(table.columns[name]).to_value
    if to_value is not None:
        return map(to_value, columns[name])
    # An empty column means what the class says for want of a value.
    default = fact_class.__dataclass_fields__[name].default
    if isinstance(default, str) and default:
        return [cell or default for cell in columns[name]]
    return columns[name]


@lru_cache(maxsize=65_536)
def _span(earliest: str, latest: str) -> DateSpan | None:
    if not (earliest and latest):
        return None
    return DateSpan(date.fromisoformat(earliest), date.fromisoformat(latest))
