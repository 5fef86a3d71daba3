"""What the tables of rules share."""

from __future__ import annotations

import pytest

from adapter.definitions import load
from analytics.study import Study


@pytest.fixture(scope="session")
def study() -> Study:
    """The reference study."""
    return load().study("redifferentiation")
