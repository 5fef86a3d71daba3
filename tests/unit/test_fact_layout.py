"""The layout of the fact tables is what their models say."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from adapter.fact_layout import Column, fact_tables, own_columns
from adapter.models import FACT_TABLES, FactRow
from adapter.store.columns import python_type, table_of

TABLES = [table_of(model) for model in FACT_TABLES]


def test_each_fact_table_is_there_and_nothing_else() -> None:
    assert set(fact_tables()) == {table.name for table in TABLES}


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_columns_have_the_types_and_defaults_of_their_models(table: Table) -> None:
    stated = {
        each.name: Column(python_type(each), getattr(each.default, "arg", None))
        for each in table.columns
    }
    assert fact_tables()[table.name] == stated


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_own_columns_come_in_order_without_those_that_all_have(table: Table) -> None:
    own = [each.name for each in table.columns if each.name not in FactRow.model_fields]
    assert list(own_columns(table.name)) == own
