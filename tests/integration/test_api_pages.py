"""The pages for people: who sees what, filters that are addresses, and changes by forms alone."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import sqlite3
from collections.abc import Generator, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.testclient import TestClient

from adapter.api.app import create_app
from adapter.api.pages.patients import Tokens
from adapter.api.security.users import User, add_user
from adapter.config import Settings
from adapter.models import PatientRow
from adapter.server_settings import ServerSettings
from adapter.store import open_store
from tests.lib.console import raiway
from tests.lib.secured import ALL, ORIGIN, bearer, private, registered, token
from tests.lib.serving import reference_store

PASSWORD = "correct horse battery"  # noqa: S105
PATIENT_PAGES = ("/cohort", "/sensitivity", "/coverage", "/quarantine", "/runs")
PAGES = ("/", "/outcomes", *PATIENT_PAGES, "/reports")
BROKEN = '{"resourceType":"Observation",  "id":"quaint-7","status":"final'
READABLE = """{"resourceType":"Observation","id":"quaint-8","status":"final","subject":
{"reference":"Patient/quaint-9"},"code":{"coding":[{"system":"http://loinc.org","code":"3013-0"}]},
"valueQuantity":{"value":5,"code":"ng/mL","system":"http://unitsofmeasure.org"}}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("pages")
    reference_store(found)
    return found


@pytest.fixture(scope="module")
def store_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'raiway.db'}"


def served(store_url: str, **server: object) -> Generator[TestClient]:
    app = create_app(Settings(server=ServerSettings(**server)), store_url)
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="module")
def open_server(store_url: str) -> Iterator[TestClient]:
    yield from served(store_url)


@pytest.fixture
def guarded(store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    """A server that anna (patient level) and bert (counts under `public`) can log in to."""
    users = tmp_path / "users.json"
    add_user(users, User("anna", "", patient_level=True, policy="none"), PASSWORD)
    add_user(users, User("bert", ""), PASSWORD)
    private(tmp_path, "session.key", secrets.token_hex(32))
    key = str(tmp_path / "session.key")
    yield from served(store_url, authentication="required", users_file=users, session_key=key)


def logged_in(client: TestClient, name: str) -> TestClient:
    form = client.get("/auth/login").text
    csrf = re.search(r'name="csrf" value="(\w+)"', form)
    assert csrf is not None
    sent = {"name": name, "password": PASSWORD, "csrf": csrf[1], "to": "/"}
    assert client.post("/auth/login", data=sent).status_code == 303
    return client


def result(text: str) -> str:
    """The sentence at the head of a page."""
    found = re.search(r'<p class="result">(.*?)</p>', text)
    return unescape(found[1]) if found else ""


def patient_links(text: str) -> list[str]:
    return re.findall(r'href="(/patients/[0-9a-f]{32})"', text)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole(open_server: TestClient, path: str):
    answer = open_server.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert f'<a href="{path}" aria-current="page">' in answer.text
    assert not re.search(r'href="#/|style="|<script|https?://(?!www\.w3\.org/)', answer.text)
    assert "PATIENT LEVEL" in answer.text


def test_the_main_result_is_that_of_the_report(open_server: TestClient):
    expected = "restricted mean time to progression by day 192: 169.98 days (SE 9.70), 16 patients"
    assert result(open_server.get("/").text) == expected
    assert result(open_server.get("/outcomes").text) == expected


# Filters


def test_an_address_is_a_cohort(open_server: TestClient):
    everybody = open_server.get("/cohort").text
    assert result(everybody) == "16 of 46 persons in the study"
    some = open_server.get("/cohort?driver=BRAF_V600E").text
    assert result(some) == "11 of 46 persons in the study"
    assert "5 out: other driver or drugs than chosen" in some
    assert "11 patients" in result(open_server.get("/outcomes?driver=BRAF_V600E").text)


def test_the_parts_of_a_filter_make_up_the_whole(open_server: TestClient):
    drivers = re.findall(r'name="driver" value="(\w+)"', open_server.get("/cohort").text)
    numbers = [
        int(result(open_server.get(f"/cohort?driver={each}").text).split()[0]) for each in drivers
    ]
    assert len(numbers) == 3
    assert sum(numbers) == 16


def test_figures_of_a_part_are_its_own(open_server: TestClient, folder: Path):
    """RMST of the 11 patients with BRAF V600E, as the report has it for that driver."""
    whole = open_server.get("/outcomes").text
    part = open_server.get("/outcomes?driver=BRAF_V600E").text
    stated = re.search(r"by day 192: ([\d.]+) days", result(part))
    assert stated is not None
    assert stated[1] == "179.00"
    assert stated[1] in whole


def test_a_period_leaves_out_by_protocol_finish(open_server: TestClient):
    early = open_server.get("/cohort?end=2020-12-31").text
    late = open_server.get("/cohort?start=2021-01-01").text
    numbers = [int(result(text).split()[0]) for text in (early, late)]
    assert sum(numbers) == 16
    assert min(numbers) > 0


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("start=2022", "one day is expected"),
        ("start=2022-01-01&start=2023-01-01", "one day is expected"),
        ("start=2022-02-01&end=2022-01-01", "ends before it starts"),
        ("site=ZZ", "no data of site ZZ"),
        ("page=0", "cannot be read: page"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(open_server: TestClient, query: str, said: str):
    answer = open_server.get(f"/cohort?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert said in unescape(answer.text)


def test_nobody_fits(open_server: TestClient):
    answer = open_server.get("/outcomes?driver=no_such_driver")
    assert answer.status_code == 200
    assert result(answer.text) == "No patient fits."


# One patient


def test_a_patient_has_one_name_on_every_page(open_server: TestClient):
    names: dict[str, set[str]] = {}
    for query in ("", "?driver=NRAS_Q61R", "?start=2021-01-01"):
        for path in ("/cohort", "/outcomes"):
            text = open_server.get(f"{path}{query}").text
            for link, name in re.findall(r'href="(/patients/[0-9a-f]{32})">(\w+)</a>', text):
                names.setdefault(link, set()).add(name)
    assert len(names) == 46
    assert all(len(found) == 1 for found in names.values())
    for link, found in names.items():
        assert f"<h1>Patient {next(iter(found))}</h1>" in open_server.get(link).text


@pytest.mark.parametrize("named", ["SYN-RAIR-03", "Patient/SYN-RAIR-03", "key"])
def test_a_patient_is_found_by_a_form(open_server: TestClient, store_url: str, named: str):
    with open_store(store_url, create=False) as store:
        (row,) = store.rows(PatientRow, patient_id="SYN-RAIR-03")
    sent = row.patient_key if named == "key" else named
    answer = open_server.post("/patients", data={"patient": sent})
    assert answer.status_code == 303
    page = open_server.get(answer.headers["location"]).text
    assert f"<dd>{row.patient_key}</dd>" in page
    assert open_server.post("/patients", data={"patient": "nobody"}).status_code == 400


def test_the_way_from_a_step_of_a_curve_to_the_resource(open_server: TestClient):
    outcomes = open_server.get("/outcomes").text
    steps = re.findall(r'<tr id="(step-all_patients-[\d.]+)">(.*?)</tr>', outcomes)
    assert len(steps) == 6
    for name, row in steps:
        assert f'href="#{name}"' in outcomes
        (patient,) = patient_links(row)
        page = open_server.get(patient).text
        finding = re.search(r"<tr><td>progression</td>.*?</tr>", page)
        assert finding is not None
        (anchor,) = re.findall(r'href="#(patient-[0-9a-f]{7}-\d+)"', finding[0])[:1]
        source = page.partition(f'<details id="{anchor}"')[2].partition("</details>")[0]
        assert '"resourceType": "' in unescape(source)


def test_each_patient_has_a_page_also_who_is_out(open_server: TestClient):
    cohort = open_server.get("/cohort").text
    links = patient_links(cohort)
    assert len(set(links)) == 46
    said = [result(open_server.get(link).text) for link in links]
    assert sum(text.startswith("in the study") for text in said) == 16
    assert sum(text.startswith("not in the study: no thyroid cancer") for text in said) == 28


def test_no_address_names_a_patient(open_server: TestClient, store_url: str):
    with open_store(store_url, create=False) as store:
        rows = list(store.rows(PatientRow))
    names = {row.patient_key for row in rows} | {row.patient_id for row in rows}
    assert len(names) > 46
    text = "".join(open_server.get(path).text for path in PAGES)
    addresses = "".join(re.findall(r'href="([^"]*)"', text))
    assert not [name for name in names if name in addresses]


def test_a_token_is_nobody_elses():
    tokens, others = Tokens(b"k"), Tokens(b"other")
    assert tokens.of("a") == Tokens(b"k").of("a")
    assert len({tokens.of("a"), tokens.of("b"), others.of("a")}) == 3
    assert tokens.find(tokens.of("b"), ["a", "b"]) == "b"
    assert tokens.find(others.of("b"), ["a", "b"]) is None


def test_an_unknown_patient_is_not_found(open_server: TestClient):
    assert open_server.get(f"/patients/{'0' * 32}").status_code == 404


# Rules


def test_a_changed_rule_shows_what_moves_and_who(open_server: TestClient):
    plain = open_server.get("/sensitivity").text
    assert "What changes" not in plain
    assert "horizon_days" in plain
    rules = 'exclude_diagnoses=["MTC"]\nhorizon_days=100,192'
    text = open_server.get("/sensitivity", params={"rules": rules}).text
    assert "169.98" in text
    assert "horizon_days=100" in text
    assert "Who moves" not in text or patient_links(text)
    narrow = 'include_drivers=["NRAS_Q61R"]'
    text = open_server.get("/sensitivity", params={"rules": narrow}).text
    assert len(patient_links(text)) == 16 - int(
        result(open_server.get("/cohort?driver=NRAS_Q61R").text).split()[0]
    )


@pytest.mark.parametrize("rules", ["horizon_days", "no_such_rule=1", "horizon_days=abc"])
def test_a_rule_that_there_is_not_is_an_error(open_server: TestClient, rules: str):
    answer = open_server.get("/sensitivity", params={"rules": rules})
    assert answer.status_code == 400
    assert rules in unescape(answer.text), "what was typed is lost"
    assert 'role="alert"' in answer.text


def test_a_rule_can_be_typed_as_the_table_shows_it(open_server: TestClient):
    text = open_server.get("/sensitivity").text
    rows = re.findall(r'<tr><th scope="row">(\w+)</th><td>([^<]+)</td></tr>', text)
    shown = {key: unescape(value) for key, value in rows}
    for key in ("exclude_diagnoses", "horizon_days", "landmarks", "finish_rules", "race_labels"):
        answer = open_server.get("/sensitivity", params={"rules": f"{key}={shown[key]}"})
        assert answer.status_code == 200, key


def test_more_definitions_than_a_page_compares_are_refused(open_server: TestClient):
    rules = f"horizon_days={','.join(str(day) for day in range(100, 130))}"
    answer = open_server.get("/sensitivity", params={"rules": rules})
    assert answer.status_code == 400
    assert "30 definitions; a page compares 16" in answer.text


@pytest.mark.parametrize("path", ["/sensitivity", "/coverage"])
def test_a_filter_that_a_page_does_not_know_is_refused(open_server: TestClient, path: str):
    assert open_server.get(f"{path}?site=A").status_code == 200
    assert open_server.get(f"{path}?driver=BRAF_V600E").status_code == 400


# Roles


@pytest.mark.parametrize("path", [*PAGES, f"/patients/{'0' * 32}", "/cohort?driver=a&driver=b"])
def test_a_stranger_is_sent_to_the_login_and_back(guarded: TestClient, path: str):
    answer = guarded.get(path)
    assert answer.status_code == 303
    to = urlsplit(answer.headers["location"])
    assert to.path == "/auth/login"
    assert dict(parse_qsl(to.query)) == {"to": path}


@pytest.mark.parametrize("path", [*PATIENT_PAGES, f"/patients/{'0' * 32}"])
def test_a_role_without_patients_sees_none(guarded: TestClient, path: str):
    answer = logged_in(guarded, "bert").get(path)
    assert answer.status_code == 403
    assert "your role does not" in answer.text


def test_what_a_role_without_patients_sees_is_what_its_policy_lets_out(
    guarded: TestClient, store_url: str
):
    bert = logged_in(guarded, "bert")
    with open_store(store_url, create=False) as store:
        planted = {row.patient_key for row in store.rows(PatientRow)}
        planted |= {row.patient_id for row in store.rows(PatientRow)}
    text = "".join(
        bert.get(path).text
        for path in ("/", "/outcomes", "/outcomes?from=2020-01&to=2022-12", "/reports")
    )
    assert "PATIENT LEVEL" not in text
    assert "AGGREGATE" in text
    assert "/cohort" not in text
    assert "Disclosure control: withheld." in text
    assert not [name for name in planted if name in text]
    assert not re.search(r"\b16 patients\b", text)


def test_a_period_that_is_not_of_months_is_refused(guarded: TestClient):
    answer = logged_in(guarded, "bert").get("/outcomes?from=2020-01-02&to=2022-12")
    assert answer.status_code == 403
    assert "whole months" in answer.text


def test_who_may_see_patients_does(guarded: TestClient):
    anna = logged_in(guarded, "anna")
    text = anna.get("/cohort").text
    assert result(text) == "16 of 46 persons in the study"
    assert 'name="csrf"' in text
    assert anna.get(patient_links(text)[0]).status_code == 200


def test_reading_a_patient_is_in_the_audit_under_the_token(guarded: TestClient):
    anna = logged_in(guarded, "anna")
    link = patient_links(anna.get("/cohort").text)[0]
    anna.get(link)
    token = link.rpartition("/")[2]
    found = anna.get("/fhir/AuditEvent", params={"_count": "50"}).text
    assert f"Patient/{token}" in found


# Changes


def test_replay_is_a_form_of_ours_alone(guarded: TestClient):
    assert guarded.post("/quarantine", data={"site": "A"}).status_code == 303  # to the login
    anna = logged_in(guarded, "anna")
    assert anna.post("/quarantine", data={"site": "A"}).status_code == 403
    csrf = re.search(r'name="csrf" value="(\w+)"', anna.get("/quarantine").text)
    assert csrf is not None
    foreign = {"origin": "https://elsewhere.example"}
    form = {"site": "A", "csrf": csrf[1]}
    assert anna.post("/quarantine", data=form, headers=foreign).status_code == 403
    answer = anna.post("/quarantine", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/quarantine")
    assert anna.post("/quarantine", data={"site": "ZZ", "csrf": csrf[1]}).status_code == 400


def test_a_role_without_patients_cannot_replay(guarded: TestClient):
    bert = logged_in(guarded, "bert")
    csrf = re.search(r'name="csrf" value="(\w+)"', bert.get("/reports").text)
    assert csrf is not None
    assert bert.post("/quarantine", data={"site": "A", "csrf": csrf[1]}).status_code == 403


def test_what_lies_in_quarantine_is_shown_as_it_came_and_replayed(tmp_path: Path):
    """One line whose end is missing, and one that is mended where it lies."""
    url = reference_store(tmp_path)
    unknown = {**json.loads(READABLE), "effectiveDateTime": "2024-13-45"}
    (tmp_path / "bad.ndjson").write_text(f"{BROKEN}\n{json.dumps(unknown)}\n")
    raiway("ingest", "bad.ndjson", "--site", "A", "--timezone", "UTC", cwd=tmp_path, expect=5)
    with contextlib.closing(served(url)) as made:
        client = next(made)
        before = unescape(client.get("/quarantine").text)
        assert result(before) == "2 lines in quarantine"
        assert BROKEN in before
        with sqlite3.connect(tmp_path / "raiway.db") as database:
            database.execute("UPDATE quarantine SET raw = replace(raw, '2024-13-45', '2024-03-05')")
        assert client.post("/quarantine", data={"site": "A"}).status_code == 303
        after = client.get("/quarantine").text
        assert result(after) == "1 line in quarantine"
        assert "1 of 2 lines left the quarantine" in after
        assert client.get("/quarantine?page=2").status_code == 404


def test_the_gate_is_that_of_now(tmp_path: Path):
    """A running server sees what came after its first page."""
    url = reference_store(tmp_path)
    asked = {"periodStart": "2020-01-01", "periodEnd": "2022-12-31"}
    report = "/fhir/Measure/time-to-progression/$evaluate-measure"
    with contextlib.closing(served(url)) as made:
        client = next(made)
        assert "passed: 18 of 18" in client.get("/").text
        assert "passed: 18 of 18" in client.get(report, params=asked).text
        lines = [BROKEN.replace("quaint-7", f"quaint-{n}") for n in range(64)]
        (tmp_path / "bad.ndjson").write_text("\n".join(lines))
        raiway("ingest", "bad.ndjson", "--site", "A", "--timezone", "UTC", cwd=tmp_path, expect=5)
        for path in ("/", "/outcomes"):
            text = client.get(path).text
            assert "FAILED: 17 of 18" in text, path
            assert "passed: 18 of 18" not in text, path
        assert "FAILED: 17 of 18" in client.get(report, params=asked).text


def test_a_systems_token_opens_no_form(tmp_path: Path, store_url: str):
    client_of_registry = registered(tmp_path, scopes=("system/*.cruds",), patient_level=True)
    with contextlib.closing(
        served(store_url, authentication="required", clients=(client_of_registry,))
    ) as made:
        client = next(made)
        headers = bearer(token(client, scope=ALL))
        assert client.get("/cohort", headers=headers).status_code == 200
        for path, form in (("/quarantine", {"site": "A"}), ("/patients", {"patient": "x"})):
            answer = client.post(path, data=form, headers=headers)
            assert answer.status_code == 403, path
            assert "forms are for people" in answer.text


def test_who_is_refused_a_page_can_log_out(guarded: TestClient):
    bert = logged_in(guarded, "bert")
    csrf = re.search(r'name="csrf" value="(\w+)"', bert.get("/cohort").text)
    assert csrf is not None
    assert bert.post("/auth/logout", data={"csrf": csrf[1]}).status_code == 303
    assert bert.get("/").status_code == 303


# Reports


def test_a_stored_report_is_listed_and_shown(open_server: TestClient):
    assert result(open_server.get("/reports").text) in {"", "No report is on record."}
    asked = {"periodStart": "2020-01-01", "periodEnd": "2022-12-31"}
    made = open_server.post("/fhir/Measure/time-to-progression/$evaluate-measure", params=asked)
    assert made.status_code == 201
    identifier = made.json()["id"]
    listed = open_server.get("/reports").text
    assert f'href="/reports/{identifier}"' in listed
    shown = open_server.get(f"/reports/{identifier}").text
    assert "time-to-progression" in shown
    assert "measure-population 16" in unescape(shown)
    assert open_server.get("/reports/none").status_code == 404
