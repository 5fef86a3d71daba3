"""What `raiway pull` says while it is under way, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from adapter.cli import pull_progress
from adapter.cli.output import Output
from adapter.cli.pull_progress import shown

WAIT = {"event": "waiting", "why": "HTTP 429", "seconds": 600.0, "clamped": True}


def said(*, terminal: bool, quiet: bool = False) -> str:
    """What is written of an export, two types and a wait."""
    output = Output(quiet=quiet, no_color=True)
    written = io.StringIO()
    output.stderr = Console(file=written, force_terminal=terminal, width=100, highlight=False)
    with shown(output, "A") as told:
        told.told("export", 12, 100)
        told.heard(WAIT)
        told.heard({"event": "token"})
        told.told("Observation", 1_000, 214_880)
        told.told("Observation", 214_880, 214_880)
        told.told("Procedure", 3_902, None)
    told.end()
    return written.getvalue()


def test_in_a_pipe_each_step_is_a_line() -> None:
    assert said(terminal=False).splitlines() == [
        "A  HTTP 429: next try in 600 s (the server asked for longer)",
        "A  export: the server says 12 %",
        "Observation  214,880/214,880",
        "Procedure  3,902",
    ]


def test_a_long_step_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull_progress, "EVERY", -1.0)
    assert said(terminal=False).splitlines()[2:4] == [
        "Observation  1,000/214,880",
        "Observation  214,880/214,880",
    ]


def test_on_a_terminal_each_type_has_a_bar() -> None:
    text = said(terminal=True)
    for part in ("A  export accepted", "server says 12 %", "214,880/214,880", "3,902", "━━━"):
        assert part in text
    assert "next try in 600 s" in text


def test_quiet_says_nothing() -> None:
    assert said(terminal=False, quiet=True) == said(terminal=True, quiet=True) == ""


@pytest.mark.parametrize(
    "entry",
    [
        {**WAIT, "seconds": 1.0},
        {**WAIT, "seconds": None},
        {**WAIT, "event": "token"},
    ],
)
def test_a_short_wait_is_not_worth_a_word(entry: dict[str, object]) -> None:
    assert pull_progress.waiting("A", entry) == ""
