"""Laws of the scan: it drops nothing that counts, and it reads every line once and once only."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter import sources, splits
from adapter.mapping import digest
from adapter.mapping.lines import BOM
from adapter.mapping.mapped import MappedResource
from adapter.mapping.names import words
from adapter.quarantine import map_one
from adapter.sources import Found
from tests.lib.mapping import mapper
from tests.lib.scanning import assert_not_dropped, scanner

KNOWN = mapper().definitions
TOKENS = sorted(
    {
        token
        for url in KNOWN.terminology.value_sets
        for token in KNOWN.terminology.tokens(url)
        if not token.startswith("http://hl7.org/fhir/resource-types|")
    }
)
NAMES = sorted({token.partition("|")[2] for token in TOKENS if token.startswith("urn:raiway:")})
SENTENCES = (
    "Patient received 157.3 mCi of I-131 on 2021-05-03",
    "was given 5,5 GBq radiojod",
    "Radio Iod 131 capsule 3700 MBq PO",
    "BRAF V600E mutation detected",
    "NRAS Q61R: positiv",
    "Interval progression of known lung metastases",
    "New lesions in the liver. Tumorprogress.",
    "Neue pulmonale Laesionen",
    "Neu aufgetretene Lungenmetastasen",
    "Novas metastases",
    "Progrediente Lungenfiliae",
    "Z.n.\nRJT mit 3,7 GBq",
    "Gabe von 3.700 MBq J-131",
    "Foi administrada dose de 100 mCi, iodoterapia",
    "Thyreoglobulin im Serum",
    "Tumor Mutational Burden",
)
TYPES = sorted(KNOWN.views)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A clinical text with a name or a sentence in it, in any case, with accents and breaks."""
    core = draw(st.sampled_from((*NAMES, *SENTENCES)))
    style = draw(st.sampled_from(("as it is", "upper", "title", "lower")))
    styled = core if style == "as it is" else str(getattr(core, style)())
    for plain, accented in draw(
        st.lists(st.sampled_from((("e", "é"), ("o", "ö"), ("u", "ü"), ("a", "á"), ("i", "İ"))))
    ):
        styled = styled.replace(plain, accented)
    around = st.sampled_from(
        ("", " ", "\n", "\t", "75 mg ", "(", "µ", '"', "\\", "/", "\u00a0", "ﬁ")
    )
    return draw(around) + styled + draw(around)


@st.composite
def concepts(draw: st.DrawFn) -> dict[str, Any]:
    """A CodeableConcept: codes of ours or of others, under right and wrong systems, and texts."""
    found: dict[str, Any] = {}
    codings = []
    for token in draw(st.lists(st.sampled_from(TOKENS), max_size=2)):
        system, _, code = token.partition("|")
        coding = {"system": system or "urn:other", "code": code}
        if draw(st.booleans()):
            coding["display"] = draw(texts())
        codings.append(coding)
    if codings:
        found["coding"] = codings
    if draw(st.booleans()):
        found["text"] = draw(texts())
    return found


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """Resources of the types that views are of, with what the views look at filled by chance."""
    kind = draw(st.sampled_from(TYPES))
    resource: dict[str, Any] = {"resourceType": kind, "id": draw(st.sampled_from(("1", "a-b.C9")))}
    resource["status"] = draw(
        st.sampled_from(("final", "active", "completed", "current", "billable", "entered-in-error"))
    )
    resource["subject"] = {"reference": "Patient/p"}
    resource["patient"] = {"reference": "Patient/p"}
    filled: dict[str, st.SearchStrategy[Any]] = {
        "code": concepts(),
        "medicationCodeableConcept": concepts(),
        "medicationReference": st.builds(
            lambda text: {"reference": "Medication/m", "display": text}, texts()
        ),
        "conclusion": texts(),
        "conclusionCode": st.lists(concepts(), max_size=1),
        "category": st.lists(concepts(), max_size=1),
        "valueCodeableConcept": concepts(),
        "valueString": texts(),
        "valueQuantity": st.just({"value": 3, "unit": "ng/mL", "code": "ng/mL"}),
        "component": st.lists(
            st.builds(lambda c: {"code": c, "valueCodeableConcept": c}, concepts()), max_size=2
        ),
        "effectiveDateTime": st.just("2021-05-03"),
        "period": st.just({"start": "2021-05-03"}),
        "performedPeriod": st.just({"start": "2021-05-03", "end": "2021-05-04"}),
        "collection": st.just({"collectedDateTime": "2021-05-03"}),
        "dosage": st.builds(lambda t: {"text": t, "dose": {"value": 150, "unit": "mCi"}}, texts()),
        "use": st.just("claim"),
        "item": st.lists(st.builds(lambda c: {"productOrService": c}, concepts()), max_size=1),
        "note": st.lists(st.builds(lambda t: {"text": t}, texts()), max_size=1),
        "usedCode": st.lists(concepts(), max_size=1),
        "deceasedBoolean": st.just(True),
        "clinicalStatus": st.just({"coding": [{"code": "recurrence"}]}),
        "ingredient": st.lists(
            st.builds(lambda c: {"itemCodeableConcept": c}, concepts()), max_size=1
        ),
        "content": st.builds(
            lambda t: [{"attachment": {"contentType": "text/plain", "data": _base64(t)}}], texts()
        ),
    }
    for name, strategy in filled.items():
        if draw(st.booleans()):
            resource[name] = draw(strategy)
    return resource


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@settings(max_examples=600, deadline=None)
@given(resources())
def test_scan_and_map_give_what_a_full_parse_and_map_give(resource: dict[str, Any]) -> None:
    text = json.dumps(resource, ensure_ascii=False).encode()
    (item,) = sources.parsed("here:1", text)
    assert isinstance(item, Found)
    found = map_one(item, mapper())
    if isinstance(found, MappedResource):
        assert_not_dropped(mapper(), item.resource, found)


def test_the_law_above_can_fail() -> None:
    """Relevant resources are among those that are drawn, and irrelevant ones are left aside."""
    glucose = b'{"resourceType":"Observation","id":"1","code":{"coding":[{"code":"2345-7"}]}}'
    ours = glucose.replace(b"2345-7", b"3013-0")
    assert scanner(mapper()).scan(glucose + b"\n" + ours).kept == [1]
    assert scanner(mapper()).scan(glucose).skipped == 1


@given(st.text(max_size=40))
def test_a_name_with_accents_is_found_or_its_line_is_parsed(around: str) -> None:
    text = f"{around} Dabrafénib {around}"
    if "dabrafenib" in words(text):
        line = json.dumps(
            {"resourceType": "Medication", "id": "1", "code": {"text": text}}, ensure_ascii=False
        ).encode(errors="surrogatepass")
        assert scanner(mapper()).scan(line).kept == [0]


@given(st.binary(max_size=300))
def test_any_bytes_are_sorted_into_lines(content: bytes) -> None:
    scanned = scanner(mapper()).scan(content)
    expected = content.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    # A return before the newline belongs to it.
    found = [scanned.lines[number] for number in range(len(scanned.lines))]
    assert [each.removesuffix(b"\r") for each in expected] == found
    assert scanned.skipped == 0  # random bytes are no resource: all are parsed, and named
    assert len(scanned.kept) == sum(bool(each.removeprefix(BOM).strip()) for each in expected)


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters='"\\\0'), max_size=80)))
def test_a_digest_in_a_line_is_that_of_the_id(ids: list[str]) -> None:
    text = b"".join(each.encode() + b'","next":1' for each in ids) + bytes(digest.LONGEST)
    starts, at = [], 0
    for each in ids:
        starts.append(at)
        at += len(each) + len('","next":1')
    found = digest.at(np.frombuffer(text, np.uint8), np.array(starts, np.intp))
    assert found.tolist() == digest.of_ids(each.encode() for each in ids).tolist()
    assert digest.among(found, np.unique(found)).all()


LINES = st.lists(
    st.one_of(
        st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")),
        st.integers(1, 400).map(lambda n: b"x" * n),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(LINES, st.booleans(), st.integers(1, 200), st.integers(16, 300), st.booleans())
def test_each_line_belongs_to_one_split(
    tmp_path_factory: pytest.TempPathFactory,
    lines: Sequence[bytes],
    ended: bool,
    split: int,
    block: int,
    packed: bool,
) -> None:
    content = b"\n".join(lines) + (b"\n" if ended else b"")
    path = tmp_path_factory.mktemp("split") / ("f.ndjson.gz" if packed else "f.ndjson")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "SPLIT", split)
        patch.setattr(splits, "BLOCK", block)
        found = [
            bytes(each.buffer[: each.size])
            for piece in splits.of_file(path)
            for each in splits.blocks(piece)
        ]
    assert b"".join(found) == content
    assert all(each.endswith(b"\n") for each in found[:-1])
