"""The chained file of the audit: tampering is found, several processes append (G15)."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.api.security.audit_log import AuditLog, Link, verify
from adapter.errors import GateFailed, StoreError

WRITER = """
import sys
from pathlib import Path
from adapter.api.security.audit_log import AuditLog
log = AuditLog(Path(sys.argv[1]))
for n in range(int(sys.argv[3])):
    log.append({"who": sys.argv[2], "count": n})
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    log = AuditLog(tmp_path / "audit.jsonl")
    for n in range(5):
        log.append({"who": "registry", "count": n})
    return log.file


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def write(file: Path, changed: list[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in changed))


def test_an_untouched_file_holds(file: Path) -> None:
    assert verify(file) == 5
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("at", range(5))
def test_a_changed_line_is_found(file: Path, at: int) -> None:
    found = lines(file)
    found[at] = found[at].replace("registry", "nobody")
    write(file, found)
    with pytest.raises(GateFailed) as error:
        verify(file)
    assert error.value.where.endswith(f":{at + 1}")


def test_a_line_whose_hash_was_made_to_fit_is_found_at_the_next(file: Path) -> None:
    found = lines(file)
    line = json.loads(found[1]) | {"who": "nobody"}
    forged = AuditLog(file.with_name("forged.jsonl"))
    forged.append({"who": "registry", "count": 0})
    forged.append({"who": "nobody", "count": 1})
    assert json.loads(lines(forged.file)[1])["who"] == line["who"]
    found[1] = lines(forged.file)[1]
    write(file, found)
    with pytest.raises(GateFailed) as error:
        verify(file)
    assert error.value.where.endswith(":3")


@pytest.mark.parametrize("change", ["removed", "swapped", "repeated", "cut", "spaced"])
def test_lines_removed_moved_or_added_are_found(file: Path, change: str) -> None:
    found = lines(file)
    match change:
        case "removed":
            del found[2]
        case "swapped":
            found[2], found[3] = found[3], found[2]
        case "repeated":
            found.insert(2, found[1])
        case "cut":
            found[4] = found[4][:-20]
        case "spaced":
            found[2] = found[2].replace('"count":2', '"count": 2')
    write(file, found)
    with pytest.raises(GateFailed):
        verify(file)


def test_missing_last_lines_are_found_by_the_newest_hash(file: Path) -> None:
    last = json.loads(lines(file)[4])
    newest = Link(last["number"], last["hash"])
    assert verify(file, newest) == 5
    write(file, lines(file)[:4])
    assert verify(file) == 4
    with pytest.raises(GateFailed, match="line 5 is missing"):
        verify(file, newest)


def test_what_a_power_cut_left_is_found_and_the_chain_goes_on(file: Path) -> None:
    with file.open("a") as out:
        out.write('{"number":6,"who":"regi')
    (link,) = AuditLog(file).append({"who": "registry", "count": 6})
    assert link.number == 6
    assert json.loads(lines(file)[-1])["previous"] == json.loads(lines(file)[4])["hash"]
    with pytest.raises(GateFailed, match="cannot be read"):
        verify(file)


def test_several_processes_append_to_one_chain(tmp_path: Path) -> None:
    file, each, workers = tmp_path / "audit.jsonl", 60, 4
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(file), f"worker-{n}", str(each)])
        for n in range(workers)
    ]
    assert [process.wait(60) for process in processes] == [0] * workers
    assert verify(file) == each * workers
    who = [json.loads(line)["who"] for line in lines(file)]
    assert {name: who.count(name) for name in who} == dict.fromkeys(
        (f"worker-{n}" for n in range(workers)), each
    )


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="audit cannot be written"):
        AuditLog(tmp_path / "nowhere" / "audit.jsonl")
