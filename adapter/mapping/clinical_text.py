"""What a clinical sentence says of the things it mentions: found, not found, or only thought of.

A small reading of assertion status in the manner of NegEx and ConText (Chapman et al., J Biomed
Inform 2001;34:301; Harkema et al., 2009;42:839), in English, German and Portuguese. A cue acts on
the mentions around it within one clause; what would take a guess is left unstated, since a result
read wrongly is worse than one not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adapter.mapping.clauses import clauses
from adapter.mapping.clinical_cues import CUE


class Assertion(StrEnum):
    """What is said of a mention. HYPOTHETICAL: planned, advised, suspected, one of several
    possibilities, or of others."""

    AFFIRMED = "affirmed"
    NEGATED = "negated"
    HYPOTHETICAL = "hypothetical"
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class Mention:
    """Where in a clause something is named. `specific`: naming it is already a statement, unless
    a cue says otherwise (`BRAF V600E`, but not `BRAF`). `event`: it is one by itself, done or seen
    (`new lesions`), so that "no effusion" behind it is about something else."""

    start: int
    end: int
    specific: bool = False
    event: bool = False


_END_OF_PHRASE = re.compile(
    r"(?:mutations?|variants?|alterations?|fusions?|mutationen|varianten?|muta[cç](?:ão|ões))\s*,",
    re.IGNORECASE,
)
# "no gene BRAF" is Portuguese for "in the BRAF gene".
_PORTUGUESE = re.compile(
    r"ç(?:ão|ões)|não|\b(?:foi|com|em|presentes?|pesquisa)\b|(?:detect|identific|encontr)ad[ao]",
    re.IGNORECASE,
)
_BREAK = re.compile(r",|\b(?:and|und|e)\b", re.IGNORECASE)


def events(clause: str, found: Iterable[re.Match[str]]) -> list[Assertion]:
    """What the clause says of each event that was found in it: of what was done or seen."""
    return assertions(clause, [Mention(each.start(), each.end(), event=True) for each in found])


def kinds_of_cue(text: str) -> frozenset[str]:
    """The kinds of cue anywhere in a text, for what must not be guessed from a cue's place."""
    return frozenset(cue.lastgroup or "" for cue in _cues(text))


def assertions(clause: str, mentions: Sequence[Mention]) -> list[Assertion]:
    """What the clause says of each mention, in their order."""
    reading = _Reading(clause, mentions)
    for _, act, subject in _events(clause, mentions):
        act(reading, subject)
    return reading.stated()


def answer(text: str, *, specific: bool = False) -> Assertion:
    """What a text says as the answer to one question: `Not detected`, `wild type`, `p.V600E`."""
    readings = [assertions(clause, [Mention(0, 0, specific)])[0] for clause in clauses(text)]
    for told in (Assertion.HYPOTHETICAL, Assertion.NEGATED, Assertion.AFFIRMED):
        if told in readings:
            return told
    return Assertion.UNSTATED


@dataclass(slots=True)
class _Reading:
    """How far a clause is read. `mode` says what holds for the mentions that follow."""

    clause: str
    mentions: Sequence[Mention]
    mode: Assertion | None = None
    told_in_mode: bool = False
    pending: list[int] = field(default_factory=list)
    shelved: list[int] = field(default_factory=list)
    """Pending ones before a comma that may end a statement or only part a list."""
    found: dict[int, Assertion] = field(default_factory=dict)

    def mention(self, index: int) -> None:
        if self.mode is None:
            self.pending.append(index)
        else:
            self.found[index] = self.mode
            self.told_in_mode = True

    def hypothetical(self, _: int) -> None:
        self._unshelve()
        self._tell_pending(Assertion.HYPOTHETICAL)
        self._enter(Assertion.HYPOTHETICAL)

    def negative(self, end: int) -> None:
        self._result(Assertion.NEGATED, end)

    def wild(self, end: int) -> None:
        named = [index for index in (*self.shelved, *self.pending) if self.mentions[index].specific]
        self.shelved = [index for index in self.shelved if index not in named]
        self.pending = [index for index in self.pending if index not in named]
        self._result(Assertion.NEGATED, end)
        self.shelved += named

    def denial(self, _: int) -> None:
        if self.mode is not Assertion.HYPOTHETICAL:
            self._tell_pending(Assertion.NEGATED)
            self._enter(Assertion.NEGATED)

    def doubt(self, end: int) -> None:
        """`not` with a verb that is no cue: of a name before it or right behind, it may be said."""
        self.found.update(dict.fromkeys((*self.shelved, *self.pending), Assertion.UNSTATED))
        self.shelved.clear()
        self.pending.clear()
        ahead = self._ahead(end)
        if ahead is not None and not _BREAK.search(ahead):
            self._enter(Assertion.UNSTATED)

    def positive(self, end: int) -> None:
        if self.mode is Assertion.NEGATED:
            # "no mutation detected in BRAF" goes on; "no BRAF mutation detected" ends here.
            if self.told_in_mode:
                self._enter(None)
            return
        self._unshelve()
        self._result(Assertion.AFFIRMED, end)

    def no(self, end: int) -> None:
        if self.mode is Assertion.HYPOTHETICAL:
            return
        ahead = self._ahead(end)
        names = [index for index in self.pending if not self.mentions[index].event]
        before = bool(names) and (ahead is None or "," in ahead)
        if before:
            self._deny_pending()
        self._enter(Assertion.NEGATED)
        self.told_in_mode = before

    def turn(self, _: int) -> None:
        self._enter(None)

    def end_of_phrase(self, _: int) -> None:
        # After "no NRAS mutation," the sentence may go on either way.
        self.shelved += self.pending
        self.pending.clear()
        if self.mode is Assertion.NEGATED and self.told_in_mode:
            self._enter(Assertion.UNSTATED)

    def other(self, _: int) -> None:
        """`no other mutations` says nothing of those that are named."""
        self._enter(Assertion.UNSTATED)

    def stated(self) -> list[Assertion]:
        last = {
            index: Assertion.AFFIRMED
            if self.mentions[index].specific or self.mentions[index].event
            else Assertion.UNSTATED
            for index in (*self.shelved, *self.pending)
        }
        return [{**last, **self.found}[index] for index in range(len(self.mentions))]

    def _result(self, told: Assertion, end: int) -> None:
        """A result tells of what stands before it, or else of what follows without a break."""
        if self.mode in (Assertion.HYPOTHETICAL, Assertion.UNSTATED):
            return
        ahead = self._ahead(end)
        if self.pending and told is Assertion.NEGATED:
            self._deny_pending()
        elif self.pending:
            self._tell_pending(told)
        elif ahead is None or _BREAK.search(ahead):
            self._enter(None)
        else:
            self._enter(told)

    def _ahead(self, end: int) -> str | None:
        """What stands between a cue and the next mention; None if there is none."""
        starts = [each.start for each in self.mentions if each.start >= end]
        return self.clause[end : min(starts)] if starts else None

    def _unshelve(self) -> None:
        self.pending = [*self.shelved, *self.pending]
        self.shelved = []

    def _deny_pending(self) -> None:
        """In a list of changes and whole genes, only the latter are surely meant."""
        named = [index for index in self.pending if self.mentions[index].specific]
        if len(named) < len(self.pending):
            self.shelved += named
            self.pending = [index for index in self.pending if index not in named]
        self.found.update(dict.fromkeys(self.shelved, Assertion.UNSTATED))
        self.shelved.clear()
        self._tell_pending(Assertion.NEGATED)

    def _tell_pending(self, told: Assertion) -> None:
        self.found.update(dict.fromkeys(self.pending, told))
        self.pending.clear()

    def _enter(self, mode: Assertion | None) -> None:
        self.mode, self.told_in_mode = mode, False


_ACTS = {
    "hypothetical": _Reading.hypothetical,
    "general": _Reading.hypothetical,
    "question": _Reading.hypothetical,
    "other": _Reading.other,
    "negative": _Reading.negative,
    "wild": _Reading.wild,
    "no": _Reading.no,
    "not": _Reading.doubt,
    "positive": _Reading.positive,
    "turn": _Reading.turn,
}
_ACTS_ON_EVENTS = {
    **_ACTS,
    "not": _Reading.denial,
    "refused": _Reading.denial,
    "tentative": _Reading.hypothetical,
}


def _cues(text: str) -> Iterator[re.Match[str]]:
    """The cues in a text, without a Portuguese "no"."""
    in_portuguese = _PORTUGUESE.search(text)
    for cue in CUE.finditer(_lower(text)):
        if not (in_portuguese and cue.group() == "no"):
            yield cue


def _lower(text: str) -> str:
    """In lower case, with each character in its place (that of İ would be two)."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower()[:1] for c in text)


def _events(clause: str, mentions: Sequence[Mention]) -> list[tuple[int, Any, int]]:
    """(place, act, its subject) in the order of the clause: mentions, cues, ends of phrases."""
    events: list[tuple[int, Any, int]] = [
        (mention.start, _Reading.mention, index) for index, mention in enumerate(mentions)
    ]
    acts = _ACTS_ON_EVENTS if any(mention.event for mention in mentions) else _ACTS
    for cue in _cues(clause):
        within = any(each.start < cue.end() and cue.start() < each.end for each in mentions)
        act = acts.get(cue.lastgroup or "")
        if act and not within:
            events.append((cue.start(), act, cue.end()))
    events += [
        (end.end(), _Reading.end_of_phrase, end.end()) for end in _END_OF_PHRASE.finditer(clause)
    ]
    return sorted(events, key=lambda event: event[0])
