"""Up to when a site's data is here: moved once all is on the disk, and never over a gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.pull.landing import closing, site
from tests.lib.landings import SERVER_TIME, good, manifest, opened, pulled


def test_watermarks_move_only_for_types_that_went_well(tmp_path: Path) -> None:
    pulled(tmp_path, {})
    with opened(tmp_path) as landing:
        outcome = good(landing, "2026-12-01T00:00:00Z")
        outcome.of("Observation").failed = "500"
        closing.close(landing, outcome)
        assert manifest(landing.path)["raiway"]["failed"] == {"Observation": "500"}
    assert outcome.partial
    held = site.held(tmp_path, "A")
    assert held
    assert held.watermarks == {"Patient": "2026-12-01T00:00:00Z", "Observation": SERVER_TIME}


@pytest.mark.parametrize(
    ("since", "watermark", "expected"),
    [
        (None, "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        # What changed between the last good pull and this instant would never be asked for.
        ("2026-11-24T00:00:00Z", "2026-12-01T00:00:00Z", SERVER_TIME),
        # The server's clock was set back, or says nothing.
        (None, "2026-11-23T15:00:00+02:00", SERVER_TIME),
        (None, None, SERVER_TIME),
    ],
)
def test_a_watermark_leaves_no_gap_and_is_not_set_back(
    since: str | None, watermark: str | None, expected: str, tmp_path: Path
) -> None:
    pulled(tmp_path, {}, types=("Patient",))
    with opened(tmp_path, types=("Patient",), since={"Patient": since}) as landing:
        closing.close(landing, good(landing, watermark))
    held = site.held(tmp_path, "A")
    assert held
    assert held.watermarks == {"Patient": expected}
