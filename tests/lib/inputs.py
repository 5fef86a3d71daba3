"""Inputs for tests: what is read of them, and a temporary folder in which nothing may be left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.inputs.guards import Limits
from adapter.inputs.opened import LIMITS, Inputs, opened
from adapter.sources import read


@pytest.fixture(autouse=True)
def temporary(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The system's temporary folder for a test, which is empty after it."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def places(inputs: Inputs) -> list[str]:
    """The places of all resources, as errors would name them."""
    return [item.source for file in inputs.paths for item in read(file, inputs.name(file))]


def places_in(*arguments: str | Path, limits: Limits = LIMITS) -> list[str]:
    """The same of arguments that are opened for it."""
    with opened([str(each) for each in arguments], limits=limits) as inputs:
        return places(inputs)
