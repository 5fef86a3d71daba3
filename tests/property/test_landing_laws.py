"""Laws of the landing folder: whenever a pull is killed, pulling again ends in the same lines."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.pull.checks import Refused
from adapter.pull.landing import closing
from tests.lib.landings import NOW, SERVER_TIME, dies, good, lines, observation, opened

RUNS = st.lists(st.integers(min_value=0, max_value=60), max_size=6)
FILES = st.lists(st.integers(min_value=0, max_value=4), min_size=1, max_size=4)
PATH = NOW.strftime("%Y-%m-%dT%H%M%SZ")


def _files(sizes: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    return {
        f"file {at}": [observation(10 * at + number) for number in range(size)]
        for at, size in enumerate(sizes)
    }


def _pull(root: Path, files: dict[str, list[dict[str, Any]]]) -> None:
    """A mode in small: files that are not there yet, refusals, deletions; then the end."""
    with opened(root) as landing:
        if landing.state.closing is None:
            landing.as_of(SERVER_TIME)
            for at, (key, resources) in enumerate(files.items()):
                if landing.committed("Observation", key):
                    continue
                with landing.part("Observation", key) as part:
                    landing.refuse("Observation", Refused("no id", b"{}"), f"{key}:1")
                    for each in resources:
                        part.put(each, orjson.dumps(each))
                    landing.deleted("Observation", f"gone{at}", SERVER_TIME)
                    part.commit()
                landing.state.bulk["files"] = at
                landing.state.save()
        closing.close(landing, closing.kept(landing) or good(landing))


@settings(max_examples=60, deadline=None)
@given(FILES, RUNS)
def test_killed_at_any_moment_and_run_again_the_lines_are_the_same(
    sizes: list[int], moments: list[int]
) -> None:
    files = _files(sizes)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        _pull(Path(one), files)
        whole = Path(one) / "A" / PATH
        root, ended = Path(other), False
        path = root / "A" / PATH
        for moment in moments:
            if not dies(lambda: _pull(root, files), moment):
                ended = True
                break
            # What has a final name is whole, at any moment.
            for file in path.glob("Observation.*.ndjson"):
                assert all(orjson.loads(line) for line in file.read_bytes().splitlines())
        if not ended:
            _pull(root, files)
        assert lines(path) == lines(whole)
        for name in ("quarantine.ndjson", "deleted.00001.ndjson"):
            assert (path / name).read_bytes() == (whole / name).read_bytes()
        assert not list(path.glob("*.part"))
        held, expected = (
            orjson.loads((each / "A" / ".state" / "site.json").read_bytes())
            for each in (root, Path(one))
        )
        assert held == expected
