"""The synthetic hospital's export, and a store that holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.synthetic.hospital import write_ndjson
from tests.lib.console import raiway

ZONE = "America/Jamaica"


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NDJSON as in a Bulk Data export. Read only."""
    folder = tmp_path_factory.mktemp("export")
    write_ndjson(folder)
    return folder


@pytest.fixture(scope="session")
def loaded(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `raiway.db`, in which `raiway ingest` put the export. Read only."""
    folder = tmp_path_factory.mktemp("loaded")
    raiway("ingest", export, "--site", "A", "--timezone", ZONE, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def figures(loaded: Path) -> dict[str, float | int | None]:
    """The figures of the reference study on `loaded`."""
    return raiway("evaluate", "--format", "figures", cwd=loaded).figures
