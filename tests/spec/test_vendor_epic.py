"""What an Epic server sends, and the facts that become of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapter.errors import InvalidValue
from adapter.mapping.resource import Mapper
from tests.lib.mapping import quantity
from tests.lib.vendors import Resource, epic, mapped, site, told


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Mapper:
    """A hospital whose own file extends the profile, with a ConceptMap; no Python."""
    return site(epic.own_file(tmp_path_factory.mktemp("epic")))


@pytest.mark.parametrize(
    ("sent", "facts"),
    [
        (epic.PERSON, ["patient female 1961-07-04"]),
        (epic.CONDITION, ["PTC 2018-05-02"]),
        (epic.VARIANT, ["BRAF V600E present 2021-01-12"]),
        (epic.TG_NUMBER, ["Tg 12.4 ng/mL 2021-02-22"]),
        (
            epic.TG_TEXT,
            ["Tg <0.1 ng/mL 2021-08-18 | value_from_text, unit_of_reference_range"],
        ),
        # Only the organisation's component id says what it is.
        (
            epic.TG_LOCAL,
            ["Tg <0.1 ng/mL 2021-11-16 | value_from_text, unit_of_reference_range"],
        ),
        (epic.TG_CANCELLED, []),
        (epic.MEDICATION, ["medication of dabrafenib"]),
        # The last day ends in local time: 2021-04-12T04:59:59Z is the 11th in Chicago.
        (
            epic.ORDER,
            ["dabrafenib ordered 2021-03-01..2021-04-11 | from_text", "link to Medication/eMedDab"],
        ),
        (epic.OUTSIDE, ["trametinib stated 2021-03-01..2021-04-11 | reported, from_text"]),
        (epic.ADVICE, []),
        (epic.IODINE, ["I-131 150 mCi unknown administered 2021-05-20"]),
        (epic.PROCEDURE, ["I-131 therapeutic procedure 2021-05-20"]),
        (epic.IMPRESSION, ["PD report_text 2021-10-04 | from_text"]),
        # Its words lie in a Binary; the impression has them.
        (epic.REPORT, []),
        (epic.ENCOUNTER, ["visit 2021-12-01"]),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else "",
)
def test_facts(hospital: Mapper, sent: Resource, facts: list[str]) -> None:
    assert told(hospital, sent) == facts


def _tg(**content: Any) -> Resource:
    return {**epic.TG_TEXT, **content}


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        # Beside text alone, in whatever unit the range is.
        ({"referenceRange": [{"text": "<=33 ng/mL"}]}, "Tg <0.1 ng/mL 2021-08-18"),
        ({"referenceRange": [{"high": quantity(3300, "ng/dL")}]}, "Tg <0.001 ng/mL 2021-08-18"),
        # A unit of its own holds.
        ({"valueString": "<10 ng/dL"}, "Tg <0.10 ng/mL 2021-08-18"),
    ],
)
def test_the_unit_of_a_text_is_its_ranges(
    hospital: Mapper, content: dict[str, Any], fact: str
) -> None:
    (line,) = told(hospital, _tg(**content))
    assert line.partition(" | ")[0] == fact


@pytest.mark.parametrize(
    "ranges",
    [
        [],
        [{"text": "see note"}],
        [{"high": quantity(33, "ng/mL")}, {"high": quantity(3300, "ng/dL")}],
    ],
)
def test_without_one_unit_of_the_range_a_text_is_refused(
    hospital: Mapper, ranges: list[Any]
) -> None:
    with pytest.raises(InvalidValue, match="no unit for Tg"):
        mapped(hospital, _tg(referenceRange=ranges))


def test_elsewhere_a_reference_range_is_no_unit(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no unit for Tg"):
        mapped(site("oracle"), epic.TG_TEXT)


def test_another_organisations_ids_are_not_the_hospitals(hospital: Mapper) -> None:
    other = epic.COMPONENT.replace(".283.2.", ".861.1.")
    code = {"coding": [{"system": other, "code": "1558021", "display": "THYROGLOBULIN"}]}
    found = mapped(hospital, {**epic.TG_LOCAL, "code": code})
    assert found.rows == ()
    assert [(each.code_system, each.code) for each in found.unmapped] == [(other, "1558021")]


def test_the_same_map_reads_every_environment(hospital: Mapper) -> None:
    test_system = epic.COMPONENT.replace(".283.2.", ".283.3.")
    code = {"coding": [{"system": test_system, "code": "1558021"}]}
    assert len(told(hospital, {**epic.TG_LOCAL, "code": code})) == 1
