"""docker-compose.network.yml keeps to the Compose Specification, and its commands exist."""

from __future__ import annotations

import json
import shlex
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from adapter.cli.app import application
from adapter.network.run import LEAST
from tests.lib.needs import ROOT

COMPOSE = YAML(typ="safe").load(ROOT / "docker-compose.network.yml")
SERVICES: dict[str, Any] = COMPOSE["services"]
HOSPITALS = [name for name in SERVICES if name.startswith("hospital-")]


def commands() -> list[list[str]]:
    """Every `raiway` command of every service."""
    found = []
    for service in SERVICES.values():
        if "entrypoint" not in service:
            found.append(list(service["command"]))
            continue
        for line in service["command"][0].split(";"):
            program, *arguments = shlex.split(line)
            assert program == "raiway"
            found.append(arguments)
    return found


def test_it_keeps_to_the_compose_specification() -> None:
    schema = json.loads(
        files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json").read_bytes()
    )
    validator = jsonschema.validators.validator_for(schema)(schema)
    plain = {key: value for key, value in COMPOSE.items() if not key.startswith("x-")}
    assert [error.message for error in validator.iter_errors(plain)] == []


def test_as_many_hospitals_as_a_sum_needs_each_in_its_folder() -> None:
    assert len(HOSPITALS) == LEAST
    assert {SERVICES[name]["working_dir"] for name in HOSPITALS} == {
        f"/data/network/{name}" for name in HOSPITALS
    }
    assert set(SERVICES["open"]["depends_on"]) == set(HOSPITALS)


@pytest.mark.parametrize("arguments", commands(), ids=lambda words: " ".join(words[:2]))
def test_each_command_and_option_is_known(arguments: list[str]) -> None:
    shown = CliRunner().invoke(application(), [arguments[0], "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    for word in arguments:
        if word.startswith("--"):
            assert word in shown.stdout, (arguments[0], word)


def test_servers_are_on_loopback_and_nothing_is_published() -> None:
    assert all("ports" not in service for service in SERVICES.values())
    for name, service in SERVICES.items():
        if name not in {"prepare", "registry"}:
            assert service["network_mode"] == "service:registry", name
        assert "--host" not in str(service["command"])
