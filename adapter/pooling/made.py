"""Pooled reports as they are made by this installation: its reporter, its software, its clock."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

from adapter.config import Settings
from adapter.definitions import load
from adapter.elements import Json
from adapter.pooling.exact import pooled_aggregate
from adapter.pooling.pool import PooledTable
from adapter.pooling.refusal import PoolingRefused
from adapter.pooling.report import pooled_extension, pooled_head, pooled_report
from adapter.report.disclosed import outcome_report
from adapter.report.evaluation import checked, own_reporter
from adapter.report.writer import Reporter, ReportHead
from adapter.server_settings import Policy as PolicyName
from analytics.disclosure.gate import disclose


def report_of_sites(
    table: PooledTable, settings: Settings, reporter: Reporter | None = None
) -> Json:
    """The pooled MeasureReport, with each report that is in it. Raises GateFailed."""
    return pooled_report(table, _head(table, settings, reporter))


def gated_report(
    table: PooledTable, settings: Settings, policy: PolicyName, reporter: Reporter | None = None
) -> Json:
    """What a policy lets out of an exact pooled table, or a withheld report.

    Patients, and exits by driver where the Measure has a survival table. Of other counts the
    sites' reports do not hold all the cells that the gate must see, so they are masked. Raises
    PoolingRefused for a table with hidden counts, and for no policy.
    """
    if not table.exact or policy == "none":
        raise PoolingRefused("poolable", "what rests on hidden counts does not pass the gate")
    sizes = {",".join(site.reporters): site.patients.low for site in table.sites}
    outcome = disclose(pooled_aggregate(table), load().policy(policy), sites=sizes)
    report = outcome_report(outcome, table.measure, table.study, _head(table, settings, reporter))
    report["extension"].append(pooled_extension(table, named=False))
    return checked(report, table.measure)


def _head(table: PooledTable, settings: Settings, reporter: Reporter | None) -> ReportHead:
    software = f"raiway {version('raiway')}"
    by = reporter or own_reporter(settings)
    return pooled_head(table, by, datetime.now(UTC), software)
