"""Texts, dates and places across the border, and what Safe Harbor leaves of them."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from typing import Any

import pytest

from adapter.privacy import Keys, Mode
from tests.lib.mapping import observation
from tests.lib.privacy import KEYS, OTHER_KEYS, deidentifier, limited, passed, patient

NAME = "Quillfeather"


# Texts


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("<0.2 ng/mL", ...),
        ("not detected", ...),
        ("75 mg BID", ...),
        ("Mrs Quill received 150 mCi of I-131 on 2021-05-03.",
         "Xxx Xxxxx received 150 mCi of I-131 on 2021-05-03."),
        ("BRAF p.V600E detected, called 617-555-0100", "BRAF p.V600E detected, xxxxxx …-…-…"),
        ("Quill 0012345 150 mCi I-131 given", "Xxxxx … 150 mCi I-131 given"),
        ("617-555-0100 mCi", "…-555-0100 mCi"),
        ("2 x 3 700 MBq I-131", ...),
        ("n.617555010 BRAF", "n.… BRAF"),
        ("seen by Dr Quill, MRN 0012345", "…"),
        ("0012345678", "…"),
        ("quill@hospital.invalid: TERT c.-124C>T", "xxxxx xxxxxxxx.xxxxxxx: TERT c.-124C>T"),
    ],
)  # fmt: skip
def test_texts(text: str, stays: Any):
    expected = text if stays is ... else stays
    assert limited(observation("3013-0", valueString=text))["valueString"] == expected


def test_a_number_alone_is_a_value_only_where_one_belongs():
    sent = observation("3013-0", valueString="48213", note=[{"text": "48213"}])
    found = limited({**sent, "code": {**sent["code"], "text": "48213"}})
    assert found["valueString"] == "48213"
    assert found["note"] == [{"text": "…"}]
    assert found["code"]["text"] == "…"


def test_a_text_that_would_say_something_else_without_its_names_goes_whole(
    monkeypatch: pytest.MonkeyPatch,
):
    text = "Mrs Quill: BRAF V600E detected."
    assert "BRAF" in limited(observation("3013-0", valueString=text))["valueString"]
    monkeypatch.setattr("adapter.privacy.faithful.Readers.agree", lambda *_: False)
    assert limited(observation("3013-0", valueString=text))["valueString"] == "…"


def test_the_text_of_an_attachment_is_read_and_the_rest_goes():
    html = f"<p>{NAME}</p><p>BRAF V600E detected</p>"
    report = {
        "resourceType": "DiagnosticReport", "id": "r", "status": "final",
        "presentedForm": [
            {"contentType": "text/html", "data": base64.b64encode(html.encode()).decode(),
             "title": NAME, "url": f"https://x.example/{NAME}"},
            {"contentType": "application/pdf", "data": "JVBERi0=", "title": NAME},
        ],
    }  # fmt: skip
    text, pdf = limited(report)["presentedForm"]
    assert base64.b64decode(text["data"]).decode().split("\n")[-2] == "BRAF V600E detected"
    assert NAME not in base64.b64decode(text["data"]).decode()
    assert text.keys() == {"contentType", "data"}
    assert pdf == {"contentType": "application/pdf"}


# Dates


def shifted_days(patient_id: str = "p", keys: Keys = KEYS) -> int:
    border = deidentifier(keys=keys, date_shift=True)
    sent = observation("3013-0", subject={"reference": f"Patient/{patient_id}"})
    found = date.fromisoformat(passed(border, sent)["effectiveDateTime"])
    return (date(2021, 5, 3) - found).days


def test_a_shift_is_one_to_364_whole_days_back_and_differs_between_patients():
    shifts = {name: shifted_days(name) for name in "abcdefghij"}
    assert all(1 <= days <= 364 for days in shifts.values())
    assert len(set(shifts.values())) > 5
    assert shifts != {name: shifted_days(name, OTHER_KEYS) for name in "abcdefghij"}


def test_every_date_of_a_patient_is_shifted_by_the_same():
    days = timedelta(days=shifted_days())
    found = limited(
        observation(
            "3013-0",
            effectiveDateTime="2021-05-03T08:15:00-04:00",
            issued="2021-05-03T23:59:59.5Z",
            valueString="BRAF V600E detected on 2021-05-04",
        ),
        date_shift=True,
    )
    assert found["effectiveDateTime"] == f"{date(2021, 5, 3) - days}T12:15:00+00:00"
    assert found["issued"] == f"{date(2021, 5, 3) - days}T23:59:59.500000+00:00"
    assert found["valueString"] == f"BRAF V600E detected on {date(2021, 5, 4) - days}"
    born = limited(patient(birthDate="1960-02-29"), date_shift=True)["birthDate"]
    assert born == str(date(1960, 2, 29) - days)


def test_a_partial_date_becomes_a_year_under_a_shift_and_stays_without():
    sent = observation("3013-0", effectiveDateTime="2021-12")
    assert limited(sent)["effectiveDateTime"] == "2021-12"
    middle = date(2021, 12, 15) - timedelta(days=shifted_days())
    assert limited(sent, date_shift=True)["effectiveDateTime"] == str(middle.year)


def test_without_a_patient_only_the_year_is_left():
    sent = observation("3013-0", subject={"display": NAME}, issued="2021-05-03T10:00:00Z")
    found = limited(sent, date_shift=True)
    assert found["effectiveDateTime"] == "2021"
    # FHIR has no instant of a year.
    assert "issued" not in found


def test_last_updated_is_never_shifted():
    meta = {"versionId": "3", "lastUpdated": "2021-05-04T00:00:00Z", "source": f"#{NAME}"}
    assert limited(patient(meta=meta))["meta"] == {
        "versionId": "3", "lastUpdated": "2021-05-04T00:00:00Z",
    }  # fmt: skip
    assert limited(patient(meta=meta), date_shift=True)["meta"] == {"versionId": "3"}


def test_when_a_pull_was_stays_as_it_is():
    pulled = {"url": "urn:raiway:pulled", "valueInstant": "2024-01-01T00:00:00Z"}
    meta = {"extension": [{**pulled, "valueString": NAME}]}
    assert limited(patient(meta=meta), date_shift=True)["meta"] == {"extension": [pulled]}
    strange = {"extension": [{**pulled, "valueInstant": NAME}]}
    assert NAME not in str(limited(patient(meta=strange)))


@pytest.mark.parametrize("text", [NAME, "05/03/2021", "2021-05-03 at home", ""])
def test_what_is_no_date_is_not_shown(text: str):
    for shift in (False, True):
        found = limited(observation("3013-0", effectiveDateTime=text), date_shift=shift)
        assert found["effectiveDateTime"] == "withheld"


# Safe Harbor


def safe(resource: dict[str, Any]) -> dict[str, Any]:
    return passed(deidentifier(Mode.SAFE_HARBOR), resource)


@pytest.mark.parametrize(
    ("code", "stays"),
    [("02139-4307", "021"), ("02139", "021"), ("03601", "000"), ("893010001", "000")],
)
def test_safe_harbor_keeps_three_digits_of_a_zip_code_where_many_live(code: str, stays: str):
    address = {"line": [NAME], "city": "Boston", "state": "MA", "postalCode": code, "country": "US"}
    assert safe(patient(address=[address]))["address"] == [
        {"state": "MA", "postalCode": stays, "country": "US"}
    ]
    assert limited(patient(address=[address]))["address"][0]["city"] == "Boston"


@pytest.mark.parametrize("code", ["D-10117", "SW1A 1AA", "1234", NAME])
def test_safe_harbor_keeps_no_other_postal_code(code: str):
    assert "address" not in safe(patient(address=[{"postalCode": code}]))


@pytest.mark.parametrize(
    ("born", "stays"),
    [("1960-02-29", "1960"), ("1936", "1936"), ("1935-12-31", "1936"), ("1901", "1936")],
)
def test_safe_harbor_puts_all_over_89_into_one_year(born: str, stays: str):
    assert safe(patient(birthDate=born))["birthDate"] == stays


@pytest.mark.parametrize(("age", "unit"), [(91, "a"), (90, "years"), ("95", "a")])
def test_safe_harbor_tells_no_age_over_89(age: object, unit: str):
    sent = {"value": age, "unit": unit, "code": unit}
    assert safe(observation("30525-0", valueQuantity=sent))["valueQuantity"] == {
        "value": 90, "unit": unit, "code": unit, "comparator": ">=",
    }  # fmt: skip
    assert limited(observation("30525-0", valueQuantity=sent))["valueQuantity"] == sent


@pytest.mark.parametrize("sent", [{"value": 89, "unit": "a"}, {"value": 95, "unit": "ng/mL"}])
def test_safe_harbor_keeps_other_quantities(sent: dict[str, Any]):
    assert safe(observation("3013-0", valueQuantity=sent))["valueQuantity"] == sent


def test_safe_harbor_keeps_years_and_whole_values_and_no_free_text():
    found = safe(
        observation(
            "3013-0",
            issued="2021-05-03T10:00:00Z",
            valueString="<0.2 ng/mL",
            note=[{"text": "Mrs Quill: BRAF V600E detected"}, {"text": "BRAF V600E on 2021-05-03"}],
        )
    )
    assert found["effectiveDateTime"] == "2021"
    assert "issued" not in found
    assert found["valueString"] == "<0.2 ng/mL"
    assert found["note"] == [{"text": "…"}, {"text": "…"}]
