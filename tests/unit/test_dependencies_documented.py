"""docs/dependencies.md names every direct dependency, with a licence that is true and allowed."""

from __future__ import annotations

import importlib.metadata
import json
import re
import tomllib
from collections.abc import Iterable

import pytest

from tests.lib.needs import ROOT, missing

FAMILIES = {
    "AGPL": r"\bAGPL|Affero",
    "LGPL": r"\bLGPL|Lesser General",
    "GPL": r"(?<![AL])\bGPL|GNU General",
    "MPL": r"\bMPL\b|Mozilla Public",
    "Apache": r"\bApache\b",
    "MIT": r"\bMIT\b",
    "BSD": r"\b0?BSD\b|Redistribution and use in source and binary forms",
    "Zlib": r"\bZlib\b",
    "CC0": r"\bCC0\b",
    "PSF": r"\bPSF-2\.0\b",
}
ALLOWED = {"MPL", "Apache", "MIT", "BSD", "Zlib", "CC0", "PSF"}
EXCEPTIONS = {"psycopg": {"LGPL"}}
"""Used unchanged, as an installed package."""


def families(text: str) -> set[str]:
    """The licence families that a text names."""
    return {family for family, pattern in FAMILIES.items() if re.search(pattern, text)}


def canonical(name: str) -> str:
    """A package's name as the registry normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def section(heading: str) -> str:
    """What docs/dependencies.md has under a heading."""
    page = (ROOT / "docs/dependencies.md").read_text()
    _, below = page.split(f"\n## {heading}\n")
    return below.partition("\n## ")[0]


def documented(*headings: str) -> dict[str, str]:
    """Package → licence, from the tables under these headings."""
    rows = [
        row
        for heading in headings
        for row in re.findall(r"^\| (\S+) \| (.+?) \|", section(heading), re.MULTILINE)
    ]
    return {name: licence for name, licence in rows if name not in {"package", "---"}}


def names(requirements: Iterable[str]) -> set[str]:
    """The packages of a list of requirements, without our own extras."""
    found = {
        canonical(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements
    }
    return found - {"raiway"}


def declared(distribution: importlib.metadata.Distribution) -> str:
    """What an installed package says of its licence: metadata first, else its licence files."""
    said = distribution.metadata.json
    text = f"{said.get('license_expression', '')} {str(said.get('license', ''))[:80]}"
    text += " ".join(line for line in said.get("classifier", []) if line.startswith("License"))
    if families(text):
        return text
    files = [file for file in distribution.files or [] if "LICENSE" in file.name.upper()]
    return " ".join(file.read_text() for file in files)


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
PYTHON = documented("At run time", "Optional", "For building and testing")
NODE_HEADING = "Outside judges, on Node (`tests/judges`)"
NODE = documented(NODE_HEADING)


def test_each_python_dependency_is_documented_in_its_place() -> None:
    build = PROJECT["build-system"]["requires"] + PROJECT["dependency-groups"]["build"]
    for heading, requirements in {
        "At run time": PROJECT["project"]["dependencies"],
        "Optional": [
            requirement
            for extra, listed in EXTRAS.items()
            if extra != "dev"
            for requirement in listed
        ],
        "For building and testing": [*EXTRAS["dev"], *build],
    }.items():
        assert {canonical(name) for name in documented(heading)} == names(requirements), heading


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("base", []), ("postgres", ["postgres"]), ("dev", ["benchmark", "postgres", "dev"])],
)
def test_each_python_dependency_is_pinned(lock: str, extras: list[str]) -> None:
    """When this fails, run bin/lock."""
    text = (ROOT / f"requirements/{lock}.txt").read_text()
    pinned = names(line for line in text.splitlines() if "==" in line)
    required = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]]
    assert names([*required, *(line for extra in extras for line in EXTRAS[extra])]) <= pinned


def test_each_judge_is_documented() -> None:
    package = json.loads((ROOT / "tests/judges/package.json").read_text())
    assert set(NODE) == {*package.get("dependencies", {}), *package.get("devDependencies", {})}


@pytest.mark.parametrize("name", sorted(PYTHON))
def test_a_python_licence_is_true_and_allowed(name: str) -> None:
    stated = families(PYTHON[name])
    assert stated, "no licence is stated"
    assert stated <= ALLOWED | EXCEPTIONS.get(name, set())
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        assert name in names(EXTRAS["spark"]), f"{name} should be installed for the tests"
        return
    assert families(declared(distribution)) == stated


@pytest.mark.parametrize("name", sorted(NODE))
def test_a_judge_licence_is_true_and_allowed(name: str) -> None:
    folder = ROOT / "tests/judges/node_modules" / name
    if not folder.is_dir():
        missing(f"{name} is not installed in tests/judges")
    said = str(json.loads((folder / "package.json").read_text()).get("license", ""))
    if not families(said):
        said = " ".join(file.read_text() for file in sorted(folder.glob("LICENSE*")))
    assert families(said) == families(NODE[name])
    assert families(said) <= ALLOWED


def test_what_is_refused_is_no_dependency() -> None:
    refused = re.findall(r"^\| ([\w-]+)", section("Refused"), re.MULTILINE)
    assert "pandas" in refused
    assert not set(refused) & names(PROJECT["project"]["dependencies"])


def test_copyleft_is_told_apart() -> None:
    assert families("LGPL-3.0-only") == {"LGPL"}
    assert families("AGPL-3.0-only") == {"AGPL"}
    assert families("GPL-3.0-or-later") == {"GPL"}
    assert families("Redistribution and use in source and binary forms") == {"BSD"}
