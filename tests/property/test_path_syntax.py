"""The parser of plain paths gives the very trees of fhirpathpy's, and leaves it all else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import ViewDefinitionError
from adapter.mapping.fhirpath import parsed_tree
from adapter.mapping.path_syntax import plain_tree

PATHS = ("path", "forEach", "forEachOrNull")


def _paths(stated: Any) -> Iterator[str]:
    if isinstance(stated, dict):
        yield from (stated[name] for name in PATHS if isinstance(stated.get(name), str))
        yield from (path for each in stated.values() for path in _paths(each))
    elif isinstance(stated, list):
        yield from (path for each in stated for path in _paths(each))


SHIPPED = sorted(
    {
        path
        for file in files("mappings").joinpath("ViewDefinition").iterdir()
        for path in _paths(json.loads(file.read_text()))
    }
)


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_paths_are_plain_and_parsed_alike(path: str) -> None:
    assert plain_tree(path) == parsed_tree(path)


TOKENS = (
    "a", "code", "_b1", "where", "ofType", "is", "as", "in", "contains", "and", "or", "xor", "not",
    "div", "mod", "implies", "true", "false", "day", "year", "Quantity", "FHIR", "$this", "$index",
    "`a b`", "'x'", "'a\\'b'", "'//'", "''", "'é'", "%a", "%", "%'a'", "@2020-01", "1", "2.5", "{",
    "}", "(", ")", "[", "]", ".", ",", "|", "&", "+", "-", "*", "/", "=", "!=", "~", "!~", "<",
    ">=", "//", "/*", "*/", " ", "\t", "\n", "\u00a0", "é", "", "'",
)  # fmt: skip


@st.composite
def plain_paths(draw: st.DrawFn) -> str:
    """Paths that are mostly right."""
    atom = st.sampled_from(
        ("a", "code.coding", "'x'", "true", "%c", "$this", "exists()", "f(a, b)")
    )
    grown = st.recursive(
        atom,
        lambda inner: st.one_of(
            st.builds("{} {} {}".format, inner, st.sampled_from(OPERATORS), inner),
            st.builds("({})".format, inner),
            st.builds("a.where({}).b".format, inner),
            st.builds("iif({},{} , {})".format, inner, inner, inner),
            st.builds("({}).first()".format, inner),
        ),
        max_leaves=8,
    )
    return draw(grown)


OPERATORS = ("and", "or", "xor", "implies", "in", "is", "as", "=", "!=", "|", "&", "+", "<", ".")


@given(st.one_of(plain_paths(), st.lists(st.sampled_from(TOKENS), max_size=9).map("".join)))
def test_a_tree_is_fhirpathpys_or_none(path: str) -> None:
    tree = plain_tree(path)
    if tree is None:
        return
    try:
        assert tree == parsed_tree(path)
    except ViewDefinitionError as error:
        raise AssertionError(f"{path!r} is no FHIRPath") from error
