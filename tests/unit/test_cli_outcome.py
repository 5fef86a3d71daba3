"""What a failure shows: three lines for what we explain, kind and place for a bug, no data."""

from __future__ import annotations

import json

import pytest
import typer

from adapter import errors
from adapter.cli.outcome import outcome
from adapter.cli.output import Output


def failing(error: BaseException, *, verbose: bool = False) -> int:
    """The exit code after a command's body raised `error`."""
    with (
        pytest.raises(typer.Exit) as stopped,
        outcome("evaluate", Output(), verbose=verbose),
    ):
        raise error
    return stopped.value.exit_code


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.DefinitionError, 2),
        (errors.GateFailed, 3),
        (errors.StoreError, 4),
        (errors.InvalidValue, 5),
        (errors.RaiwayError, 1),
    ],
)
def test_each_error_has_its_exit_code_and_three_lines(
    kind: type[errors.RaiwayError], code: int, capsys: pytest.CaptureFixture[str]
):
    assert failing(kind("no luck", where="a/file", hint="try again")) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: no luck\n   at: a/file\n   do: try again\n"


def test_json_tells_an_error_on_stdout_too(capsys: pytest.CaptureFixture[str]):
    for error, what, code, issue in (
        (errors.StoreError("no luck", where="a/file", hint="try again"), "no luck", 4, "transient"),
        (KeyError("SYN-RAIR-01"), "this is a bug: KeyError", 1, "exception"),
    ):
        with pytest.raises(typer.Exit), outcome("cohort", Output(), verbose=False, as_json=True):
            raise error
        said = capsys.readouterr()
        told = json.loads(said.out)["error"]
        assert set(told) == {"what", "where", "hint", "exit_code", "code"}
        assert (told["what"], told["exit_code"], told["code"]) == (what, code, issue)
        assert what in said.err
        assert "SYN-RAIR-01" not in said.out


def test_an_error_without_place_and_advice_still_has_three_lines(
    capsys: pytest.CaptureFixture[str],
):
    failing(errors.UsageError("no luck"))
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "   at: raiway evaluate"
    assert "raiway evaluate --help" in said[2]


@pytest.mark.parametrize("verbose", [False, True])
def test_a_bug_shows_its_place_and_never_its_message(
    verbose: bool, capsys: pytest.CaptureFixture[str]
):
    patient = "SYN-RAIR-01"  # a local, and in the message of the error
    assert failing(KeyError(patient), verbose=verbose) == 1
    said = capsys.readouterr().err
    assert said.startswith("this is a bug: KeyError at test_cli_outcome.py:")
    assert ("most recent call last" in said) is verbose
    assert "SYN-RAIR-01" not in said.replace('patient = "SYN-RAIR-01"', "")


def test_verbose_shows_the_cause_of_an_error_too(capsys: pytest.CaptureFixture[str]):
    error = errors.StoreError("no luck")
    error.__cause__ = OSError("secret")
    assert failing(error, verbose=True) == 4
    said = capsys.readouterr().err
    assert "StoreError, most recent call last" in said
    assert "OSError, most recent call last" in said
    assert "secret" not in said


def test_an_interruption_is_left_to_typer():
    with pytest.raises(KeyboardInterrupt), outcome("evaluate", Output(), verbose=False):
        raise KeyboardInterrupt
