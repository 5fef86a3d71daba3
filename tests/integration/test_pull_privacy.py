"""Fifty secrets in an export, and none of them in anything that a pull and an ingest leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapter import landed
from tests.lib.console import raiway
from tests.lib.fault.privacy_scenarios import ExportOf
from tests.lib.fault.server import fault_server

KEY = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210"
SECRETS = [f"Quillfeather{number:02}" for number in range(50)]
MODES = ("limited", "limited+shift", "safe_harbor")


def export() -> dict[str, list[dict[str, Any]]]:
    """A patient, a result, a report and a drug, each secret in a place of its own."""
    secret = iter(SECRETS)

    def coded(system: str, code: str) -> dict[str, Any]:
        local = {"system": f"urn:{next(secret)}", "code": next(secret), "display": next(secret)}
        known = {"system": system, "code": code, "display": next(secret)}
        return {"coding": [known, local], "text": next(secret)}

    def noted(kind: str, **content: Any) -> dict[str, Any]:
        return {
            "resourceType": kind,
            "id": f"{kind.lower()}-{next(secret)}",
            "meta": {
                "versionId": "1",
                "lastUpdated": "2024-01-01T00:00:00Z",
                "source": next(secret),
            },
            "identifier": [{"system": f"urn:{next(secret)}", "value": next(secret)}],
            "text": {"status": "generated", "div": f"<div>{next(secret)}</div>"},
            next(secret): next(secret),
            **content,
        }

    patient = noted(
        "Patient",
        gender="female",
        birthDate="1950-06-01",
        name=[{"family": next(secret), "given": [next(secret)]}],
        telecom=[{"system": "email", "value": f"{next(secret)}@x.invalid"}],
        address=[{"line": [next(secret)], "city": "Boston", "state": "MA", "postalCode": "02139"}],
        contact=[{"name": {"text": next(secret)}}],
        photo=[{"contentType": "image/png", "title": next(secret)}],
    )
    subject = {"reference": f"Patient/{patient['id']}", "display": next(secret)}
    result = noted(
        "Observation",
        status="final",
        code=coded("http://loinc.org", "3013-0"),
        subject=subject,
        effectiveDateTime="2021-05-03",
        valueQuantity={"value": 1.5, "unit": "ng/mL", "code": "ng/mL"},
        performer=[{"reference": f"Practitioner/{next(secret)}", "display": next(secret)}],
        note=[{"text": f"BRAF V600E detected, {next(secret)}", "authorString": next(secret)}],
    )
    report = noted(
        "DiagnosticReport",
        status="final",
        code={"text": next(secret)},
        subject=subject,
        effectiveDateTime="2021-05-03",
        conclusion=f"{next(secret)} received 150 mCi of I-131.",
    )
    held = noted("Observation", status="final", modifierExtension=[{"url": f"urn:{next(secret)}"}])
    return {"Patient": [patient], "Observation": [result, held], "DiagnosticReport": [report]}


def configured(folder: Path, base: str, mode: str) -> None:
    name, _, shift = mode.partition("+")
    (folder / "raiway.toml").write_text(
        f"""
[[sites]]
name = "A"
base_url = "{base}"
export_level = "system"
auth = "none"
types = ["Patient", "Observation", "DiagnosticReport"]
[sites.privacy]
mode = "{name}"
date_shift = {str(bool(shift)).lower()}
id_key = "env:RAIWAY_ID_KEY"
shift_key = "env:RAIWAY_SHIFT_KEY"
""",
        encoding="utf-8",
    )


@pytest.mark.parametrize("mode", MODES)
def test_50_canaries(tmp_path: Path, mode: str):
    sent = export()
    assert all(secret in json.dumps(sent) for secret in SECRETS[:45])
    (tmp_path / "temporary").mkdir()
    added = {
        "RAIWAY_ID_KEY": KEY,
        "RAIWAY_SHIFT_KEY": KEY[::-1],
        "TMPDIR": str(tmp_path / "temporary"),
    }
    with fault_server(ExportOf(sent)) as server:
        configured(tmp_path, server.base, mode)
        pull = raiway("pull", "A", "-v", cwd=tmp_path, expect=5, **added)
    [run] = landed.find(tmp_path / "landing").runs
    assert {file.name.partition(".")[0] for file in run.files} == set(sent)
    ingest = raiway("ingest", "landing/A", "--site", "A", "-v", cwd=tmp_path, **added)
    assert "Quillfeather" not in pull.stdout + pull.stderr + ingest.stdout + ingest.stderr
    assert not found_in(tmp_path)


def found_in(folder: Path) -> list[str]:
    """The files, but for a pull's private state, in whose name or content a secret stands."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if landed.STATE not in path.parts
        and (
            "Quillfeather" in path.name or (path.is_file() and b"uillfeather" in path.read_bytes())
        )
    ]


def test_the_search_finds_what_is_there(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text(json.dumps(export()))
    assert found_in(tmp_path) == ["deep/file"]


def test_the_private_state_holds_ids_at_most(tmp_path: Path):
    sent = export()
    added = {"RAIWAY_ID_KEY": KEY, "RAIWAY_SHIFT_KEY": KEY[::-1]}
    with fault_server(ExportOf(sent)) as server:
        configured(tmp_path, server.base, "limited")
        raiway("pull", "A", cwd=tmp_path, expect=5, **added)
    ids = {each["id"] for found in sent.values() for each in found}
    for path in (tmp_path / "landing").rglob("*"):
        if landed.STATE in path.parts and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            for each in ids:
                text = text.replace(each, "")
            assert "Quillfeather" not in text, path.name
