"""Whatever a site sends: it is pooled, or refused by a rule, and never a crash."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.pooling.document import document, tables
from adapter.pooling.pool import pool
from adapter.pooling.refusal import RULES, PoolingRefused
from adapter.pooling.report import pooled_head, pooled_report
from tests.lib.disclosed_reports import SITE, disclosed_of
from tests.lib.pooling import Row, site_reports
from tests.lib.reports import HEAD, measures

TTP = "time-to-progression"
ROWS = [Row("BRAF_V600E", 40, True, 3), Row("NRAS_Q61R", 150, True, 5), Row("fusion", 192, False)]
REPORTS = {
    "exact": site_reports(TTP, [ROWS, ROWS]),
    "masked": [disclosed_of(SITE, "registry", TTP)],
}

values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False),
    st.text(max_size=8), st.just([]), st.just({}), st.just("E"), st.just("0 1 E"), st.just(0),
)  # fmt: skip


def leaves(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all members."""
    items = found.items() if isinstance(found, dict) else enumerate(found)
    for key, member in items:
        yield (*path, key)
        if isinstance(member, dict | list):
            yield from leaves(member, (*path, key))


PATHS = {name: list(leaves(reports[-1])) for name, reports in REPORTS.items()}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(REPORTS)), st.data())
def test_a_changed_report_is_pooled_or_refused(name: str, drawn: st.DataObject):
    reports = copy.deepcopy(REPORTS[name])
    *path, last = drawn.draw(st.sampled_from(PATHS[name]))
    at: Any = reports[-1]
    for key in path:
        at = at[key]
    if drawn.draw(st.booleans()):
        del at[last]
    else:
        at[last] = drawn.draw(values)
    try:
        table = pool(reports, measures()[TTP])
    except PoolingRefused as error:
        rule = error.rule
    else:
        rule = ""
        head = pooled_head(table, HEAD.reporter, HEAD.date, "raiway")
        assert json.dumps(pooled_report(table, head), allow_nan=False)
        assert tables(document(table))
    assert rule in {"", *RULES}
