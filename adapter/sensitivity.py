"""One store under many definitions: how far the figures hang on the rules.

Patients are read once; each is derived under every definition, and each definition's courses are
added up as they come, so that memory holds aggregates and not courses.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from adapter.cohort import check_sites
from adapter.errors import UsageError
from adapter.variants import Variant
from analytics.aggregate import Aggregate, aggregate, header
from analytics.course import PatientFacts
from analytics.episode import Course, derive
from analytics.estimate import estimate
from analytics.figures import Figures, Value
from analytics.study import Study

if TYPE_CHECKING:
    from adapter.store import Store

BATCH = 500
HORIZON = "{horizon_days}"
"""In the name of a figure: the horizon of the definition at hand."""
ABSENT = "no such figure under this definition"


def headline(study: Study) -> tuple[str, ...]:
    """The figures that are shown where none is asked for."""
    first = f"prior_to_{study.landmarks[0].name}"
    return (
        "n_patients",
        "followed_n",
        f"progressed_by_{HORIZON}_n",
        f"rmst_{HORIZON}_days",
        f"rmst_{HORIZON}_se",
        "ttp_median",
        f"tg_{first}_decrease_pct",
        f"ct_{first}_decrease_pct",
        "objective_response_pct",
        "rai_uptake_pct",
    )


@dataclass(frozen=True, slots=True)
class Moved:
    """A patient who is in under one definition only, and why out under the other."""

    site: str
    patient: str
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """One definition and what it gives. `figures` and `differences` (to the reference) go by the
    name as asked; None where not estimable, or where the horizon makes it another quantity."""

    name: str
    changes: dict[str, Any]
    study: Study
    figures: dict[str, Value]
    not_estimable: dict[str, str]
    differences: dict[str, Value]
    moved_in: tuple[Moved, ...]
    moved_out: tuple[Moved, ...]

    def document(self) -> dict[str, Any]:
        """JSON-ready, with the definition and its hash. Names patients: for inside the site."""
        return {
            "name": self.name,
            "changed": self.changes,
            "hash": self.study.fingerprint,
            "figures": self.figures,
            "differences": self.differences,
            "not_estimable": self.not_estimable,
            "moved_in": [_document(each) for each in self.moved_in],
            "moved_out": [_document(each) for each in self.moved_out],
            "study": self.study.parameters(),
        }


def _document(moved: Moved) -> dict[str, str]:
    return {"site": moved.site, "patient": moved.patient, "reason": moved.reason}


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The reference definition's result and the others', in the order asked for."""

    reference: Result
    others: tuple[Result, ...]
    persons: int
    data_version: str

    def document(self) -> dict[str, Any]:
        """JSON-ready. Names patients: for inside the site."""
        return {
            "persons": self.persons,
            "data_version": self.data_version,
            "reference": self.reference.document(),
            "definitions": [each.document() for each in self.others],
        }


@dataclass(frozen=True, slots=True)
class Question:
    """The reference study, what to change of it, the figures to show and the sites (none: all)."""

    study: Study
    variants: Sequence[Variant]
    figures: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


def sensitivity(
    store: Store, asked: Question, told: Callable[[int], None] = lambda done: None
) -> Sensitivity:
    """The figures of a store under each definition; `told` hears how many patients are done.

    Raises UsageError for an unknown site or figure, DefinitionError for a wrong variant.
    """
    check_sites(store, asked.sites)
    studies = [variant.of(asked.study) for variant in asked.variants]
    lines = {study.fingerprint: _Line(study) for study in (asked.study, *studies)}
    persons = _feed(store.patients(asked.sites), list(lines.values()), told)
    names = asked.figures or headline(asked.study)
    found = {key: line.taken(names) for key, line in lines.items()}
    base = found[asked.study.fingerprint]
    _check_known(names, base, found.values())
    _zero_counts(names, found.values())
    reference = _result(Variant("reference", {}), lines[asked.study.fingerprint], base, base)
    others = tuple(
        _result(variant, lines[study.fingerprint], found[study.fingerprint], base)
        for variant, study in zip(asked.variants, studies, strict=True)
    )
    return Sensitivity(reference, others, persons, store.fingerprint(asked.sites))


@dataclass(slots=True)
class _Taken:
    """The figures asked for under one definition, by the name as asked."""

    resolved: dict[str, str]
    values: dict[str, Value]
    reasons: dict[str, str]
    known: frozenset[str]


@dataclass(slots=True)
class _Line:
    """One definition: its sum so far, and who moved against the reference."""

    study: Study
    cells: Aggregate = field(init=False)
    moved_in: list[Moved] = field(default_factory=list)
    moved_out: list[Moved] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells = Aggregate(header(self.study))

    def take(self, patients: Sequence[PatientFacts], reference: Sequence[Course]) -> None:
        courses = [derive(facts, self.study) for facts in patients]
        self.add(courses)
        for mine, theirs in zip(courses, reference, strict=True):
            if mine.episodes and not theirs.episodes:
                self.moved_in.append(Moved(mine.site, mine.patient_key, theirs.attrition or ""))
            if theirs.episodes and not mine.episodes:
                self.moved_out.append(Moved(mine.site, mine.patient_key, mine.attrition or ""))

    def add(self, courses: Sequence[Course]) -> None:
        self.cells = self.cells + aggregate(courses, self.study, self.cells.header)

    def taken(self, names: Iterable[str]) -> _Taken:
        figures: Figures = estimate(self.cells, self.study).overall
        resolved = {name: name.replace(HORIZON, str(self.study.horizon_days)) for name in names}
        values = {name: figures.values.get(full) for name, full in resolved.items()}
        reasons = {
            name: figures.not_estimable.get(full, ABSENT)
            for name, full in resolved.items()
            if values[name] is None
        }
        return _Taken(resolved, values, reasons, frozenset(figures.values))


def _feed(
    patients: Iterable[PatientFacts], lines: Sequence[_Line], told: Callable[[int], None]
) -> int:
    """Every patient through every definition, the reference (the first) before the others."""
    reference, *others = lines
    done, left = 0, iter(patients)
    while batch := list(islice(left, BATCH)):
        courses = [derive(facts, reference.study) for facts in batch]
        reference.add(courses)
        for line in others:
            line.take(batch, courses)
        done += len(batch)
        told(done)
    return done


def _check_known(names: Iterable[str], base: _Taken, every: Collection[_Taken]) -> None:
    known = frozenset().union(*(each.known for each in every))
    for name in names:
        if not any(each.resolved[name] in each.known for each in every):
            near = difflib.get_close_matches(base.resolved[name], known, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "names: docs/figures.md"
            raise UsageError(
                f"--figure {name}: no figure of the aggregate has this name", hint=hint
            )


def _zero_counts(names: Iterable[str], every: Iterable[_Taken]) -> None:
    """A count of a category that nobody has is 0: figures name only those that occur."""
    for taken in every:
        for name in names:
            if taken.reasons.get(name) == ABSENT and "_n:" in name:
                taken.values[name] = 0
                del taken.reasons[name]


def _result(variant: Variant, line: _Line, taken: _Taken, base: _Taken) -> Result:
    return Result(
        name=variant.name,
        changes=dict(variant.changes),
        study=line.study,
        figures=taken.values,
        not_estimable=taken.reasons,
        differences={name: _difference(name, taken, base) for name in taken.values},
        moved_in=tuple(line.moved_in),
        moved_out=tuple(line.moved_out),
    )


def _difference(name: str, taken: _Taken, base: _Taken) -> Value:
    mine, theirs = taken.values[name], base.values[name]
    if mine is None or theirs is None or taken.resolved[name] != base.resolved[name]:
        return None
    return mine - theirs
