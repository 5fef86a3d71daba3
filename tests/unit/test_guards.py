"""The guards of conftest.py do stop what they are there to stop."""

from __future__ import annotations

import random
import re
import socket
from pathlib import Path

import numpy as np
import pytest

from tests.lib.needs import missing

pytest_plugins = ["pytester"]

CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text()


@pytest.mark.parametrize("host", ["192.0.2.1", "hospital.example"])
def test_a_connection_beyond_loopback_is_refused(host: str) -> None:
    with socket.socket() as opened, pytest.raises(pytest.fail.Exception, match=re.escape(host)):
        opened.connect((host, 80))


def test_a_connection_to_this_machine_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.mark.parametrize(
    "draw", ["__import__('random').random()", "__import__('numpy').random.rand()"]
)
def test_a_global_random_draw_is_noticed(pytester: pytest.Pytester, draw: str) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(f"def test_draws():\n    {draw}\n")

    before, before_numpy = random.getstate(), np.random.get_state()
    outcome = pytester.runpytest("-p", "no:cacheprovider")
    random.setstate(before)
    np.random.set_state(before_numpy)

    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*global random generator was used*"])


def test_what_is_missing_skips_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no judge here"):
        missing("no judge here")


def test_what_is_missing_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no judge here"):
        missing("no judge here")
