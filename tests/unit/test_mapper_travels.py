"""A site's mapper in another process: it is sent as what it was made of."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from zoneinfo import ZoneInfo

from adapter.mapping.mapped import Rejected
from adapter.mapping.resource import Mapper
from adapter.sites import SiteProfile, definitions_of
from adapter.synthetic.hospital import resources
from tests.lib.mapping import mapper, observation

TSH = {
    "resourceType": "ConceptMap",
    "status": "active",
    "group": [
        {
            "source": "urn:lab",
            "target": "http://loinc.org",
            "element": [{"code": "T", "target": [{"code": "3013-0", "equivalence": "equivalent"}]}],
        }
    ],
}


def test_a_mapper_that_was_sent_maps_the_same() -> None:
    sent = pickle.loads(pickle.dumps(mapper()))  # noqa: S301 - our own bytes
    assert isinstance(sent, Mapper)
    every = list(resources())
    assert len(every) > 100
    assert [sent.map(each, "here:1") for each in every] == [
        mapper().map(each, "here:1") for each in every
    ]


def test_what_a_site_adds_is_sent_too(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps(TSH), encoding="utf-8")
    profile = SiteProfile(systems={"urn:oid:9": "urn:lab"}, units={"Tg": "ug/L"})
    here = Mapper(definitions_of(profile, [file]), "north", ZoneInfo("Europe/Lisbon"))
    sent = pickle.loads(pickle.dumps(here))  # noqa: S301 - our own bytes
    result = observation("T", "urn:oid:9", valueQuantity={"value": 3})
    (row,) = sent.map(result, "here:1").rows
    assert (row.columns["analyte"], row.columns["unit_sent"], row.flags) == (
        "Tg",
        "",
        ("unit_declared",),
    )
    assert sent.map(result, "here:1") == here.map(result, "here:1")
    assert sent.definitions.fingerprint == here.definitions.fingerprint
    assert (sent.site, sent.zone) == ("north", ZoneInfo("Europe/Lisbon"))


def test_what_was_mapped_travels_whole() -> None:
    here = [mapper().map(each, "here:1") for each in resources()]
    sent = pickle.loads(pickle.dumps(here))  # noqa: S301 - our own bytes
    assert sent == here
    assert [repr(each) for each in sent] == [repr(each) for each in here]
    rejected = Rejected(site="a", source="x:1", reason="no id", raw="{}")
    assert pickle.loads(pickle.dumps(rejected)) == rejected  # noqa: S301 - our own bytes
