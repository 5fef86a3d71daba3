"""What came of resources is the same after it was packed, joined and sent to another process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

from adapter.mapping.mapped import MappedResource, Rejected, Unmapped
from adapter.packed import Packed, joined, pack
from tests.lib.stores import resource, row, tg

REJECTED = Rejected(site="north", source="a.ndjson:7#entry[2]", reason="no id")


def _facts(packed: Packed, table: str, column: str) -> list[tuple[str, str]]:
    """(id of the resource, cell) of each row of a table."""
    ids = packed.mapped.texts("resource_id")
    rows = packed.mapped.facts[table]
    numbers = rows.column("n").to_pylist()
    cells = rows.column(column).to_pylist()
    return [(ids[number], cell) for number, cell in zip(numbers, cells, strict=True)]


def _said() -> list[MappedResource]:
    local = Unmapped("code", "urn:local", "TG-X", "Tg?", "lab_result")
    return [
        resource("a", tg("1.10"), tg("2"), source="a.ndjson:1"),
        resource("b", unmapped=[local], source="a.ndjson:2"),
        resource("c", retracted=True, source="a.ndjson:3"),
    ]


def test_it_travels_as_it_is() -> None:
    packed = pack([*_said(), REJECTED])
    sent: Packed = pickle.loads(pickle.dumps(packed))  # noqa: S301  # our own
    assert sent.mapped.resources.equals(packed.mapped.resources)
    assert sent.mapped.facts == packed.mapped.facts
    assert (sent.said, sent.rejected, len(sent)) == (packed.said, packed.rejected, 4)


def test_facts_stay_with_their_resources_when_packs_are_joined() -> None:
    one, other = pack(_said()), pack([resource("d", tg("3")), REJECTED])
    both = joined([one, other])
    assert _facts(both, "lab_result", "value_low") == [("a", "1.10"), ("a", "2"), ("d", "3")]
    assert _facts(both, "unmapped_code", "code") == [("b", "TG-X")]
    assert (len(both), both.said.relevant, both.said.unmapped) == (5, 2, 1)
    assert both.said.facts == {"lab_result": 3}


def test_a_tombstone_has_no_facts_and_what_is_silent_is_marked() -> None:
    tombstone = replace(resource("gone", retracted=True), rows=(row("death"),))
    packed = pack([resource("quiet"), tombstone, *_said()])
    assert "death" not in packed.mapped.facts
    ids, marks = packed.mapped.texts("resource_id"), packed.mapped.texts("silent")
    assert [each for each, mark in zip(ids, marks, strict=True) if mark == "1"] == ["quiet"]


def test_places_are_counted_from_the_beginning_of_the_file() -> None:
    packed = pack([*_said(), REJECTED]).after(100)
    assert packed.mapped.texts("source") == ["a.ndjson:101", "a.ndjson:102", "a.ndjson:103"]
    assert [each.source for each in packed.rejected] == ["a.ndjson:107#entry[2]"]


def test_only_what_is_stored_tells_versions_apart() -> None:
    first, elsewhere, other = (
        pack([resource("a", tg(value), source=source)]).mapped.texts("facts_hash")
        for value, source in (("1.1", "x:1"), ("1.1", "y:9"), ("1.10", "x:1"))
    )
    assert first == elsewhere
    assert first != other


def test_half_a_surrogate_pair_can_be_packed() -> None:
    strange = resource("a", row("lab_result", analyte="\ud800", value_low=Decimal(1)))
    (cell,) = pack([strange]).mapped.facts["lab_result"].column("analyte").to_pylist()
    assert cell == "?"


ARROW = """
import sys
from adapter.start_up import import_arrow, own_process
own_process()
import_arrow()
import adbc_driver_sqlite.dbapi
import pyarrow as pa
assert "pandas" not in sys.modules
assert type(pa.table({"a": [1]}).to_pandas()).__name__ == "DataFrame"
"""


def test_a_command_imports_no_pandas_but_for_who_asks_for_a_frame() -> None:
    subprocess.run([sys.executable, "-c", ARROW], check=True)
