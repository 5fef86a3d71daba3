"""Keys: made, read from what sites have, kept from others, published."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, OctKey

from adapter.errors import ConfigurationError, UsageError
from adapter.pull.auth import keyring
from adapter.pull.auth.credentials import private_file, secret
from adapter.pull.auth.keys import Alg, SigningKey, new_key, signing_key
from adapter.site_settings import SiteSettings

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}
ALGORITHMS: tuple[Alg, ...] = ("ES384", "RS384")


@pytest.fixture(scope="module", params=ALGORITHMS)
def key(request: pytest.FixtureRequest) -> SigningKey:
    return new_key(request.param)


SMALL = (
    rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


def pem(key: SigningKey) -> str:
    return key.key.as_pem(private=True).decode()


def test_a_key_is_read_from_pem_jwk_and_jwks(key: SigningKey):
    jwk = {**key.key.as_dict(private=True), "kid": "2026-11"}
    jwks = {"keys": [{**jwk, "kid": "other"}, jwk]}
    for text, kid in [(pem(key), key.kid), (json.dumps(jwk), "2026-11")]:
        found = signing_key(text, alg=key.alg)
        assert (found.kid, found.alg) == (kid, key.alg)
        assert found.key.as_dict(private=False)["kty"] == key.key.key_type
    assert signing_key(json.dumps(jwks), kid="2026-11").kid == "2026-11"
    assert signing_key(pem(key), kid="k2").kid == "k2"


def test_a_pem_that_names_its_type(key: SigningKey):
    text = key.key.private_key.private_bytes(  # type: ignore[union-attr]
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()
    assert signing_key(text).kid == key.kid


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("canary", "no private key that can be read"),
        ("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----", "no private key"),
        ("{canary", "no private key"),
        ("[]", "no private key"),
        ('{"keys": []}', "kid is not set"),
        (json.dumps(new_key("ES384").public), "no private key"),
        (json.dumps(OctKey.generate_key(256).as_dict()), "no private key"),
        (ECKey.generate_key("P-256").as_pem(private=True).decode(), "on P-256"),
        (SMALL, "1024 bits"),
    ],
    # A key made anew is no name of a test: two workers would not agree on it.
    ids=range(9),
)
def test_what_is_no_key(text: str, told: str):
    with pytest.raises(ConfigurationError, match=told) as found:
        signing_key(text)
    assert "canary" not in f"{found.value!r}{found.value.hint}"


def test_a_key_for_another_algorithm(key: SigningKey):
    other: Alg = "RS384" if key.alg == "ES384" else "ES384"
    with pytest.raises(ConfigurationError, match=f"a key for {key.alg}, not {other}"):
        signing_key(pem(key), alg=other)


def test_the_jwks_has_public_halves_of_both_keys(tmp_path: Path):
    first, second = new_key("ES384"), new_key("RS384")
    folder = tmp_path / "keys"
    old = keyring.keep(first, "A", folder)
    new = keyring.keep(second, "A", folder)
    keyring.keep(new_key("ES384"), "AB", folder)
    os.utime(old, (1, 1))
    document = keyring.jwks(keyring.keys_of("A", folder, None))
    assert [entry["kid"] for entry in document["keys"]] == [second.kid, first.kid]
    for entry in document["keys"]:
        assert not PRIVATE & entry.keys()
        assert (entry["use"], entry["key_ops"]) == ("sig", ["verify"])
    assert [entry["alg"] for entry in document["keys"]] == ["RS384", "ES384"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in (old, new)] == [0o600, 0o600]
    published = keyring.publish(document, "A", folder)
    assert json.loads(published.read_text()) == document


def test_the_configured_key_comes_first_with_the_name_that_the_site_gave_it(tmp_path: Path):
    file = keyring.keep(key := new_key("ES384"), "A", tmp_path)
    site = SiteSettings(name="A", private_key=str(file), kid="k2")
    elsewhere = keyring.keys_of("A", tmp_path / "none", site)
    together = keyring.keys_of("A", tmp_path, site)
    assert [each.kid for each in elsewhere] == [each.kid for each in together] == ["k2"]
    assert together[0].key.thumbprint() == key.kid


def test_a_key_is_never_written_over(tmp_path: Path):
    file = keyring.keep(key := new_key("ES384"), "A", tmp_path)
    with pytest.raises(UsageError, match="File exists"):
        keyring.keep(key, "A", tmp_path)
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        keyring.keep(key, "A", tmp_path)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("site", ["../A", "A/B", "", ".A", "*", "A\0"])
def test_a_site_whose_name_is_no_file(tmp_path: Path, site: str):
    with pytest.raises(UsageError, match="cannot be part of a file's name"):
        keyring.keep(new_key("ES384"), site, tmp_path)
    with pytest.raises(UsageError, match="cannot be part of a file's name"):
        keyring.keys_of(site, tmp_path, None)


def test_a_site_without_a_key(tmp_path: Path):
    with pytest.raises(UsageError, match="site A has no key") as found:
        keyring.keys_of("A", tmp_path, SiteSettings(name="A"))
    assert "raiway keys A --new" in found.value.hint


# Secrets


def test_a_secret_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SYNTHETIC_SECRET", " s3cret\n")
    assert secret("token", "env:SYNTHETIC_SECRET") == "s3cret"
    for empty in ("", "  "):
        monkeypatch.setenv("SYNTHETIC_SECRET", empty)
        with pytest.raises(ConfigurationError, match="SYNTHETIC_SECRET is not set"):
            secret("token", "env:SYNTHETIC_SECRET")


def test_a_secret_from_a_file(tmp_path: Path):
    file = tmp_path / "token"
    file.touch(0o600)
    with pytest.raises(ConfigurationError, match="an empty file"):
        secret("token", str(file))
    file.write_text("s3cret\n")
    assert secret("token", str(file)) == "s3cret"
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        secret("token", str(file))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o601])
def test_a_file_that_others_can_read(tmp_path: Path, mode: int):
    file = tmp_path / "token"
    file.write_text("s3cret")
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"mode {mode:04o}"):
        secret("token", str(file))


@pytest.mark.parametrize("stated", ["canary-secret-itself", "no\0path", ""])
def test_what_is_no_file_is_not_repeated(stated: str):
    with pytest.raises(ConfigurationError) as found:
        secret("token", stated)
    assert "canary" not in f"{found.value!r}{found.value.hint}{found.value.where}"


def test_a_folder_is_no_file(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="is no file"):
        private_file("token", str(tmp_path))


def test_the_keys_of_a_site_whose_name_begins_alike_are_not_published(tmp_path: Path):
    keyring.keep(own := new_key("ES384"), "A", tmp_path)
    keyring.keep(new_key("ES384"), "A.B", tmp_path)
    assert [key.kid for key in keyring.keys_of("A", tmp_path, None)] == [own.kid]
