"""How far unpacking is, and what was left out: told to people, never to a pipe's reader."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from adapter.cli import inputs
from adapter.cli.inputs import given
from adapter.cli.output import Output
from tests.lib.archives import PATIENT, written, zipped
from tests.lib.inputs import temporary

__all__ = ["temporary"]


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """An archive of a patient and a picture."""
    return str(written(tmp_path / "e.zip", zipped({"a.ndjson": PATIENT, "scan.dcm": b"x"})))


def told(archive: str, *, terminal: bool = False, quiet: bool = False) -> str:
    """What goes to stderr while the archive is opened."""
    said = io.StringIO()
    output = Output(quiet=quiet)
    output.stderr = Console(file=said, force_terminal=terminal, width=80)
    with given([archive], output) as found:
        assert [found.name(path) for path in found.paths] == ["e.zip!a.ndjson"]
    return said.getvalue()


def test_what_was_left_out_is_counted(archive: str):
    assert told(archive) == "1 file of other kinds not read\n"


def test_where_it_takes_long_lines_tell_how_far_it_is(
    archive: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inputs, "EVERY", -1)
    assert "unpacking: 0 MB so far\n" in told(archive)


def test_on_a_terminal_a_bar_tells_it_and_goes(archive: str):
    said = told(archive, terminal=True)
    assert "unpacking" in said
    assert f"{len(PATIENT)}" in said


def test_quiet_is_quiet(archive: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inputs, "EVERY", -1)
    assert told(archive, quiet=True) == ""
    assert told(archive, quiet=True, terminal=True) == ""
