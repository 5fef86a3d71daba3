"""Store -> cells: what all patients of a store add to an aggregate, without holding any of them.

The patients are taken span by span, in this process or in forked ones. What was derived of a
patient is kept in the store, and derived again only where the patient's facts are others.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING

import orjson

from adapter.errors import StoreError
from adapter.store.digests import (
    OF_SITES,
    Owner,
    Span,
    block_of,
    block_versions,
    digests,
    spans,
    version,
)
from adapter.store.facts import patients, patients_in
from adapter.store.kept import KeptBlock, Place, kept
from analytics.aggregate import Aggregate, Header, of_cells
from analytics.episode import derive, in_period
from analytics.patient_cells import VALUE, Cell, cells
from analytics.study import Study

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.connect import Transaction
    from analytics.course import PatientFacts

RESOURCES_A_SPAN = 20_000
"""Of so many resources the patients are in memory at once, in each process."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each patient: a study's rules, a period of protocol finish, stratifiers;
    and of which sites (none named: all)."""

    study: Study
    head: Header
    start: date | None = None
    end: date | None = None
    sites: tuple[str, ...] = ()

    @property
    def definition(self) -> str:
        """A name for all that an answer depends on beside the patient's facts."""
        said = (self.study.fingerprint, self.head.stratifiers, self.start, self.end, _rules())
        return hashlib.sha256(orjson.dumps(said)).hexdigest()[:32]


@dataclass(slots=True)
class CohortCells:
    """What the patients add up to. The parts of a cohort are added with `+=`.

    cells: the text of each cell -> how often. finishes: days of protocol finish -> how often.
    patients: of how many there are facts; enrolled: how many of them are in; derived: of how many
    nothing was kept. versions: those of the blocks; packed: what is to be kept.
    """

    cells: Counter[str] = field(default_factory=Counter)
    finishes: Counter[date] = field(default_factory=Counter)
    sites: set[str] = field(default_factory=set)
    patients: int = 0
    enrolled: int = 0
    derived: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    packed: dict[Place, str] = field(default_factory=dict)

    def __iadd__(self, other: CohortCells) -> CohortCells:
        self.cells.update(other.cells)
        self.finishes.update(other.finishes)
        self.sites |= other.sites
        self.patients += other.patients
        self.enrolled += other.enrolled
        self.derived += other.derived
        self.versions |= other.versions
        self.packed |= other.packed
        return self

    def aggregate(self, head: Header) -> Aggregate:
        """The sum of the cells."""
        counted: Counter[Cell] = Counter()
        for text, n in self.cells.items():
            counted[_cell(text)] += n
        return of_cells(counted, head)

    @property
    def data_version(self) -> str:
        """The version of the data that was looked at."""
        return version(self.versions.items())


def cohort_cells(
    store: Store, question: Question, workers: int = 1, *, keep: bool = True
) -> CohortCells:
    """The cells of all patients of the store.

    workers: so many processes, where the system can fork and there is work for them; then each
    patient, though not the whole cohort, is seen as of one moment. keep: answer from what is kept
    of patients whose facts are the same, and keep what had to be derived.
    """
    whole = CohortCells()
    for part in _parts(store, question, workers, keep=keep):
        whole += part
    # What is kept only saves time, so that a store that takes nothing does no harm.
    with suppress(StoreError):
        store.keep(question.definition, whole.packed)
    whole.packed.clear()
    return whole


def _parts(store: Store, question: Question, workers: int, *, keep: bool) -> Iterator[CohortCells]:
    with store.reading() as transaction:
        found = spans(transaction, RESOURCES_A_SPAN)
        of_sites = block_versions(digests(transaction, question.sites, OF_SITES))
        yield CohortCells(versions=of_sites)
        if min(workers, len(found)) < 2 or "fork" not in multiprocessing.get_all_start_methods():
            with _few_collections():
                for span in found:
                    yield span_cells(transaction, question, span, keep=keep)
            return
    with ProcessPoolExecutor(
        min(workers, len(found)),
        mp_context=multiprocessing.get_context("fork"),
        initializer=_begin,
        initargs=(store, question, keep),
    ) as pool:
        yield from pool.map(_work, found)


@contextmanager
def _few_collections() -> Iterator[None]:
    """What a patient takes is no cycle: looking for some would take a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


_worker: tuple[Store, Question, bool] | None = None
"""What a forked process works on."""


def _begin(store: Store, question: Question, keep: bool) -> None:
    global _worker
    _worker = store, question, keep
    # What was there before the fork need never be looked through.
    gc.freeze()


def _work(span: Span) -> CohortCells:
    if _worker is None:
        raise RuntimeError("a worker that was not begun")
    store, question, keep = _worker
    with _few_collections(), store.again() as own, own.reading() as transaction:
        return span_cells(transaction, question, span, keep=keep)


def span_cells(
    transaction: Transaction, question: Question, span: Span, *, keep: bool
) -> CohortCells:
    """The cells of the patients in a span of whole blocks."""
    known = digests(transaction, question.sites, span)
    held = _Held(known)
    if keep:
        for place, block in kept(transaction, question.definition, span):
            held.take(place, block)
    stale = [owner for owner in known if owner not in held.rows]
    for facts in _facts(transaction, question.sites, span, stale, len(known)):
        held.add(facts, question)
    return held.part(stale, keep=keep)


def _facts(
    transaction: Transaction,
    sites: Sequence[str],
    span: Span,
    stale: Sequence[Owner],
    known: int,
) -> Iterable[PatientFacts]:
    """The facts of the stale patients; of more than half of a span they are read as a whole."""
    if not stale:
        return ()
    if 2 * len(stale) < known:
        return patients(transaction, sites, [key for key, _ in stale])
    return patients_in(transaction, span.holds, sites)


Row = tuple[str, list[str], list[int]]
"""The digest of a patient's facts, the texts of the patient's cells, and the days (as ordinals) of
protocol finish."""


class _Held:
    """What is known of the patients of a span, kept or derived."""

    def __init__(self, known: Mapping[Owner, str]) -> None:
        self._known = known
        self.rows: dict[Owner, Row] = {}

    def take(self, place: Place, block: KeptBlock) -> None:
        """What is kept of the patients whose facts are still the same."""
        site, texts = place[0], block.common
        for key, (digest, ids, finishes) in block.patients.items():
            if self._known.get((key, site)) == digest:
                self.rows[key, site] = digest, [texts[place] for place in ids], finishes

    def add(self, facts: PatientFacts, question: Question) -> None:
        """Derive a patient of whom nothing is held."""
        owner = facts.patient_key, facts.site
        if owner in self.rows or owner not in self._known:
            return
        derived = derive(facts, question.study, explained=False)
        course = in_period(derived, question.start, question.end)
        texts = [_text(cell) for cell in cells(course, question.study, question.head)]
        finishes = [episode.finish.toordinal() for episode in course.episodes]
        self.rows[owner] = self._known[owner], texts, finishes

    def part(self, stale: Sequence[Owner], *, keep: bool) -> CohortCells:
        """All of it, and what is to be kept."""
        rows = self.rows.values()
        ordinals = Counter(chain.from_iterable(finishes for _, _, finishes in rows))
        return CohortCells(
            cells=Counter(chain.from_iterable(texts for _, texts, _ in rows)),
            finishes=Counter({date.fromordinal(day): n for day, n in ordinals.items()}),
            sites={site for (_, site), row in self.rows.items() if row[1]},
            patients=sum(bool(texts) for _, texts, _ in rows),
            enrolled=sum(bool(finishes) for _, _, finishes in rows),
            derived=len(stale),
            versions=block_versions(self._known),
            packed=self._packed(stale) if keep else {},
        )

    def _packed(self, stale: Sequence[Owner]) -> dict[Place, str]:
        """The blocks of the patients who were derived."""
        blocks: dict[Place, list[Owner]] = {(site, block_of(key)): [] for key, site in stale}
        for key, site in self._known:
            if (site, block_of(key)) in blocks:
                blocks[site, block_of(key)].append((key, site))
        return {place: self._block(owners).packed() for place, owners in blocks.items()}

    def _block(self, owners: Iterable[Owner]) -> KeptBlock:
        places: dict[str, int] = {}
        held = {}
        for owner in owners:
            # Of some patients there is nothing but resources without facts.
            digest, texts, finishes = self.rows.get(owner, (self._known[owner], [], []))
            ids = [places.setdefault(text, len(places)) for text in texts]
            held[owner[0]] = digest, ids, finishes
        return KeptBlock(list(places), held)


@lru_cache(maxsize=65_536)
def _text(cell: Cell) -> str:
    return orjson.dumps(cell, default=str).decode()


def _cell(text: str) -> Cell:
    table, pattern, variable, *rest = orjson.loads(text)
    if table == VALUE:
        rest = [Decimal(rest[0])]
    return table, tuple(pattern), variable, *rest


@cache
def _rules() -> str:
    """A digest of the code by which facts are read and patients derived."""
    digest = hashlib.sha256()
    for package in ("analytics", "adapter.store"):
        for path in sorted(files(package).iterdir(), key=lambda path: path.name):
            if path.name.endswith(".py"):
                digest.update(path.read_bytes())
    return digest.hexdigest()
