"""The opened table as a MeasureReport: all of it for the registry, or what a policy lets out."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

from adapter.config import Settings
from adapter.definitions import load
from adapter.elements import Json
from adapter.pooling.exact import pooled_aggregate
from adapter.pooling.made import report_of_sites
from adapter.pooling.pool import PooledTable
from adapter.pooling.report import pooled_head
from adapter.pooling.secure.party import Party
from adapter.report.disclosed import outcome_report
from adapter.report.evaluation import checked, own_reporter
from adapter.server_settings import Policy as PolicyName
from analytics.disclosure.gate import disclose


def whole_sum(table: PooledTable, settings: Settings) -> Json:
    """The pooled MeasureReport, with the names of the sites. For the registry alone."""
    return report_of_sites(table, settings)


def gated_sum(party: Party, table: PooledTable, settings: Settings, policy: PolicyName) -> Json:
    """What a policy lets out of the sum, or a withheld report. Sizes of sites are as they state
    them, rounded: nobody has others."""
    sizes = {each.site: each.n for each in party.agreed if each.n}
    outcome = disclose(pooled_aggregate(table), load().policy(policy), sites=sizes)
    head = pooled_head(
        table, own_reporter(settings), datetime.now(UTC), f"raiway {version('raiway')}"
    )
    return checked(outcome_report(outcome, table.measure, table.study, head), table.measure)
