"""The coverage report as tables for eyes, as the command prints them and the page shows them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adapter.coverage.findings import Unused
from adapter.coverage.report import Coverage, Entry, Score, worst_first
from adapter.coverage.watch import Watch
from adapter.tables import Table

COLUMNS = ("patients", "records", "site", "system", "code", "display", "blocks", "may mean")


def tables(found: Coverage, watch: Watch) -> Iterator[Table]:
    """What nothing maps, what nothing uses, the quarantine, dangling links, and the scores."""
    if found.entries:
        sites = len({entry.site for entry in found.entries}) > 1
        rows = [_row(entry, watch) for entry in found.entries]
        shown = [at for at, name in enumerate(COLUMNS) if sites or name != "site"]
        yield Table(
            "Unmapped",
            tuple(COLUMNS[at] for at in shown),
            [tuple(row[at] for at in shown) for row in rows],
        )
    if found.unused:
        yield Table(
            "Used by nothing",
            ("patients", "records", "resource", "system", "code", "display"),
            [_unused(each) for each in found.unused],
        )
    if found.quarantine:
        reasons = [(f"{n:,}", reason) for reason, n in found.quarantine.items()]
        yield Table("In quarantine", ("lines", "reason"), reasons)
    if found.dangling:
        links = [
            (f"{each.patients:,}", f"{each.links:,}", each.target_type, each.role)
            for each in found.dangling
        ]
        yield Table("Links to nothing", ("patients", "links", "to", "as"), links)
    yield _scores(found, watch)


def percent(score: Score) -> str:
    """With two decimals, cut: what misses 95 is never shown as 95."""
    return "" if score.percent is None else f"{math.floor(score.percent * 100) / 100:.2f} %"


def _row(entry: Entry, watch: Watch) -> tuple[str, ...]:
    blocks = ", ".join(watch.outcomes[name].title for name in entry.blocks)
    system = entry.system or ("" if entry.kind == "code" else f"({entry.kind})")
    code = entry.code or ("(none)" if entry.kind == "unit" else "")
    counts = (f"{entry.patients:,}", f"{entry.records:,}")
    return (*counts, entry.site, system, code, entry.display, blocks, _meaning(entry))


def _unused(each: Unused) -> tuple[str, ...]:
    counts = (f"{each.patients:,}", f"{each.records:,}")
    return (*counts, each.resource_type, each.system, each.code, each.display)


def _meaning(entry: Entry) -> str:
    if entry.suggestion is None:
        return ""
    targets = [" ".join((each.code, each.display)).strip() for each in entry.suggestion.targets]
    return f"{' + '.join(targets)} ({entry.suggestion.why})".strip()


def _scores(found: Coverage, watch: Watch) -> Table:
    rows = [
        (watch.outcomes[name].title, f"{score.mapped:,}", f"{score.unmapped:,}", percent(score))
        for name, score in worst_first(found.outcomes)
    ]
    all_of_them = found.overall
    rows.append(
        ("overall", f"{all_of_them.mapped:,}", f"{all_of_them.unmapped:,}", percent(all_of_them))
    )
    return Table("Coverage", ("outcome", "mapped", "unmapped", "covered"), rows)
