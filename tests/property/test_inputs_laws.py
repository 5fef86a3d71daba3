"""Whatever files are packed into, the same resources come out of it."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.inputs.opened import opened
from adapter.sources import Broken, Found, read
from tests.lib.archives import tarred, zipped, zstd

NAMES = st.from_regex(r"[A-Za-zäß0-9 _.()!-]{1,12}", fullmatch=True).filter(
    lambda name: not name.startswith(".")
)
LINES = st.lists(
    st.builds(
        lambda name, text: json.dumps(
            {"resourceType": "Patient", "id": name, "x": text}, ensure_ascii=False
        ),
        st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    ),
    min_size=1,
    max_size=5,
)
CONTENTS = st.builds(
    lambda lines, end, bom: bom + end.join(line.encode() for line in lines) + end,
    LINES,
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)


def resources(path: Path) -> list[tuple[str, bytes | str]]:
    """Names of files with the texts of their resources, in the order of the names."""
    with opened([str(path)]) as inputs:
        found = [
            (inputs.name(file).removeprefix(f"{path.name}!"), item)
            for file in inputs.paths
            for item in read(file)
        ]
    return sorted((name, _text(item)) for name, item in found)


def _text(item: Found | Broken) -> bytes | str:
    return item.text if isinstance(item, Found) else item.reason


@settings(max_examples=40)
@given(st.dictionaries(NAMES, CONTENTS, min_size=1, max_size=4))
def test_all_archives_hold_what_the_folder_holds(files: dict[str, bytes]):
    named = {f"{name}.ndjson": content for name, content in files.items()}
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        (root / "plain").mkdir()
        for name, content in named.items():
            (root / "plain" / name).write_bytes(content)
        expected = resources(root / "plain")
        packed = {
            "a.zip": zipped(named),
            "a.tar": tarred(named),
            "a.tgz": gzip.compress(tarred(named)),
            "a.tar.zst": zstd(tarred(named)),
        }
        for name, content in packed.items():
            (root / name).write_bytes(content)
            assert resources(root / name) == expected
