"""Guards that hold for every test: nothing random, no network, nothing silently left out."""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# It draws a number when it is first imported, which commands do as late as they can.
import rich.style  # noqa: F401
from hypothesis import HealthCheck, settings

from tests.lib.needs import SHARED, in_ci, missing

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# Two busy cores make single examples slow by chance, which says nothing about the code.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if in_ci() else "local")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "missing(reason): stands for cases that are not here")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if mark := item.get_closest_marker("missing"):
        missing(mark.args[0])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the project."""
    if not SHARED.is_dir():
        missing("../shared, the reference material, is not here")
    return SHARED


@pytest.fixture(autouse=True)
def global_random_state_is_unused() -> Iterator[None]:
    """Fail a test after which a global random generator has moved on."""
    before, before_numpy = random.getstate(), _numpy_state()
    yield
    assert random.getstate() == before, "the global random generator was used"
    assert _numpy_state() == before_numpy, "numpy's global random generator was used"


def _numpy_state() -> tuple[bytes, int]:
    state = np.random.get_state(legacy=False)["state"]
    return state["key"].tobytes(), state["pos"]


@pytest.fixture(autouse=True)
def no_network_beyond_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(self: socket.socket, address: Any) -> None:
        _refuse_outside(self, address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        _refuse_outside(self, address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)


def _refuse_outside(opened: socket.socket, address: Any) -> None:
    if opened.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    host = str(address[0])
    if not _is_loopback(host):
        pytest.fail(f"a test asked for the network: {host}", pytrace=False)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
