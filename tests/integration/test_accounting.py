"""Nothing is dropped silently: each resource read is counted as one thing, and rightly so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from adapter import splits
from adapter.cli.app import application
from adapter.ingest import BECAME, How, Summary
from adapter.models import FACT_TABLES, LabResultRow, VisitRow
from adapter.store import open_store
from tests.lib.ingests import (
    OTHER_DRUG,
    bundle,
    counted,
    glucose,
    ingested,
    line,
    load_in_full,
    medication,
    ndjson,
    of_interest,
    person,
    procedure,
    request,
    specimen,
    tg,
    visit,
    written,
)

app = application()

PLAIN = How(workers=1)
WAYS = (PLAIN, How(strict=True, workers=1), How(workers=2), How(strict=True, workers=2))
Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Case:
    """Files, and what becomes of their resources at the first and at the second ingest."""

    files: Files
    first: dict[str, int]
    second: dict[str, int]


def n(**counts: int) -> dict[str, int]:
    """The counts of a summary, those that are not named being 0."""
    return {name: counts.get(name, 0) for name in BECAME}


RETRACTED = {**tg("gone"), "status": "entered-in-error"}
BAD_UNIT = tg("bad", valueQuantity={"value": 1, "unit": "furlong", "code": "furlong"})
ALL = (
    person(), tg(), glucose(), b"{broken", visit(), visit("e2", "stranger"), RETRACTED, BAD_UNIT,
)  # fmt: skip
FIRST = n(mapped=3, retracted=1, quarantined=2, irrelevant=2)
SECOND = n(unchanged=4, quarantined=2, irrelevant=2)
OBJECTS = tuple(each for each in ALL if not isinstance(each, bytes))
OF_OBJECTS = (
    n(mapped=3, retracted=1, quarantined=1, irrelevant=2),
    n(unchanged=4, quarantined=1, irrelevant=2),
)
DELETED = {"request": {"method": "DELETE", "url": "Patient/x"}}
WITH_DELETED = bundle(*OBJECTS) | {"entry": [*bundle(*OBJECTS)["entry"], DELETED]}
BOM = b"\xef\xbb\xbf"
LINES = ndjson(*ALL)


def pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


CASES = {
    "lines": Case((("a.ndjson", LINES),), FIRST, SECOND),
    "lines, last first": Case((("a.ndjson", ndjson(*reversed(ALL))),), FIRST, SECOND),
    "a file each": Case(
        tuple((f"{at}.jsonl", ndjson(each)) for at, each in enumerate(ALL)), FIRST, SECOND
    ),
    "gzip": Case((("a.ndjson.gz", LINES),), FIRST, SECOND),
    "CRLF": Case((("a.ndjson", LINES.replace(b"\n", b"\r\n")),), FIRST, SECOND),
    "BOM": Case((("a.ndjson", BOM + LINES),), FIRST, SECOND),
    "blank lines": Case(
        (("a.ndjson", b"\n \n" + LINES.replace(b"\n", b"\n\t\n\r\n")),), FIRST, SECOND
    ),
    "no last newline": Case((("a.ndjson", LINES[:-1]),), FIRST, SECOND),
    "only a BOM": Case(
        (("a.ndjson", BOM), ("b.json", line(person()))), n(mapped=1), n(unchanged=1)
    ),
    "no bytes": Case((("a.ndjson", b""), ("b.ndjson.gz", b""), ("c.ndjson", b"\n\n")), n(), n()),
    "lines named .json": Case((("a.json", ndjson(*OBJECTS)),), *OF_OBJECTS),
    "a Bundle": Case((("a.json", line(bundle(*OBJECTS))),), *OF_OBJECTS),
    "a Bundle, pretty, gzip": Case(
        (("a.json.gz", BOM + pretty(WITH_DELETED)),),
        n(mapped=3, retracted=2, quarantined=1, irrelevant=2),
        n(unchanged=5, quarantined=1, irrelevant=2),
    ),
    "a Bundle in a line": Case(
        (("a.ndjson", ndjson(WITH_DELETED, b"", bundle(), tg("o2"))),),
        n(mapped=4, retracted=2, quarantined=1, irrelevant=2),
        n(unchanged=6, quarantined=1, irrelevant=2),
    ),
    "a Bundle in a Bundle": Case(
        (("a.ndjson", ndjson(bundle(bundle(*OBJECTS, kind="searchset"), glucose("g2")))),),
        n(mapped=3, retracted=1, quarantined=1, irrelevant=3),
        n(unchanged=4, quarantined=1, irrelevant=3),
    ),
    "a Bundle with what is no resource": Case(
        (("a.ndjson", ndjson(bundle(tg(), 5, None, [tg()], glucose()) | {"id": "b"})),),
        n(mapped=1, quarantined=3, irrelevant=1),
        n(unchanged=1, quarantined=3, irrelevant=1),
    ),
    "duplicates": Case(
        (("a.ndjson", ndjson(tg(), glucose(), tg())), ("b.ndjson", ndjson(glucose(), tg()))),
        n(mapped=1, unchanged=2, irrelevant=2),
        n(unchanged=3, irrelevant=2),
    ),
    "an older and a newer version": Case(
        (("a.ndjson", ndjson(tg(day=1), tg(day=3))), ("b.ndjson", ndjson(tg(day=2)))),
        n(mapped=1, older=2),
        n(unchanged=1, older=2),
    ),
    "retracted later": Case(
        (("a.ndjson", ndjson(tg("gone"), tg("o2"))), ("b.ndjson", ndjson(RETRACTED))),
        n(mapped=1, older=1, retracted=1),
        n(unchanged=2, older=1),
    ),
    "retracted before": Case(
        (("a.ndjson", ndjson(RETRACTED)), ("b.ndjson", ndjson(tg("gone"), tg("o2")))),
        n(mapped=1, older=1, retracted=1),
        n(unchanged=2, older=1),
    ),
    "a newer version that states nothing": Case(
        (("a.ndjson", ndjson(tg(day=1))), ("b.ndjson", ndjson(glucose("o1", day=2), glucose()))),
        n(mapped=2, irrelevant=1),
        n(unchanged=1, older=1, irrelevant=1),
    ),
    "a newer version that states nothing, first": Case(
        (("a.ndjson", ndjson(glucose("o1", day=2), glucose())), ("b.ndjson", ndjson(tg(day=1)))),
        n(mapped=2, irrelevant=1),
        n(unchanged=1, older=1, irrelevant=1),
    ),
    "an older version that states nothing": Case(
        (("a.ndjson", ndjson(glucose("o1", day=1), tg(day=2))),),
        n(mapped=1, older=1),
        n(unchanged=1, older=1),
    ),
    # Parsed for its unit, which a scan cannot tell from a code; it states nothing all the same.
    "a newer version that is parsed in vain, first": Case(
        (
            ("a.ndjson", ndjson({**glucose("o1", day=2), "note": [{"text": "\u00e9"}]})),
            ("b.ndjson", ndjson(tg(day=1))),
        ),
        n(mapped=2),
        n(unchanged=1, older=1),
    ),
    # It could be replayed, were it not in quarantine already, where --strict has put it.
    "a visit of somebody with facts that cannot be mapped": Case(
        (("a.ndjson", ndjson(visit(period={"start": "2021-99-99"}), tg(), visit("e2"))),),
        n(mapped=2, quarantined=1),
        n(unchanged=2, quarantined=1),
    ),
    # Of a line that is no Bundle but looks like one nothing is counted twice.
    "a line that speaks of Bundles": Case(
        (
            (
                "a.ndjson",
                ndjson(
                    {**tg(), "note": [{"text": "Bundle"}]}, b'{"resourceType":"Bundle"', visit()
                ),
            ),
        ),
        n(mapped=2, quarantined=1),
        n(unchanged=2, quarantined=1),
    ),
    # Whose visit it is, the newer version says, which nobody with facts asks for.
    "a visit that turns out to be a stranger's": Case(
        (("a.ndjson", ndjson(tg(), visit(day=1), visit(who="stranger", day=2))),),
        n(mapped=3),
        n(unchanged=2, older=1),
    ),
}


def became(summary: Summary) -> dict[str, int]:
    return {name: getattr(summary, name) for name in BECAME}


def stored(url: str) -> tuple[str, set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    """The store's fingerprint, and where its facts and what lies in quarantine stood."""
    with open_store(url, create=False) as store:
        facts = {
            (row.resource_type, row.resource_id, row.source)
            for table in FACT_TABLES
            for row in store.rows(table)
        }
        waiting = {(row.source, row.reason, row.raw) for row in store.quarantined()}
        return store.fingerprint(), facts, waiting


@pytest.mark.parametrize("name", CASES)
def test_each_resource_is_counted_as_what_became_of_it(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    paths = written(tmp_path, case.files)
    total = sum(counted(*file) for file in case.files)
    found = []
    for at, how in enumerate(WAYS):
        url = f"sqlite:///{tmp_path / str(at)}.db"
        first, second = ingested(url, paths, how), ingested(url, paths, how)
        assert (became(first), first.read) == (case.first, total), how
        assert (became(second), second.read) == (case.second, total), how
        assert first.unparsed <= first.irrelevant
        assert not (how.strict and first.unparsed)
        found.append(stored(url))
    assert all(each == found[0] for each in found)


def test_both_engines_count_alike(store_url: str, tmp_path: Path) -> None:
    """All situations of versions, and some of files, one after another in one store."""
    for name, case in list(CASES.items())[-len(CASES) // 2 :]:
        paths = written(tmp_path / name.replace(" ", "-"), case.files)
        summary = ingested(store_url, paths, PLAIN)
        assert summary.read == sum(counted(*file) for file in case.files), name
        assert all(value >= 0 for value in summary.counts().values()), name


def test_the_facts_of_a_version_go_with_a_newer_one_in_another_split(
    small_splits: None, tmp_path: Path
) -> None:
    silent = glucose("o1", day=2)
    lines = [silent, *(glucose(f"x{at}") for at in range(40)), tg(day=1), tg("o2")]
    for at, resources in enumerate((lines, lines[::-1])):
        url = f"sqlite:///{tmp_path / str(at)}.db"
        (path,) = written(tmp_path / str(at), [("a.ndjson", ndjson(*resources))])
        assert len(list(splits.of_file(path))) > 10
        summary = ingested(url, [path], PLAIN)
        assert became(summary) == n(mapped=3, irrelevant=40)
        with open_store(url, create=False) as store:
            assert [row.resource_id for row in store.rows(LabResultRow)] == ["o2"]


def test_a_version_that_states_nothing_mends_what_lies_in_quarantine(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    first = written(tmp_path, [("a.ndjson", ndjson({**BAD_UNIT, "id": "o1"}))])
    assert ingested(url, first, PLAIN).quarantined == 1
    second = written(tmp_path, [("b.ndjson", ndjson(glucose("o1", day=2)))])
    assert became(ingested(url, second, PLAIN)) == n(irrelevant=1)
    with open_store(url, create=False) as store:
        assert not list(store.quarantined())


@pytest.fixture
def small_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits and blocks of a line or so."""
    monkeypatch.setattr(splits, "SPLIT", 300)
    monkeypatch.setattr(splits, "BLOCK", 64)


# Everything that reaches only people and targets of interest, and what makes it so.
POOL = (
    person(), person("q"), tg(day=1), tg(day=3), glucose("o1", day=2), glucose("o1", day=4),
    tg("o2", "q", specimen={"reference": "Specimen/s1"}), glucose("o2", "q", day=5),
    {**tg("o1"), "status": "entered-in-error"}, visit(), visit("e1", "q", day=2),
    visit("e2", "q"), visit("e3", "stranger"), specimen("s1", "q"), specimen("s2"),
    procedure(), {**tg("o4", "r"), "partOf": [{"reference": "Procedure/c1"}]}, medication(),
    medication("m2", OTHER_DRUG), request("r1", "t"), request("r2", "u", "m2"),
    request("r3", "p"), visit("e4", "t"), visit("e5", "u"), BAD_UNIT, b"{", b"[]",
    {**glucose("o9"), "note": [{"text": "\u00e9"}]}, {**visit("e6", "t"), "language": "\\/"},
)  # fmt: skip
ENDINGS = ("a.ndjson", "b.ndjson.gz", "c.ndjson", "d.json")


@st.composite
def exports(draw: st.DrawFn) -> tuple[Files, ...]:
    """The same resources in files, twice: in another order, in other files, as Bundles or not."""
    chosen = draw(st.lists(st.sampled_from(range(len(POOL))), min_size=1, max_size=25))
    return tuple(tuple(draw_files(draw, chosen)) for _ in range(2))


def draw_files(draw: st.DrawFn, chosen: list[int]) -> Iterator[tuple[str, bytes]]:
    shuffled = draw(st.permutations(chosen))
    for name in ENDINGS:
        size = draw(st.integers(0, len(shuffled)))
        taken, shuffled = shuffled[:size], shuffled[size:]
        if name == ENDINGS[-1]:
            taken = taken + shuffled
        resources = [POOL[each] for each in taken]
        objects = [each for each in resources if not isinstance(each, bytes)]
        broken = [each for each in resources if isinstance(each, bytes)]
        if name.endswith(".json"):
            yield name, draw(st.sampled_from((line, pretty)))(bundle(*objects))
            yield "e.ndjson", ndjson(*broken)
        elif draw(st.booleans()):
            yield name, ndjson(*broken, bundle(*objects))
        else:
            yield name, ndjson(*resources)


# Each example ingests into several stores; shrinking would take minutes.
@settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(found=exports())
def test_whatever_stands_where_the_patients_with_facts_are_those_of_a_full_parse(
    found: tuple[Files, ...], small_splits: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("export")
    reference = None
    for order, files in enumerate(found):
        paths = written(folder / str(order), files)
        total = sum(counted(*file) for file in files)
        with open_store(f"sqlite:///{folder / f'full-{order}'}.db", create=True) as store:
            load_in_full(store, paths)
            full = [places_apart(each) for each in of_interest(store)]
        for at, how in enumerate((PLAIN, How(strict=True, workers=2))[: 2 - order]):
            url = f"sqlite:///{folder / f'{order}-{at}'}.db"
            first, second = ingested(url, paths, how), ingested(url, paths, how)
            assert (first.read, second.read) == (total, total)
            assert min(became(first).values()) >= 0
            assert (second.mapped, second.retracted) == (0, 0)
            assert (second.irrelevant, second.quarantined) == (first.irrelevant, first.quarantined)
            with open_store(url, create=False) as store:
                known = [places_apart(each) for each in of_interest(store)]
            assert known == full
            reference = reference or known
            assert known == reference


def places_apart(facts: Any) -> Any:
    """The facts without the places they stood at, which differ from file to file."""
    return json.loads(json.dumps(facts, default=_plain))


def _plain(value: Any) -> Any:
    slots = getattr(value, "__slots__", None)
    return (
        {name: getattr(value, name) for name in slots if name != "source"} if slots else str(value)
    )


def test_visits_are_kept_of_people_with_facts_only(tmp_path: Path) -> None:
    lines = ndjson(visit(), visit("e2", "stranger"), person(), person("stranger"), tg())
    url = f"sqlite:///{tmp_path / 'store.db'}"
    summary = ingested(url, written(tmp_path, [("a.ndjson", lines)]), PLAIN)
    assert (became(summary), summary.unparsed) == (n(mapped=4, irrelevant=1), 1)
    with open_store(url, create=False) as store:
        assert [row.resource_id for row in store.rows(VisitRow)] == ["e1"]


def test_a_request_is_read_for_its_medication_and_then_the_visits_of_its_patient(
    small_splits: None, tmp_path: Path
) -> None:
    """What one pass finds may ask for more: rounds go on until nothing is asked for."""
    chain = (visit("e1", "t"), request("r1", "t"), request("r2", "u", "m2"), visit("e2", "u"))
    lines = ndjson(*chain, medication("m2", OTHER_DRUG), medication())
    url = f"sqlite:///{tmp_path / 'store.db'}"
    summary = ingested(url, written(tmp_path, [("a.ndjson", lines)]), PLAIN)
    assert became(summary) == n(mapped=3, irrelevant=3)


def test_the_command_says_each_number_and_their_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAIWAY_STORE__URL", raising=False)
    written(tmp_path, [("a.ndjson", ndjson(*ALL, tg(day=0)))])
    told = CliRunner().invoke(app, ["ingest", "a.ndjson", "--site", "A"])
    assert told.exit_code == 5, told.output
    parts = "3 mapped + 1 unchanged + 0 older + 1 retracted + 2 quarantined + 2 irrelevant"
    assert f"9 read = {parts}" in told.stderr
    document = json.loads(
        CliRunner().invoke(app, ["ingest", "a.ndjson", "--site", "A", "--json"]).stdout
    )
    assert {name: document[name] for name in BECAME} == n(unchanged=5, quarantined=2, irrelevant=2)
    assert document["read"] == sum(document[name] for name in BECAME)
