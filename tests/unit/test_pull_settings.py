"""The settings of a site that is pulled from: what is refused, and never repeated."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from adapter import config
from adapter.errors import ConfigurationError

SITE = '[[sites]]\nname = "A"\n'


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.upper().startswith("RAIWAY_")]:
        monkeypatch.delenv(name)
    return tmp_path / "raiway.toml"


def refusal(toml: Path, text: str) -> ConfigurationError:
    toml.write_text(SITE + text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as found:
        config.load(toml)
    return found.value


def test_the_example_of_the_documentation(toml: Path):
    toml.write_text(
        SITE
        + """
base_url = "https://fhir.a.example/r4"
extra_origins = ["https://files.a.example"]
mode = "bulk"
group = "thyroid"
client_id = "raiway-a"
private_key = "keys/a.pem"
kid = "2026-11"
alg = "ES384"
scope = "auto"
types = ["Patient", "Condition"]
type_filter = []
list_style = "comma"
since = "auto"
overlap = "5m"
ca_file = "keys/ca.pem"
[sites.limits]
deadline = "90s"
retry_after_max = "2d"
[sites.privacy]
mode = "limited"
id_key = "env:RAIWAY_ID_KEY"
shift_key = "keys/shift"
""",
        encoding="utf-8",
    )
    (site,) = config.load(toml).sites
    folder = toml.parent
    assert site.private_key == str(folder / "keys/a.pem")
    assert site.ca_file == folder / "keys/ca.pem"
    assert site.privacy.id_key == "env:RAIWAY_ID_KEY"
    assert site.privacy.shift_key == str(folder / "keys/shift")
    assert site.privacy.rules == "builtin"
    assert site.overlap == timedelta(minutes=5)
    assert site.limits.deadline == timedelta(seconds=90)
    assert site.limits.retry_after_max == timedelta(days=2)
    assert site.limits.concurrency == 5


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ('base_ur = "x"', "sites.A.base_ur is not a setting", "did you mean base_url?"),
        (
            "[sites.limits]\npage_mbs = 1",
            "sites.A.limits.page_mbs is not a setting",
            "did you mean page_mb?",
        ),
        (
            "[sites.privacy]\npage_mb = 1",
            "sites.A.privacy.page_mb is not a setting",
            "did you mean page_mb in [sites.limits]?",
        ),
    ],
)
def test_a_misspelt_key(toml: Path, text: str, what: str, hint: str):
    error = refusal(toml, text)
    assert (error.what, error.hint) == (what, hint)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("overlap = 5", "sites.A.overlap: a length of time is a number with s, m, h or d"),
        ('overlap = "5 weeks"', "sites.A.overlap: a length of time"),
        ('since = "2026-10-01"', 'sites.A.since: "auto" (the last good pull), "none"'),
        ('since = "2026-10-01T00:00:00"', "sites.A.since: "),
        ('mode = "push"', "sites.A.mode: Input should be 'bulk', 'crawl' or 'files'"),
        ('proxy = "proxy.example:3128"', "sites.A.proxy: a proxy is http://HOST:PORT"),
        ('proxy = "http://me:secret@proxy.example"', "sites.A.proxy: a proxy is http://HOST:PORT"),
        ("[sites.limits]\nconcurrency = 0", "sites.A.limits.concurrency: "),
        ('headers = { authorization = "Basic x" }', "sites.A.headers: authorization cannot be"),
        ('headers = { Prefer = "x" }', "sites.A.headers: Prefer cannot be set here"),
    ],
)
def test_a_value_that_cannot_be(toml: Path, text: str, told: str):
    assert refusal(toml, text).what.startswith(told)


@pytest.mark.parametrize("key", ["private_key", "token", "password", "client_cert_key"])
@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN PRIVATE KEY-----\\ncanary",
        "eyJhbGciOiJFUzM4NCJ9.canary",
        '{\\"kty\\":\\"EC\\",\\"d\\":\\"canary\\"}',
    ],
)
def test_a_secret_itself_is_refused_and_not_repeated(toml: Path, key: str, secret: str):
    error = refusal(toml, f'{key} = "{secret}"')
    assert error.what.startswith(f"sites.A.{key}: a secret does not belong here")
    assert "canary" not in f"{error!r}{error.hint}{error.where}"


def test_a_variable_that_the_settings_name_is_known(toml: Path, monkeypatch: pytest.MonkeyPatch):
    toml.write_text(SITE + 'token = "env:RAIWAY_A_TOKEN"', encoding="utf-8")
    monkeypatch.setenv("RAIWAY_A_TOKEN", "x")
    assert config.load(toml).sites[0].token == "env:RAIWAY_A_TOKEN"  # noqa: S105 - a name
    toml.write_text(SITE, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="RAIWAY_A_TOKEN is not a setting"):
        config.load(toml)


def test_a_site_of_local_files_needs_none_of_it(toml: Path):
    toml.write_text(SITE, encoding="utf-8")
    (site,) = config.load(toml).sites
    assert (site.base_url, site.ca_file, site.private_key) == ("", None, "")
