"""Pandas data frames for notebooks. Single patients' data: they stay inside the site.

    from adapter import frames

    cohort = frames.open("sqlite:///raiway.db", sites=["A"])
    cohort.episodes()
    frames.open("sqlite:///raiway.db", settings=["tg_profile=rcv"]).figures()

Needs the extra `notebook` (pandas); nothing else in Raiway does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter import definitions
from adapter.cohort import Attrition, attrition
from adapter.episode_table import Column, Kind, episode_columns, episodes_of
from adapter.evaluate import Evaluation, Request, evaluate
from adapter.fact_table import fact_columns, fact_model, fact_rows
from adapter.models import FACT_TABLES
from adapter.plot_rows import (
    BAR,
    CURVE,
    EXIT,
    POINT,
    SEGMENT,
    TABLE_ONE,
    bars,
    curve_rows,
    exit_rows,
    points,
    segments,
    table_one_rows,
)
from adapter.store import open_store
from analytics.episode import Episode
from analytics.patient_level import counted_episodes

if TYPE_CHECKING:
    from pandas import DataFrame, Series

FACTS = tuple(str(model.__tablename__) for model in FACT_TABLES)
"""The names of the fact tables."""

FIGURE: Mapping[str, Kind] = {
    "stratifier": "text",
    "stratum": "text",
    "name": "text",
    "value": "number",
    "reason": "text",
}


def open(  # noqa: A001 - read as `frames.open`
    store_url: str,
    *,
    sites: Sequence[str] = (),
    study: str = "redifferentiation",
    settings: Sequence[str] = (),
    stratifiers: Sequence[str] = (),
) -> Cohort:
    """The cohort of a store under a study, evaluated once.

    settings: rules to override, as `--set` takes them. stratifiers: beside `driver`. Raises
    UsageError, DefinitionError or StoreError as the commands do.
    """
    rules = definitions.override(definitions.load().study(study), list(settings))
    request = Request(tuple(sites), stratifiers=tuple(stratifiers))
    with open_store(store_url, create=False) as store:
        evaluation = evaluate(store, rules, request)
        out = attrition(store, rules, sites)
    return Cohort(store_url, evaluation, out)


@dataclass(frozen=True)
class Cohort:
    """A cohort's data frames. Days are `datetime64`; what is not known is NA, never 0.

    `by`: a stratifier that the cohort was opened with; `driver` always is one.
    """

    store_url: str
    evaluation: Evaluation
    attrition: Attrition

    def flow(self) -> DataFrame:
        """Who is out, by the first reason in the study's order: reason, out, left."""
        steps = [("persons in the store", 0, self.attrition.persons), *self.attrition.steps()]
        return _frame({"reason": "text", "out": "whole", "left": "whole"}, steps)

    def facts(self, table: str) -> DataFrame:
        """A fact table, one row a fact; numbers as floating point. Raises UsageError for a table
        that is not in `FACTS`."""
        model = fact_model(table)
        with open_store(self.store_url, create=False) as store:
            rows = fact_rows(store, model, self.evaluation.request.sites)
            return _from_columns(fact_columns(model), rows)

    def episodes(self) -> DataFrame:
        """One row an episode, later courses too (`episode` above 1)."""
        columns = episode_columns(self.evaluation.study)
        return _from_columns(columns, episodes_of(self.evaluation.courses))

    def dictionary(self) -> DataFrame:
        """Kind, unit and meaning of each column of `episodes`."""
        names = ("column", "kind", "unit", "meaning")
        columns = episode_columns(self.evaluation.study)
        rows = [(each.name, each.kind, each.unit, each.meaning) for each in columns]
        return _frame(dict.fromkeys(names, "text"), rows)

    def figures(self) -> DataFrame:
        """Every figure, one row each: those of the whole have an empty stratifier; the reason
        says why a value is NA."""
        return _frame(FIGURE, self._figures())

    def survival(self, by: str | None = None) -> DataFrame:
        """Exits by day: at risk, events and censored, of all or of each group."""
        return _frame(EXIT, exit_rows(self.evaluation, by))

    def kaplan_meier(self, by: str | None = None) -> DataFrame:
        """Survival from day 0 with its standard error and limits, of all or of each group."""
        return _frame(CURVE, curve_rows(self.evaluation, by))

    def waterfall(self, what: str = "tg", at: str = "best") -> DataFrame:
        """Percent change of each patient from before the drugs, greatest increase first.

        what: tg or ct. at: a landmark such as 3m, or best. below_limit: at most so much.
        """
        return _frame(BAR, bars(what, self._counted(), self.evaluation.study, at))

    def spider(self, what: str = "tg") -> DataFrame:
        """Every value of each patient by day from finish. tg: `log10_value` for the log axis
        (NA for 0), and `below_limit` where the value is the limit."""
        return _frame(POINT, points(what, self._counted()))

    def swimmer(self) -> DataFrame:
        """Drugs, radioiodine, follow-up and outcome of each patient, in days from finish."""
        return _frame(SEGMENT, segments(self._counted()))

    def table_one(self, by: str | None = None) -> DataFrame:
        """Table 1, tidy: one row a variable, level and group; group `all` is everybody."""
        return _frame(TABLE_ONE, table_one_rows(self.evaluation, by))

    def _counted(self) -> list[Episode]:
        return counted_episodes(self.evaluation.courses, self.evaluation.study)

    def _figures(self) -> Iterator[tuple[Any, ...]]:
        document = self.evaluation.document()
        for name, value in document["figures"].items():
            yield "", "", name, value, document["not_estimable"].get(name)
        for stratifier, groups in self.evaluation.estimates.strata.items():
            for stratum, found in groups.items():
                for name, value in found.values.items():
                    yield stratifier, stratum, name, value, found.not_estimable.get(name)


def _from_columns(columns: Sequence[Column], rows: Iterable[Any]) -> DataFrame:
    kinds = {column.name: column.kind for column in columns}
    return _frame(kinds, ([column.value(row) for column in columns] for row in rows))


def _frame(kinds: Mapping[str, Kind], rows: Iterable[Sequence[Any]]) -> DataFrame:
    """A frame whose columns have the types of their kinds, also without rows."""
    import pandas as pd

    columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
    found = zip(kinds.items(), columns, strict=True)
    return pd.DataFrame({name: _series(cells, kind) for (name, kind), cells in found})


def _series(cells: Sequence[Any], kind: Kind) -> Series[Any]:
    import pandas as pd

    if kind == "day":
        # days of seconds' precision, which reach beyond the years that nanoseconds can
        return pd.Series([pd.NaT if cell is None else cell for cell in cells]).astype(
            "datetime64[s]"
        )
    types = {"text": "string", "whole": "Int64", "number": "float64", "flag": "boolean"}
    if kind == "number":
        cells = [None if cell is None else float(cell) for cell in cells]
    return pd.Series(cells, dtype=types[kind])
