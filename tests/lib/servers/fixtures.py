"""The servers as fixtures, filled with the synthetic hospital; one of each for a test session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.synthetic.hospital import write_ndjson
from tests.lib.servers import hapi, sekmet
from tests.lib.servers.loading import load
from tests.lib.servers.sekmet import LOADER, SmartServer


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The NDJSON that the servers are filled with. Read only."""
    folder = tmp_path_factory.mktemp("hospital")
    write_ndjson(folder)
    return folder


@pytest.fixture(scope="session")
def sekmet_base(hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """sekmet-fhir, open."""
    with sekmet.open_server(tmp_path_factory.mktemp("sekmet")) as base:
        load(base, hospital)
        yield base


@pytest.fixture(scope="session")
def sekmet_smart(hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmartServer]:
    """sekmet-fhir, which wants tokens."""
    with sekmet.smart_server(tmp_path_factory.mktemp("sekmet-smart")) as server:
        load(server.base, hospital, LOADER)
        yield server


@pytest.fixture(scope="session")
def hapi_base(hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HAPI, open."""
    with hapi.open_server(tmp_path_factory.mktemp("hapi")) as base:
        load(base, hospital)
        yield base


@pytest.fixture(params=["sekmet", "hapi"])
def real_base(request: pytest.FixtureRequest) -> str:
    """The base of each open server in turn. Who changes its resources puts them back."""
    return str(request.getfixturevalue(f"{request.param}_base"))
