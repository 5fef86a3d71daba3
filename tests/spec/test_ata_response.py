"""ATA 2015 response classes: suppressed and stimulated Tg apart, TgAb, bounds and imaging."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from analytics.ata_response import Evidence, ata_class
from analytics.patient_level import ata_classes
from analytics.study import Study
from tests.lib.story import episode_of
from tests.spec.test_thyroglobulin_kinetics import value

CLEAR = Evidence(structural=False, tgab_rising=None)


@pytest.mark.parametrize(
    ("state", "tg", "expected"),
    [
        ("suppressed", "0.19", "excellent"),
        ("suppressed", "0.2", "indeterminate"),
        ("suppressed", "0.99", "indeterminate"),
        ("suppressed", "1", "biochemical_incomplete"),
        ("suppressed", "<0.2", "excellent"),  # never reaches the limit
        ("suppressed", "<0.1", "excellent"),
        ("suppressed", "<0.5", "not_evaluable"),  # excellent or indeterminate
        ("suppressed", ">500", "biochemical_incomplete"),
        ("stimulated", "0.99", "excellent"),
        ("stimulated", "1", "indeterminate"),
        ("stimulated", "9.9", "indeterminate"),
        ("stimulated", "10", "biochemical_incomplete"),
        ("stimulated", "<1", "excellent"),
        ("unknown", "0.1", "not_evaluable"),
    ],
)
def test_cuts_by_tsh_state(state: str, tg: str, expected: str) -> None:
    assert ata_class(value(0, tg, tsh=state), CLEAR) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (CLEAR, "indeterminate"),
        (Evidence(structural=None, tgab_rising=False), "indeterminate"),
        (Evidence(structural=False, tgab_rising=True), "biochemical_incomplete"),
        (Evidence(structural=True, tgab_rising=True), "structural_incomplete"),
    ],
)
def test_a_low_value_beside_antibodies_is_not_excellent(seen: Evidence, expected: str) -> None:
    positive = replace(value(0, "<0.1"), tgab=Decimal(20), tgab_positive=True)
    assert ata_class(positive, seen) == expected
    assert ata_class(None, seen) == "missing"


# Days from the first drug day; finish is day 50, the landmarks are days 140 and 230.
@pytest.mark.parametrize(
    ("lines", "state", "expected"),
    [
        ("140 Tg 0.1\n140 TSH 0.1", "suppressed", "excellent"),
        ("140 Tg 0.1", "suppressed", "missing"),  # the state is not known
        ("140 Tg 0.8\n140 TSH 80", "stimulated", "excellent"),
        ("140 Tg 0.8\n140 TSH 80", "suppressed", "missing"),
        ("140 Tg 0.1\n140 TSH 0.1\n140 CT 12", "suppressed", "structural_incomplete"),
        ("140 Tg 0.1\n140 TSH 0.1\n140 CT 0", "suppressed", "excellent"),
        ("140 Tg 0.1\n140 TSH 0.1\n140 CT 0 new", "suppressed", "structural_incomplete"),
        ("140 Tg 0.1\n140 TSH 0.1\n140 RECIST SD", "suppressed", "structural_incomplete"),
        ("140 Tg 0.1\n140 TSH 0.1\n140 RECIST CR", "suppressed", "excellent"),
        (
            "-9 Tg 1\n-9 TgAb 10 POS\n140 Tg 0.1\n140 TSH 0.1\n140 TgAb 12 POS",
            "suppressed",
            "biochemical_incomplete",
        ),
        (
            "-9 Tg 1\n-9 TgAb 12 POS\n140 Tg 0.1\n140 TSH 0.1\n140 TgAb 10 POS",
            "suppressed",
            "indeterminate",
        ),
    ],
)
def test_evidence_of_a_landmark(lines: str, state: str, expected: str, study: Study) -> None:
    assert ata_classes(episode_of(lines, study), study)[state]["3m"] == expected
