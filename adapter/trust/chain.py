"""The chain of a site's releases: each names the one before it, so that none can be slipped in,
left out or brought back (pooling.md section 9). Pure; the registry keeps the links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.trust.refusal import NotTrusted
from adapter.trust.release import Release


@dataclass(frozen=True, slots=True)
class Link:
    """A release of the site that was taken before."""

    number: int
    hash: str
    report: str
    revision: int


def link_of(release: Release) -> Link:
    """The release as those after it see it."""
    claims = release.claims
    return Link(claims.number, release.hash, claims.report, claims.revision)


def is_new(release: Release, taken: Sequence[Link], *, gaps: bool = False) -> bool:
    """Whether the release follows those that were taken of its site; False: it is one of them.

    gaps: others may be missing before it, as where files are pooled that came by other ways; what
    is there must fit all the same. Raises NotTrusted for a replay, a fork and a gap.
    """
    claims = release.claims
    by_number = {link.number: link for link in taken}
    if known := by_number.get(claims.number):
        if known.hash == release.hash:
            return False
        raise NotTrusted("replay", f"release {claims.number} of the site was another one: a fork")
    newest = max(by_number, default=0)
    if claims.number < newest:
        raise NotTrusted("replay", f"release {claims.number} comes after release {newest}")
    before = by_number.get(claims.number - 1)
    if before is not None and before.hash != claims.previous:
        raise NotTrusted(
            "chain", f"another release {before.number} was taken than it names: a fork"
        )
    if before is None and claims.number > 1 and not gaps:
        raise NotTrusted("chain", f"release {newest + 1} has not come: this is {claims.number}")
    _check_revision(release, taken, gaps=gaps)
    return True


def _check_revision(release: Release, taken: Sequence[Link], *, gaps: bool) -> None:
    claims = release.claims
    last = max((link.revision for link in taken if link.report == claims.report), default=0)
    if claims.revision <= last:
        raise NotTrusted("replay", f"revision {claims.revision} comes after revision {last}")
    if claims.revision != last + 1 and not gaps:
        raise NotTrusted("chain", f"revision {last + 1} was skipped: this is {claims.revision}")


def check_newest(release: Release, taken: Sequence[Link]) -> None:
    """Raises NotTrusted for a release of which a newer revision was taken."""
    claims = release.claims
    last = max((link.revision for link in taken if link.report == claims.report), default=0)
    if last > claims.revision:
        what = f"it is revision {claims.revision}, and revision {last} was taken"
        raise NotTrusted("superseded", what)
