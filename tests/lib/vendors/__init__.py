"""One course of treatment as four servers tell it, and the rows that become of it, in words.

The course: papillary cancer 2018-05-02, BRAF V600E 2021-01-12, dabrafenib and trametinib from
2021-03-01 to 2021-04-11, 150 mCi of I-131 on 2021-05-20, thyroglobulin 12.4 ng/mL on 2021-02-22,
below 0.1 on 2021-08-18 and 2021-11-16, progression on CT on 2021-10-04, last seen 2021-12-01.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapter.config import Settings
from adapter.mapping.mapped import MappedResource, TypedRow
from adapter.mapping.resource import Mapper
from adapter.runs import site_mapper
from tests.lib.mapping import parsed
from tests.lib.scanning import assert_not_dropped

Resource = dict[str, Any]


def site(profile: str, timezone: str | None = None) -> Mapper:
    """The mapper of a site whose server is described by a profile."""
    return site_mapper(Settings(), "A", (), timezone, profile).mapper


def concept_map(file: Path, source: str, codes: Mapping[str, Iterable[tuple[str, str]]]) -> None:
    """Write a site's ConceptMap: local code -> (system, code) of each target."""
    groups = [
        {
            "source": source,
            "target": system,
            "element": [{"code": local, "target": [{"code": code, "equivalence": "equivalent"}]}],
        }
        for local, targets in codes.items()
        for system, code in targets
    ]
    content = {"resourceType": "ConceptMap", "status": "active", "group": groups}
    file.write_text(json.dumps(content), encoding="utf-8")


def mapped(mapper: Mapper, resource: Resource) -> MappedResource:
    """The resource's facts; the scan of its line finds all of them worth mapping."""
    sent = parsed(json.dumps(resource))
    found = mapper.map(sent, "here:1")
    assert_not_dropped(mapper, sent, found)
    return found


def told(mapper: Mapper, resource: Resource) -> list[str]:
    """The resource's rows, one line each: what, when | flags that say how it was found."""
    return [_line(row) for row in mapped(mapper, resource).rows]


def _line(row: TypedRow) -> str:
    flags = [flag for flag in dict.fromkeys(row.flags) if flag != "offset"]
    return " | ".join([_WORDS[row.table](row.columns), *([", ".join(flags)] if flags else [])])


def _day(columns: Mapping[str, Any], name: str = "date") -> str:
    return str(columns[f"{name}_earliest"]) if columns[f"{name}_precision"] else "…"


def _value(columns: Mapping[str, Any]) -> str:
    sign, number = columns["comparator"], columns["value_high"] or columns["value_low"]
    return f"{columns['analyte']} {sign}{number} {columns['unit']} {_day(columns)}"


def _iodine(columns: Mapping[str, Any]) -> str:
    activity = columns.get("activity_mbq")
    mci = f" {(activity / 37).normalize():f} mCi" if isinstance(activity, Decimal) else ""
    return f"{columns['isotope']}{mci} {columns['purpose']} {columns['evidence']} {_day(columns)}"


def _drug(columns: Mapping[str, Any]) -> str:
    span = f"{_day(columns, 'start')}..{_day(columns, 'end')}"
    return f"{columns.get('ingredient', 'linked drug')} {columns['evidence']} {span}"


_WORDS = {
    "patient": lambda c: f"patient {c['sex']} {_day(c, 'birth')}",
    "diagnosis": lambda c: f"{c['concept']} {_day(c, 'onset')}",
    "variant_result": lambda c: f"{c['gene']} {c.get('p_hgvs', '')} {c['call']} {_day(c)}",
    "lab_result": _value,
    "drug_exposure": _drug,
    "medication": lambda c: f"medication of {c['ingredient']}",
    "rai_administration": _iodine,
    "disease_status": lambda c: f"{c['disease_status']} {c.get('evidence', '')} {_day(c)}",
    "visit": lambda c: f"visit {_day(c)}",
    "link": lambda c: f"link to {c['target_type']}/{c['target_id']}",
    "occurrence": lambda c: f"occurrence {_day(c, 'start')}..{_day(c, 'end')}",
}
