"""Release discipline: what went out before decides what may go out now (pooling.md, section 7).

Two tables that are each safe can give a patient away together: the sum over five sites less the
sum over four of them is the fifth site, and this quarter less the last is this quarter's patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from analytics.disclosure.cells import Range
from analytics.disclosure.gate import Disclosed


@dataclass(frozen=True, slots=True)
class Release:
    """One table that went out, or is to go: the measure, its period, who took part, and when."""

    measure: str
    start: date
    end: date
    sites: frozenset[str]
    day: date
    disclosed: Disclosed


def refusals(new: Release, before: Iterable[Release]) -> tuple[str, ...]:
    """Why `new` may not go out after the releases `before`, without any count; () if it may.

    The same table again is no new release. Releases to other recipients count too: they may talk.
    """
    earlier = [old for old in before if old.measure == new.measure]
    if any(_same(new, old) for old in earlier):
        return ()
    found: dict[str, None] = {}
    for old in sorted(earlier, key=lambda release: (release.day, release.end)):
        found |= dict.fromkeys(_against(new, old))
    return tuple(found)


def _same(new: Release, old: Release) -> bool:
    return (new.start, new.end, new.sites, new.disclosed) == (
        old.start, old.end, old.sites, old.disclosed,
    )  # fmt: skip


def _against(new: Release, old: Release) -> Iterator[str]:
    policy = new.disclosed.policy
    same_recipient = old.disclosed.policy.id == policy.id
    if same_recipient and (new.start, new.end) == (old.start, old.end):
        yield f"the period to {old.end} was opened on {old.day}: a correction waits for the next"
    days = (new.day - old.day).days
    if same_recipient and days < policy.cadence_days:
        yield f"{days} days after the release of {old.day}, not {policy.cadence_days}"
    differing = len(new.sites ^ old.sites)
    if 0 < differing < policy.min_site_difference:
        yield f"the sites differ from those of {old.day} by {differing}"
    unchanged = (new.start, new.end, new.sites) == (old.start, old.end, old.sites)
    if _tells_a_few(new.disclosed, old.disclosed, unchanged):
        yield f"a count differs from that of {old.day} by too few patients to be shown"


def _tells_a_few(new: Disclosed, old: Disclosed, unchanged: bool) -> bool:
    """Whether some cell changed by a number that both tables tell and no table may show.

    unchanged: both are of one period and the same sites, so that no change is expected.
    """
    if new.header != old.header:
        return False
    least = max(new.policy.threshold, old.policy.threshold)
    return any(
        _small(_change(new.cells[cell], old.cells[cell]), least)
        and not (unchanged and 0 in _change(new.cells[cell], old.cells[cell]))
        for cell in new.cells.keys() & old.cells.keys()
    )


def _change(new: Range, old: Range) -> Range:
    return Range(new.low - old.high, new.high - old.low)


def _small(change: Range, threshold: int) -> bool:
    """Whether a change, not none, is known to less than a mask's width and may be of a few."""
    if change == (0, 0) or change.high - change.low >= threshold - 2:
        return False
    return change.low < threshold and change.high > -threshold
