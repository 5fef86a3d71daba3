"""Resources read again from where they stood when they were ingested."""

import gzip
import json
from pathlib import Path

import pytest

from adapter.errors import UsageError
from adapter.html_report.patient_part import LONGEST, in_lines
from adapter.ingested import Place, texts
from adapter.mapping.stamp import content_hash
from adapter.models import IngestRunRow


class Runs:
    """Stands for a store in which ingests named these paths."""

    def __init__(self, *paths):
        self.named = paths

    def runs(self):
        return [IngestRunRow(run_id="1", started=None, paths=", ".join(map(str, self.named)))]


def observation(number, **more):
    return {"resourceType": "Observation", "id": f"o{number}", "status": "final", **more}


def key(number, site="A"):
    return (site, f"Observation/o{number}")


def stood(source, resource):
    return Place(source, content_hash(resource))


def lines(*resources):
    return "".join(json.dumps(each) + "\n" for each in resources)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "o.ndjson").write_text(lines(*map(observation, range(5))), encoding="utf-8")
    return tmp_path


def test_a_line_is_read_again_where_the_ingest_named_the_file(folder):
    wanted = {key(3): stood("o.ndjson:4", observation(3))}
    for named in (folder, folder / "o.ndjson"):
        found = texts(Runs(named), wanted, [])
        assert found == {key(3): json.dumps(observation(3))}


@pytest.mark.parametrize(
    ("source", "resource"),
    [
        ("o.ndjson:4", observation(3, status="amended")),  # other content
        ("o.ndjson:3", observation(3)),  # another line
        ("o.ndjson:40", observation(3)),  # behind the end
        ("other.ndjson:4", observation(3)),
        ("o.ndjson", observation(3)),
    ],
)
def test_what_does_not_stand_there_any_more_is_not_taken(folder, source, resource):
    assert texts(Runs(folder), {key(3): stood(source, resource)}, []) == {}


def test_a_line_of_another_resource_is_not_taken(folder):
    other = {**observation(9)}
    assert texts(Runs(folder), {key(9): stood("o.ndjson:4", other)}, []) == {}


def test_a_file_that_is_gone_is_no_error_unless_it_was_asked_for(folder):
    wanted = {key(3): stood("o.ndjson:4", observation(3))}
    (folder / "o.ndjson").unlink()
    assert texts(Runs(folder / "o.ndjson", "s3://bucket/x"), wanted, []) == {}
    with pytest.raises(UsageError):
        texts(Runs(), wanted, [str(folder / "o.ndjson")])


def test_bundles_documents_and_compressed_lines(tmp_path):
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": observation(1)}, {"resource": observation(2)}],
    }
    (tmp_path / "b.json").write_text(json.dumps(bundle), encoding="utf-8")
    (tmp_path / "one.json").write_text(json.dumps(observation(3)), encoding="utf-8")
    (tmp_path / "z.ndjson.gz").write_bytes(gzip.compress(lines(observation(4), bundle).encode()))
    wanted = {
        key(2): stood("b.json#entry[1]", observation(2)),
        key(3): stood("one.json", observation(3)),
        key(4): stood("z.ndjson.gz:1", observation(4)),
        key(1): stood("z.ndjson.gz:2#entry[0]", observation(1)),
    }
    found = texts(Runs(tmp_path), wanted, [])
    assert {name: json.loads(text)["id"] for name, text in found.items()} == {
        key(n): f"o{n}" for n in (1, 2, 3, 4)
    }


def test_two_sites_may_have_files_of_one_name(tmp_path):
    wanted = {}
    for site, number in (("A", 1), ("B", 2)):
        (tmp_path / site).mkdir()
        (tmp_path / site / "o.ndjson").write_text(lines(observation(number)), encoding="utf-8")
        wanted[key(number, site)] = stood("o.ndjson:1", observation(number))
    assert texts(Runs(tmp_path / "A", tmp_path / "B"), wanted, []).keys() == wanted.keys()


def test_a_resource_in_lines_keeps_every_character_of_its_values():
    text = '{"a":"x, [y] {z} \\"q\\" : ","n":0.10,"deep":{"b":[1,{"c":[]}],"e":{}},"t":true}'
    shown = in_lines(text)
    assert "0.10" in shown
    assert json.loads(shown) == json.loads(text)
    assert '"x, [y] {z} \\"q\\" : "' in shown
    assert len(shown.splitlines()) == 6  # a line a member, and the braces


def test_a_long_resource_is_cut_and_says_so():
    shown = in_lines(json.dumps({"data": "A" * (2 * LONGEST)}))
    assert shown.startswith('{"data": "AAA')
    assert shown.endswith(f"… and {LONGEST + 12:,} more characters")
