"""Definitions beside the reference: what is read of settings and grid files, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapter.definitions import load
from adapter.errors import DefinitionError, UsageError
from adapter.sensitivity import headline
from adapter.variants import (
    MOST,
    Variant,
    axes,
    crossed,
    grid_file,
    of_file,
    said_of,
    shipped_grids,
)


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("tg_profile=abstract,rcv, half", ["abstract", "rcv", "half"]),
        ("horizon_days=96,192", [96, 192]),
        ("finish_waits_for_drug=true,false", [True, False]),
        (
            'finish_rules=["last_drug_day"],["therapeutic_rai", "last_dosimetry"]',
            [["last_drug_day"], ["therapeutic_rai", "last_dosimetry"]],
        ),
        ("title='a,b',c", ["'a", "b'", "c"]),  # no TOML as a whole: split where it says
        ("title='a,b','c'", ["a,b", "c"]),
        ("ct_decrease_pct=-30.0", [-30.0]),
        ("a=1]\nb=[2", ["1]\nb=[2"]),  # one value that no study takes, never a second key
    ],
)
def test_values_of_an_axis(setting: str, values: list[Any]) -> None:
    (found,) = axes([setting]).values()
    assert found == values


@pytest.mark.parametrize("setting", ["tg_profile", "tg_profile=", "=rcv", "tg_profile= , "])
def test_an_axis_without_key_or_value_is_refused(setting: str) -> None:
    with pytest.raises(UsageError, match="no value"):
        axes([setting])


def test_a_key_is_given_once() -> None:
    with pytest.raises(UsageError, match="tg_profile is given twice"):
        axes(["tg_profile=rcv", "tg_profile=half"])


def test_every_combination_the_last_key_fastest() -> None:
    found = crossed([], {"tgab": ["include", "exclude"], "horizon_days": [96, 192]})
    assert [each.name for each in found] == [
        "tgab=include, horizon_days=96",
        "tgab=include, horizon_days=192",
        "tgab=exclude, horizon_days=96",
        "tgab=exclude, horizon_days=192",
    ]
    named = [Variant("late", {"finish_rules": ["last_drug_day"]}, "file: late")]
    (both, _) = crossed(named, {"horizon_days": [96, 192]})
    assert both.name == "late; horizon_days=96"
    assert both.changes == {"finish_rules": ["last_drug_day"], "horizon_days": 96}
    with pytest.raises(UsageError, match="'late' changes it too"):
        crossed(named, {"finish_rules": [["last_drug_day"]]})


def test_too_many_are_refused_before_any_work() -> None:
    most = {"horizon_days": list(range(1, MOST + 1))}
    assert len(crossed([], most)) == MOST
    with pytest.raises(UsageError, match="512 definitions, more than 256"):
        crossed([], {**most, "tgab": ["include", "exclude"]})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tg_profil": "rcv"}, "tg_profil: no such key"),
        ({"tg_profile": "rvc"}, "tg_profile: Input should be"),
        ({"include_drivers": ["KRAS"]}, "KRAS.* are no drivers"),
        ({"index_drug_classes": ["MEK"]}, "no value set gives drug class MEK"),
        ({"strata": ["regimen", "eye_colour"]}, "no stratifier eye_colour"),
        ({"endpoint": "biochem"}, "endpoint: Input should be"),
        ({"index_date": "birth"}, "index_date: Input should be"),
        ({"death": "maybe"}, "death: Input should be"),
        ({"tg_band_pct": -1}, "must not be negative: .'tg_band_pct'"),
    ],
)
def test_a_wrong_variant_names_itself_the_key_and_the_value(
    changes: dict[str, Any], complaint: str
) -> None:
    study = load().study("redifferentiation")
    with pytest.raises(DefinitionError, match=complaint) as error:
        Variant("odd", changes, "grid.toml: odd").of(study)
    assert error.value.where == f"grid.toml: odd: {said_of(changes)}"


def test_every_shipped_grid_holds_together() -> None:
    assert shipped_grids() == ["ho-2013", "redifferentiation"]
    for name in shipped_grids():
        file = grid_file(name)
        assert file.id == name
        study = load().study(file.study)
        found = [variant.of(study).fingerprint for variant in of_file(file, name)]
        assert len({*found, study.fingerprint}) == len(found) + 1, "a variant changes nothing"
        assert headline(study)[0] == "n_patients"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("id = 'x'", "study: Field required"),
        ("id='x'\nstudy='redifferentiation'\ntitle=''\nvariant=[]", "variant: Unexpected"),
        (
            "id='x'\nstudy='redifferentiation'\ntitle=''\n"
            "variants=[{name='a', set={}}, {name='a', set={}}]",
            "two variants are named a",
        ),
        ("id = ", "cannot be read as TOML"),
    ],
)
def test_a_wrong_grid_file_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(text)
    with pytest.raises(DefinitionError, match=complaint) as error:
        grid_file(str(path))
    assert error.value.where == str(path)


def test_a_grid_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(UsageError, match="no grid 'ho'") as error:
        grid_file("ho")
    assert "ho-2013, redifferentiation" in error.value.hint
