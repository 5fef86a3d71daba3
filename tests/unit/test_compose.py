"""docker-compose.yml keeps to the Compose Specification and holds no secret; nor does the image."""

from __future__ import annotations

import copy
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from adapter.config import load
from tests.lib.needs import ROOT

COMPOSE = YAML(typ="safe").load(ROOT / "docker-compose.yml")
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose_spec() -> jsonschema.protocols.Validator:
    """The official schema (compose-spec, Apache-2.0), as check-jsonschema ships it."""
    schema = json.loads(
        files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json").read_bytes()
    )
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    return validator(schema)


def test_it_keeps_to_the_compose_specification(
    compose_spec: jsonschema.protocols.Validator,
) -> None:
    assert [error.message for error in compose_spec.iter_errors(COMPOSE)] == []


@pytest.mark.parametrize(
    ("service", "key", "value"),
    [
        ("postgres", "healthchek", {}),
        ("adapter", "depends_on", {"postgres": {"condition": "healthy"}}),
        ("adapter", "volumes", "landing:/data"),
    ],
)
def test_the_schema_would_notice(
    compose_spec: jsonschema.protocols.Validator, service: str, key: str, value: Any
) -> None:
    broken = copy.deepcopy(COMPOSE)
    broken["services"][service][key] = value
    assert not compose_spec.is_valid(broken)


def test_what_services_refer_to_is_declared() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys(), name
        named = {mount.split(":")[0] for mount in service.get("volumes", [])}
        assert named <= COMPOSE["volumes"].keys(), name
        assert set(service.get("depends_on", {})) <= COMPOSE["services"].keys(), name
        read = {mount["source"] for mount in service.get("configs", [])}
        assert read <= COMPOSE["configs"].keys(), name
        joined = service.get("network_mode", "service:adapter").removeprefix("service:")
        assert joined in COMPOSE["services"], name


def test_the_adapter_waits_for_a_store_that_answers() -> None:
    adapter, postgres = COMPOSE["services"]["adapter"], COMPOSE["services"]["postgres"]
    assert adapter["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert any("pg_isready" in word for word in postgres["healthcheck"]["test"])


def test_no_secret_is_written_down() -> None:
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY", name):
                assert name.endswith("_FILE"), name
                assert value.startswith("/run/secrets/"), name
            assert not re.search(r"://[^/@]*:[^/@]*@", value), f"{name} holds a password"
    assert all(secret.keys() == {"file"} for secret in COMPOSE["secrets"].values())
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_images_have_a_version() -> None:
    images = [service["image"] for service in COMPOSE["services"].values() if "image" in service]
    assert {image for image in images if ":" not in image} == {"raiway"}
    assert not [image for image in images if image.endswith(":latest")]


def test_the_hospitals_are_sites_and_on_loopback(tmp_path: Path) -> None:
    file = tmp_path / "raiway.toml"
    file.write_text(COMPOSE["configs"]["hospitals"]["content"])
    sites = {site.base_url: site for site in load(file).sites}
    assert COMPOSE["services"]["fill"]["command"] == list(sites)
    for (base, site), name in zip(sites.items(), ("hospital-a", "hospital-b"), strict=True):
        hospital = COMPOSE["services"][name]["environment"]
        assert base == f"http://{hospital['SERVER_ADDRESS']}:{hospital['SERVER_PORT']}/fhir"
        assert hospital["hapi.fhir.bulk_export_enabled"] == "true"
        assert (site.mode, site.auth) == ("bulk", "none")


def test_what_it_mounts_is_there() -> None:
    stated = [each["file"] for each in COMPOSE["configs"].values() if "file" in each]
    assert [path for path in stated if not (ROOT / path).is_file()] == []


def test_no_port_is_published_but_that_of_the_facade() -> None:
    published = {
        name: service["ports"]
        for name, service in COMPOSE["services"].items()
        if "ports" in service
    }
    assert published == {"facade": ["8443:8443"]}
    assert COMPOSE["services"]["facade"]["profiles"] == ["facade"]


def test_the_facade_asks_who_is_there_and_speaks_tls(tmp_path: Path) -> None:
    file = tmp_path / "raiway.toml"
    stated = COMPOSE["configs"]["facade"]["content"]
    file.write_text(stated.replace("${RAIWAY_HOST:-localhost}", "raiway.hospital.example"))
    server = load(file).server
    assert server.authentication == "required"
    assert server.public_url == "https://raiway.hospital.example:8443"
    mounted = {f"/run/secrets/{name}" for name in COMPOSE["services"]["facade"]["secrets"]}
    assert {str(server.tls_certificate), server.tls_key, server.session_key} <= mounted


def test_the_image_is_pinned_and_runs_as_an_ordinary_user() -> None:
    assert "--require-hashes -r requirements/serve.txt" in DOCKERFILE
    last_stage = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert re.search(r"^USER raiway$", last_stage, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK [^#]*doctor", last_stage, re.MULTILINE)


def test_the_image_is_built_from_what_the_context_lets_in() -> None:
    let_in = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)
