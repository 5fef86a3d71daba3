"""One resource across the border: ids and references, what is withheld and counted, keys."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.definitions import load
from adapter.errors import ConfigurationError
from adapter.privacy import (
    Deidentified,
    Deidentifier,
    Keys,
    Mode,
    Policy,
    Withheld,
    checked,
    fingerprint,
    new_key,
)
from tests.lib.mapping import concept, observation
from tests.lib.privacy import AS_OF, KEYS, OTHER_KEYS, deidentifier, limited, passed, patient

NAME = "Quillfeather"


def withheld(resource: dict[str, Any], mode: Mode = Mode.LIMITED) -> Withheld:
    found = deidentifier(mode).apply(resource)
    assert isinstance(found, Withheld)
    return found


# Pseudonyms


def test_a_pseudonym_is_an_id_and_tells_nothing():
    found = limited(patient())["id"]
    assert len(found) == 32
    assert found.isalnum()
    # printf Patient/p | openssl dgst -sha256 -mac hmac -macopt hexkey:0001…1f, 20 bytes in base32.
    assert found == "xx6bwin7226a7fcnpfjchmh4pmrvjvn6"
    assert found == deidentifier().pseudonym("Patient", "p")
    assert found != deidentifier(keys=OTHER_KEYS).pseudonym("Patient", "p")
    assert found != deidentifier().pseudonym("Practitioner", "p")


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p",
        "https://fhir.a.example/r4/Patient/p",
        "Patient/p/_history/3",
        "https://fhir.a.example/r4/Patient/p/_history/3",
    ],
)
def test_a_reference_names_its_target_by_the_same_pseudonym(reference: str):
    found = limited(observation("3013-0", subject={"reference": reference, "display": NAME}))
    assert found["subject"] == {"reference": f"Patient/{limited(patient())['id']}"}


def test_a_urn_keeps_its_form_and_means_the_same_patient():
    found = limited(observation("3013-0", subject={"reference": "urn:uuid:p"}))
    assert found["subject"] == {"reference": f"urn:uuid:{limited(patient())['id']}"}


def test_a_conditional_reference_stays_one():
    asked = f"Patient?identifier=urn:mrn|{NAME}"
    found = limited(observation("3013-0", subject={"reference": asked}))["subject"]["reference"]
    assert found.startswith("Patient?identifier=urn:raiway:pseudonym|")
    assert NAME not in found
    again = limited(observation("4-8", subject={"reference": asked}))["subject"]["reference"]
    assert again == found


def test_a_logical_reference_goes_and_a_contained_one_stays():
    logical = {"identifier": {"system": "urn:mrn", "value": "8817"}}
    found = limited(observation("3013-0", subject=logical, performer=[{"reference": "#lab"}]))
    assert "subject" not in found
    assert found["performer"] == [{"reference": "#lab"}]


@pytest.mark.parametrize(
    "reference", [f"about {NAME}", "", 7, f"Patient/{NAME} x", f"{NAME}/12", f"{NAME}?id=1"]
)
def test_what_is_no_reference_is_not_shown(reference: object):
    found = limited(observation("3013-0", subject={"reference": reference}))
    assert found["subject"] == {"reference": "withheld"}


def test_each_new_pseudonym_is_told_once():
    told: list[tuple[str, str, str]] = []
    border = Deidentifier(Policy(as_of=AS_OF), KEYS, load(), lambda *each: told.append(each))
    for code in ("3013-0", "4-8"):
        passed(border, observation(code))
    assert [each[:2] for each in told] == [("Observation", "o1"), ("Patient", "p")]
    assert told[1][2] == border.pseudonym("Patient", "p")


# What is withheld


@pytest.mark.parametrize(
    ("resource", "reason", "path"),
    [
        ({"resourceType": "Account", "id": "a"}, "no mapping reads", ""),
        ({"id": "a"}, "no mapping reads", ""),
        ({"resourceType": ["Patient"], "id": "a"}, "no mapping reads", ""),
        (patient(id="a b"), "no id", "Patient.id"),
        ({"resourceType": "Patient"}, "no id", "Patient.id"),
        (
            observation("3013-0", modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
            "modifier extension",
            "Observation",
        ),
        (
            observation("3013-0", component=[{"modifierExtension": [{"url": "urn:x"}]}]),
            "modifier extension",
            "Observation.component",
        ),
        (observation("3013-0", implicitRules="urn:rules"), "implicit rules", "Observation"),
        (
            {"resourceType": "MedicationRequest", "id": "m", "doNotPerform": "yes"},
            "no boolean",
            "MedicationRequest.doNotPerform",
        ),
    ],
)
def test_withheld(resource: dict[str, Any], reason: str, path: str):
    found = withheld(resource)
    assert reason in found.reason
    assert found.path == path


def test_what_is_withheld_is_named_by_its_pseudonym():
    found = withheld(observation("3013-0", implicitRules="urn:rules"))
    assert found.reference == f"Observation/{deidentifier().pseudonym('Observation', 'o1')}"


def test_an_empty_modifier_extension_turns_nothing_round():
    assert limited(observation("3013-0", modifierExtension=[]))["status"] == "final"


def test_identified_keeps_everything_and_needs_no_key():
    sent = {"resourceType": "Account", "id": "a b", "name": NAME}
    border = Deidentifier(Policy(mode=Mode.IDENTIFIED, as_of=AS_OF), None, load())
    assert border.apply(sent) == Deidentified(sent)
    assert border.pseudonym("Patient", "p") == "p"


# What is taken out is counted


def test_counts_name_elements_of_the_rules_and_no_values():
    found = deidentifier().apply(
        patient(name=[{"family": NAME}], **{NAME: 1, f"_{NAME}": {}}, telecom=[{"value": NAME}])
    )
    assert isinstance(found, Deidentified)
    assert found.removed == {
        ("Patient.name", "name"): 1,
        ("Patient.telecom", "telephone, mail"): 1,
        ("Patient.(other)", "not listed"): 1,
        ("Patient.(extension of a value)", "not listed"): 1,
    }


def test_the_resource_that_is_given_stays_as_it_is():
    sent = observation("3013-0", note=[{"text": NAME}], component=[{"code": concept("x", "urn:x")}])
    before = repr(sent)
    limited(sent)
    assert repr(sent) == before


# Keys


def test_a_new_key_is_one_and_no_two_are_alike():
    made = new_key()
    assert checked(f"{made}\n".encode(), "id_key") == bytes.fromhex(made)
    assert made != new_key()


def test_a_fingerprint_names_a_key_and_does_not_tell_it():
    assert fingerprint(KEYS.ids) != fingerprint(OTHER_KEYS.ids)
    assert KEYS.fingerprint == f"{fingerprint(KEYS.ids)}-{fingerprint(KEYS.shift or b'')}"
    assert KEYS.ids.hex() not in repr(KEYS) + KEYS.fingerprint


@pytest.mark.parametrize("content", [b"", b"secret", b"0" * 64, b"a" * 40, bytes(64)])
def test_a_key_that_can_be_guessed_is_refused_and_not_repeated(content: bytes):
    with pytest.raises(ConfigurationError) as raised:
        checked(content, "id_key")
    assert "id_key" in str(raised.value)
    assert content.decode() not in str(raised.value) or not content


def test_a_mode_without_its_keys_is_refused():
    with pytest.raises(ConfigurationError, match="needs a key"):
        Deidentifier(Policy(as_of=AS_OF), None, load())
    with pytest.raises(ConfigurationError, match="a key of its own"):
        deidentifier(keys=Keys(KEYS.ids), date_shift=True)
