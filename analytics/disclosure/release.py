"""Release discipline: what went out before decides what may go out now (pooling.md, section 7).

Two tables that are each safe can give a patient away together: the sum over five sites less the
sum over four of them is the fifth site, and this quarter less the last is this quarter's patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date

from analytics.disclosure.cells import Range
from analytics.disclosure.gate import Disclosed
from analytics.disclosure.policy import Policy


@dataclass(frozen=True, slots=True)
class Release:
    """One table that went out, or is to go: the measure, its period, who took part, and when."""

    measure: str
    start: date
    end: date
    sites: frozenset[str]
    day: date
    disclosed: Disclosed


@dataclass(frozen=True, slots=True)
class Opening:
    """A cohort of which reports went out, known by what they showed: sites, counts by place."""

    policy: Policy
    sites: frozenset[str]
    counts: Mapping[str, Range]


def shown(count: int, policy: Policy) -> Range:
    """What a count that was shown under the policy tells: itself, or its class."""
    half = policy.rounding // 2
    return Range(max(0, count - half), count + half)


def opening_refusals(new: Opening, old: Opening, days: int) -> Iterator[str]:
    """Why another cohort may not be opened so many days after an earlier one, without any count.

    The stricter of the two policies holds: their recipients may talk.
    """
    policies = (new.policy, old.policy)
    cadence = max(policy.cadence_days for policy in policies)
    if days < cadence:
        yield (
            "under a disclosure policy one period, set of sites and state of the data is open at a "
            f"time; another may be opened {cadence - days} days from now"
        )
    if _too_near(new.sites, old.sites, max(policy.min_site_difference for policy in policies)):
        yield "the sites differ by too few from those of an earlier release"
    least = max(policy.threshold for policy in policies)
    both = new.counts.keys() & old.counts.keys()
    if any(_small(_change(new.counts[name], old.counts[name]), least) for name in both):
        yield "a count differs from that of an earlier release by too few to be shown"


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
    if _too_near(new.sites, old.sites, policy.min_site_difference):
        yield f"the sites differ from those of {old.day} by {len(new.sites ^ old.sites)}"
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


def _too_near(sites: Set[str], others: Set[str], least: int) -> bool:
    return 0 < len(sites ^ others) < least


def _change(new: Range, old: Range) -> Range:
    return Range(new.low - old.high, new.high - old.low)


def _small(change: Range, threshold: int) -> bool:
    """Whether a change, not none, is known to less than a mask's width and may be of a few."""
    if change == (0, 0) or change.high - change.low >= threshold - 2:
        return False
    return change.low < threshold and change.high > -threshold
