"""`raiway deidentify`: the figures of the copy are those of the original, or the loss is stated."""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ZONE
from tests.lib.console import Run, raiway
from tests.lib.mapping import observation

NAME = "Quillfeather"
Figures = dict[str, Any]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ids", "shift"):
        raiway("deidentify", "--new-key", folder / f"{name}.key", cwd=folder)
    return folder


def deidentified(source: Path, to: Path, keys: Path, *options: object, expect: int = 0) -> Run:
    (to.parent / "raiway.toml").write_text(
        f'[[sites]]\nname = "A"\ntimezone = "{ZONE}"\n[sites.privacy]\n'
        f'id_key = "{keys / "ids.key"}"\nshift_key = "{keys / "shift.key"}"\n',
        encoding="utf-8",
    )
    return raiway(
        "deidentify", source, "--site", "A", "--to", to, *options, cwd=to.parent, expect=expect
    )


def figures_of(copy: Path) -> Figures:
    raiway("ingest", copy, "--site", "A", cwd=copy.parent)
    return raiway("evaluate", "--format", "figures", cwd=copy.parent).figures


def same(value: Any, other: Any) -> bool:
    """Equal; sums of floats, whose order follows the patients' ids, but for their last digits."""
    if isinstance(value, float) and isinstance(other, (int, float)):
        return math.isclose(value, other, rel_tol=1e-12)
    return bool(value == other)


def differing(figures: Figures, others: Figures) -> set[str]:
    names = figures.keys() | others.keys()
    return {name for name in names if not same(figures.get(name), others.get(name))}


@pytest.mark.parametrize("options", [[], ["--date-shift"]])
def test_figures_of_a_limited_copy_are_the_same(
    export: Path, figures: Figures, keys: Path, tmp_path: Path, options: list[str]
):
    copy = tmp_path / "copy"
    deidentified(export, copy, keys, *options)
    assert not differing(figures, figures_of(copy))


def test_years_alone_enrol_nobody(export: Path, figures: Figures, keys: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    deidentified(export, copy, keys, "--privacy", "safe_harbor")
    found = figures_of(copy)
    assert figures["n_patients"] == 16
    # What docs/privacy.md says of it: no interval can be told from years.
    assert found["n_patients"] == 0


def test_same_key_same_copy_and_other_key_no_id_in_common(export: Path, keys: Path, tmp_path: Path):
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    deidentified(export, tmp_path / "one" / "copy", keys)
    deidentified(export, tmp_path / "two" / "copy", keys)
    other = tmp_path / "three" / "other.key"
    raiway("deidentify", "--new-key", other, cwd=tmp_path)
    deidentified(export, tmp_path / "three" / "copy", keys, "--id-key", other)
    one, two, three = (
        (tmp_path / name / "copy" / "Patient.ndjson").read_bytes()
        for name in ("one", "two", "three")
    )
    assert one == two
    assert not _ids(one) & _ids(three)


def _ids(content: bytes) -> set[str]:
    return {json.loads(line)["id"] for line in content.splitlines()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Files with a secret in every place that goes, and lines of no use."""
    folder = tmp_path / "source"
    folder.mkdir()
    lines = [
        observation("3013-0", note=[{"text": NAME}], identifier=[{"value": NAME}]),
        observation("3013-0", modifierExtension=[{"url": f"urn:{NAME}"}], id=f"o-{NAME}"),
        {"resourceType": "Account", "id": NAME, "name": NAME},
    ]
    text = "\n".join([*map(json.dumps, lines), f"not JSON {NAME}", ""])
    (folder / "mixed.ndjson").write_text(text, encoding="utf-8")
    bundle = {
        "resourceType": "Bundle", "type": "collection",
        "entry": [
            {"fullUrl": "urn:uuid:1", "resource": {
                "resourceType": "Patient", "id": "p1", "name": [{"family": NAME}]}},
            {"resource": observation("4-8", id="o9", subject={"reference": "urn:uuid:1"})},
        ],
    }  # fmt: skip
    (folder / f"{NAME}.json").write_text(json.dumps(bundle), encoding="utf-8")
    return folder


def test_what_is_withheld_is_told_and_not_shown(source: Path, keys: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    done = deidentified(source, copy, keys, "--json", expect=5)
    assert NAME not in done.stdout + done.stderr
    assert done.json["rows"] == {"Observation": 2, "Patient": 1}
    assert done.json["passed_over"] == 1
    assert done.json["withheld"] == {
        "not a resource that can be read": 1,
        "unknown modifier extension": 1,
    }
    written = {path.name: path.read_bytes() for path in copy.iterdir()}
    assert not [name for name, content in written.items() if NAME.encode() in content]
    kept = [json.loads(line) for line in written["quarantine.ndjson"].splitlines()]
    assert [(each["path"], each["line"]) for each in kept] == [("Observation", "2"), ("", "4")]
    assert kept[0]["reference"].startswith("Observation/")
    [patient] = _ids(written["Patient.ndjson"])
    told = [json.loads(line) for line in written["Observation.ndjson"].splitlines()]
    assert f"Patient/{patient}" in {each["subject"]["reference"] for each in told}


def test_a_copy_is_its_owners_and_says_what_was_taken_out(source: Path, keys: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    deidentified(source, copy, keys, expect=5)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in copy.iterdir()} == {0o600}
    removed = json.loads((copy / "removed.json").read_bytes())
    assert {"element": "Patient.name", "reason": "name", "count": 1} in removed
    manifest = json.loads((copy / "manifest.json").read_bytes())
    assert manifest["raiway"]["privacy"].startswith("limited:")
    assert [each["count"] for each in manifest["output"]] == [2, 1]


def test_a_folder_that_is_there_is_left_alone(source: Path, keys: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "mine").touch()
    done = deidentified(source, copy, keys, expect=2)
    assert "is there already" in done.stderr
    assert [path.name for path in copy.iterdir()] == ["mine"]


def test_a_copy_that_fails_leaves_nothing(source: Path, keys: Path, tmp_path: Path):
    (source / "z.ndjson.gz").write_bytes(b"\x1f\x8b damaged")
    deidentified(source, tmp_path / "copy", keys, expect=2)
    assert {path.name for path in tmp_path.iterdir()} == {"source", "raiway.toml"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "give PATHs"),
        (["source", "--site", "A", "--to", "copy"], "needs a key"),
        (["source", "--site", "A", "--to", "copy", "--id-key", "weak.key"], "no key of 32"),
        (["source", "--site", "A", "--to", "copy", "--privacy", "identified"], "nothing out"),
        (["source", "--site", "A", "--to", "copy", "--id-key", "open.key"], "read by others"),
    ],
)
def test_usage(source: Path, tmp_path: Path, options: list[str], says: str):
    for name, content, mode in (("weak.key", "secret", 0o600), ("open.key", "ab" * 32, 0o644)):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    done = raiway("deidentify", *options, cwd=tmp_path, expect=2)
    assert says in done.stderr


def test_a_key_file_is_never_written_over(tmp_path: Path):
    file = tmp_path / "keys" / "ids.key"
    raiway("deidentify", "--new-key", file, cwd=tmp_path)
    before = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    raiway("deidentify", "--new-key", file, cwd=tmp_path, expect=2)
    assert file.read_bytes() == before
