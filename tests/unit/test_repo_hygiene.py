"""What must not be in the repository: one machine's paths, registries' hosts, overgrown modules."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

from tests.lib.needs import ROOT, missing, program

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users)/[\w.-]+")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|deb\.debian\.org|crates\.io"
    r"|repo1?\.maven|proxy\.golang\.org"
)
MAX_LINES = 300
MAX_TEST_LINES = 500
"""Cases written as tables read well at more length than code does."""
LONGER_ON_PURPOSE = {
    "adapter/models.py": "one short class for each fact table, read beside each other",
    "tests/integration/test_api_evaluate.py": "one server, which all its tests ask",
    "tests/integration/test_inbox.py": "one registry, on which every attack is tried",
    "tests/integration/test_api_evaluate_jobs.py": "one gate that holds evaluations back",
}
"""Python files over these limits, each with the reason why splitting it would read worse."""


@cache
def tracked() -> dict[str, str]:
    """Path → text of every file that git tracks or would track; binary files are left out."""
    if not (ROOT / ".git").exists():
        missing("not a git work tree, so tracked files are not known")
    # A clone made by another user is refused unless it is named safe.
    git = [program("git"), "-c", f"safe.directory={ROOT}", "-C", str(ROOT)]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    texts = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and (text := _text(path)) is not None:
            texts[name] = text
    return texts


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_one_machine() -> None:
    assert _lines_with(MACHINE_PATH) == []


def test_no_registry_is_named() -> None:
    assert _lines_with(REGISTRY) == []


def test_python_files_stay_short() -> None:
    long = {
        name
        for name, text in tracked().items()
        if name.endswith(".py")
        and len(text.splitlines()) > (MAX_TEST_LINES if name.startswith("tests/") else MAX_LINES)
    }
    assert long == LONGER_ON_PURPOSE.keys()


def test_links_between_pages_lead_somewhere() -> None:
    for name, text in tracked().items():
        if name.endswith(".md"):
            targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
            dead = [to for to in targets if not (ROOT / name).parent.joinpath(to).exists()]
            assert dead == [], name


def test_the_patterns_find_what_they_are_for() -> None:
    for path in ("/home" + "/ada/raiway", "open('/root" + "/x')", "--out /tmp" + "/report.json"):
        assert MACHINE_PATH.search(path), path
    assert REGISTRY.search("registry.npmjs" + ".org/ajv")
    assert not MACHINE_PATH.search("a/home" + "/page and docs/work" + "/x")


def test_pins_hold_hashes_and_no_address() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        lines = lock.read_text().splitlines()
        pinned = [line for line in lines if re.match(r"\w", line)]
        assert pinned, lock.name
        assert all(re.match(r"[\w.-]+==\S+", line) for line in pinned), lock.name
        hashed = re.findall(r"^\w[^\n]*\\\n    --hash=sha256:", lock.read_text(), re.MULTILINE)
        assert len(hashed) == len(pinned), lock.name
        assert not [line for line in lines if "://" in line or line.startswith("-")], lock.name


def test_the_changelog_begins_with_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == project["version"]
