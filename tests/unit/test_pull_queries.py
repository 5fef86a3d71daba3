"""What a crawl asks for: from the mappings, and from what the server can."""

from __future__ import annotations

from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.definitions import Definitions, load
from adapter.errors import ConfigurationError, DefinitionError
from adapter.mapping.genes import SYMBOL
from adapter.mapping.names import TEXT
from adapter.pull.crawl.capability import Capability, parse
from adapter.pull.crawl.queries import Queries, Search, Wanted, code_lists, coded, codes, queries
from adapter.pull.crawl.servers import Server, ServerProfile, profile, shipped
from tests.lib.fault.content import capability

UNTOLD = Capability()


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return load()


def server(stated: Capability = UNTOLD, name: str = "") -> Server:
    return Server(stated, profile(stated, name))


def asked(definitions: Definitions, of: Server, **wanted) -> Queries:
    return queries(definitions, of, Wanted(**wanted))


def listed(found: Queries, name: str) -> set[str]:
    """The tokens of all `code` filters of a type."""
    _, filters = found.by_patient[name]
    values = [value for each in filters for key, value in each if key == "code"]
    return {token for value in values for token in value.split(",")}


@pytest.mark.parametrize("kind", ["", *shipped()])
def test_every_code_of_the_value_sets_is_asked_for(definitions: Definitions, kind: str):
    """Of a type that is asked for by code or category: each code that `code` may hold, in every
    spelling; any other type is asked for whole, or by reference."""
    found = asked(definitions, server(name=kind), group=True)
    for name in definitions.views:
        if name in found.by_id:
            continue
        _, filters = found.by_patient[name]
        if () in filters:
            assert filters == ((),)
            continue
        gates = frozenset[str]().union(*(coded(view) or () for view in definitions.views[name]))
        tokens = {token for url in gates for token in definitions.terminology.tokens(url)}
        wanted = {each for each in tokens if not each.startswith((f"{TEXT}|", f"{SYMBOL}|"))}
        assert wanted
        assert listed(found, name) == wanted


@pytest.mark.parametrize("kind", ["", *shipped()])
def test_every_type_that_a_view_reads_is_asked_for(definitions: Definitions, kind: str):
    found = asked(definitions, server(name=kind), group=True)
    assert set(found.types) == set(definitions.views)
    assert not found.left_out


def test_a_type_is_asked_by_code_only_where_nothing_else_can_have_rows(definitions: Definitions):
    """Texts, codes in extensions or components count too: those types are asked for whole."""
    found = asked(definitions, server())
    by_code = {name for name, (_, filters) in found.by_patient.items() if () not in filters}
    assert by_code == {"ChargeItem", "Condition"}
    for name in by_code:
        assert all(coded(view) for view in definitions.views[name])
        assert not definitions.relevance[name].text


def test_who_is_of_interest_is_told_by_the_diagnosis(definitions: Definitions):
    first, second = asked(definitions, server()).people
    tokens = {token for each in first for token in dict(each.parameters)["code"].split(",")}
    value_set = definitions.value_set("diagnosis-thyroid-cancer")
    assert tokens == definitions.terminology.tokens(value_set)
    assert {each.resource_type for each in first} == {"Condition"}
    assert {each.resource_type for each in second} == {"Observation", "Procedure"}


def test_a_server_that_finds_nobody_by_code_is_asked_for_everybody(definitions: Definitions):
    stated = parse(capability(("Patient", "Encounter"), params=("_id", "patient")))
    found = asked(definitions, server(stated))
    assert found.people == ()
    assert found.by_patient == {"Patient": ("", ((),)), "Encounter": ("", ((),))}
    assert set(found.left_out.values()) == {"the server does not offer it"}


def test_with_a_group_nobody_is_looked_for(definitions: Definitions):
    assert asked(definitions, server(), group=True).people == ()


def test_a_type_that_the_server_does_not_search_by_patient(definitions: Definitions):
    statement = capability(("Condition", "Procedure", "Encounter"), params=("_id", "code"))
    found = asked(definitions, server(parse(statement)))
    assert found.by_id == {"Procedure"}
    assert found.left_out["Encounter"] == "the server does not search it by patient"


def test_categories_are_those_of_the_server(definitions: Definitions):
    """Epic wants a category or a code; molecular tests lie outside of the laboratory."""
    stated = Capability(software="Epic")
    found = asked(definitions, server(stated), group=True)
    _, filters = found.by_patient["Observation"]
    categories = dict(filters[-1])["category"].split(",")
    assert {"laboratory", "http://snomed.info/sct|405825005"} <= set(categories)
    assert {"procedure", "therapy", "activity"}.isdisjoint(categories)
    assert "http://loinc.org|3013-0" in listed(found, "Observation")
    assert "Specimen" in found.by_id


def test_a_type_filter_confines_what_is_asked(definitions: Definitions):
    filters = ("Observation?category=laboratory", "Observation?category=exam&status=final")
    found = asked(definitions, server(), type_filter=filters)
    assert found.by_patient["Observation"] == (
        "patient",
        ((("category", "laboratory"),), (("category", "exam"), ("status", "final"))),
    )
    assert found.by_patient["Encounter"] == ("patient", ((),))


def test_a_type_filter_that_is_none(definitions: Definitions):
    with pytest.raises(ConfigurationError, match="Observation"):
        asked(definitions, server(), type_filter=("Observation",))


def test_types_confine_the_pull(definitions: Definitions):
    found = asked(definitions, server(), types=("Patient", "Condition", "Immunization"))
    assert found.types == ["Patient", "Condition"]
    assert found.left_out == {"Immunization": "no mapping needs it"}


@given(st.lists(st.text(min_size=1, max_size=60), max_size=40), st.integers(200, 2000))
def test_code_lists_hold_every_code_within_their_length(tokens: list[str], longest: int):
    lists = code_lists(tokens, longest)
    assert ",".join(lists) == ",".join(tokens)
    for each in lists:
        assert len(quote(each, safe=":/,")) < longest or each in tokens


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=30)))
def test_a_query_says_what_was_meant(parameters: dict[str, str]):
    query = Search("Observation", tuple(parameters.items())).query
    found = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query))
    assert found == {name: [value] for name, value in parameters.items()}
    assert query.isascii()


def test_signs_of_the_search_syntax_are_escaped(definitions: Definitions):
    """http://hl7.org/fhir/R4/search.html#escaping"""

    class Terms:
        def tokens(self, url: str) -> set[str]:
            return {f"urn:x|a,b|c$d\\{url}", f"{TEXT}|name"}

    assert codes(Terms(), ["e"]) == ["urn:x|a\\,b\\|c\\$d\\\\e"]


def test_kinds_of_servers_are_told_by_their_names():
    assert profile(Capability(software="Epic")).title == "Epic"
    assert profile(Capability(publisher="Cerner Corporation")).title == "Oracle Health"
    assert profile(Capability(software="HAPI FHIR Server")).patients == 20
    assert profile(Capability(software="Another")) == shipped()["default"]
    assert profile(Capability(software="Epic"), "default").last_updated


def test_a_sites_own_file_counts_over_the_kind(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('count = 7\n[without]\nProcedure = ["patient"]\n', encoding="utf-8")
    found = profile(Capability(software="Epic"), str(own))
    assert found.count == 7
    assert found.without["Procedure"] == ("patient",)
    assert found.without["Specimen"] == ("patient", "subject")
    assert not found.last_updated


def test_a_profile_that_cannot_be_used(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("cuont = 7\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match="cuont"):
        profile(UNTOLD, str(own))
    with pytest.raises(DefinitionError, match="no server profile 'epci'"):
        profile(UNTOLD, "epci")


def test_what_a_profile_names_is_there(definitions: Definitions):
    """Value sets, types and search parameters that no other file could check."""
    for found in (ServerProfile(), *shipped().values()):
        types = {*found.without, *found.categories, *found.references}
        assert types <= set(definitions.views)
        for group in found.people:
            for name, value_sets in group.items():
                assert name in definitions.views
                assert all(
                    definitions.terminology.knows(definitions.value_set(each))
                    for each in value_sets
                )
