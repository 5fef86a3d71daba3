"""Signed releases: what is signed, what is claimed, and what a stranger's library makes of it."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from adapter.errors import ConfigurationError
from adapter.fhir_r4 import validated
from adapter.pull.auth.keys import new_key
from adapter.trust.provenance import token_of
from adapter.trust.refusal import NotTrusted
from adapter.trust.release import opened, report_key, sign, verify
from tests.lib.pooling import Row, site_reports
from tests.lib.trust import Signer, bytes_of, provenance_of

(REPORT,) = site_reports("time-to-progression", [[Row("NRAS_Q61R", 40, True, 3)]])
SIGNER = Signer()


def refused(rule: str, token: str, content: bytes) -> None:
    """The token is refused by this rule, opened or verified."""
    with pytest.raises(NotTrusted) as error:
        verify(opened(token, content), content, SIGNER.key.key)
    assert error.value.rule == rule


def unpadded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def rewritten(token: str, **changed: Any) -> str:
    """The token with another header, None takes a parameter away; its signature is as it was."""
    header, _, signature = token.split(".")
    stated = {**json.loads(unpadded(header)), **changed}
    kept = json.dumps({name: value for name, value in stated.items() if value is not None})
    return f"{urlsafe_b64encode(kept.encode()).decode().rstrip('=')}..{signature}"


def test_a_stranger_verifies_it_with_rfc_7515_and_7797_and_a_general_library():
    content = bytes_of(REPORT)
    token = SIGNER.signed(REPORT).token
    protected, payload, signature = token.split(".")
    assert payload == ""
    header = json.loads(unpadded(protected))
    assert (header["alg"], header["b64"], header["crit"]) == ("ES384", False, ["b64"])
    members = SIGNER.key.public
    x, y = (int.from_bytes(unpadded(members[name])) for name in ("x", "y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP384R1()).public_key()
    raw = unpadded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:48]), int.from_bytes(raw[48:]))
    public.verify(der, protected.encode() + b"." + content, ec.ECDSA(hashes.SHA384()))
    with pytest.raises(InvalidSignature):
        public.verify(der, protected.encode() + b"." + content + b" ", ec.ECDSA(hashes.SHA384()))


def test_the_hash_is_that_of_what_was_signed_whichever_signature():
    content = bytes_of(REPORT)
    claims = SIGNER.claims(REPORT)
    one, other = sign(content, claims, SIGNER.key), sign(content, claims, SIGNER.key)
    assert one.token != other.token
    assert one.hash == other.hash
    assert one.hash == sha256(one.token.split(".")[0].encode() + b"." + content).hexdigest()


def test_json_that_means_the_same_is_not_the_same_bytes():
    content = b'{"a": 1.50}'
    token = sign(content, SIGNER.claims(REPORT), SIGNER.key).token
    verify(opened(token, content), content, SIGNER.key.key)
    refused("signature", token, b'{"a": 1.5}')


def test_a_report_larger_than_the_library_s_own_bound_is_signed():
    content = b"{" + b" " * 3_000_000 + b"}"
    token = sign(content, SIGNER.claims(REPORT), SIGNER.key).token
    verify(opened(token, content), content, SIGNER.key.key)


@pytest.mark.parametrize(
    "changed",
    [{"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256"}, {"b64": True}, {"b64": None}, {"b64": 0},
     {"crit": None}, {"crit": ["b64", "exp"]}, {"typ": "JWT"}, {"typ": None}, {"kid": None},
     {"kid": ""}, {"jku": "https://thief.example/keys"}, {"jwk": {"kty": "EC"}}, {"number": 0},
     {"number": True}, {"number": 1.0}, {"number": "1"}, {"number": 2}, {"previous": "0" * 64},
     {"previous": None}, {"revision": -1}, {"iss": None}, {"aud": ["a", "b"]}, {"sub": 7},
     {"iat": None}, {"iat": -5}, {"iat": "now"}, {"iat": True}, {"iat": 10**15}],
    ids=str,
)  # fmt: skip
def test_another_header_is_not_of_our_form(changed: dict[str, Any]):
    content = bytes_of(REPORT)
    token = sign(content, Signer().claims(REPORT), SIGNER.key).token
    refused("form", rewritten(token, **changed), content)


@pytest.mark.parametrize(
    "changed",
    [{"iss": "Organization/other"}, {"aud": "https://other.example"}, {"revision": 7}, {"iat": 1}],
    ids=str,
)
def test_a_changed_claim_breaks_the_signature(changed: dict[str, Any]):
    content = bytes_of(REPORT)
    token = sign(content, Signer().claims(REPORT), SIGNER.key).token
    refused("signature", rewritten(token, **changed), content)


def test_another_key_s_signature_does_not_fit():
    content = bytes_of(REPORT)
    refused("signature", Signer().signed(REPORT).token, content)


def test_only_an_es384_key_signs():
    with pytest.raises(ConfigurationError, match="ES384"):
        sign(b"{}", SIGNER.claims(REPORT), new_key("RS384"))


def test_the_key_of_a_report_is_its_site_measure_and_period_and_nothing_else():
    key = report_key(REPORT)
    assert report_key({**REPORT, "date": "2030-01-01", "id": "other", "group": []}) == key
    for name, other in (
        ("measure", "https://raiway.example/fhir/Measure/other|1"),
        ("reporter", {"reference": "Organization/other"}),
        ("period", {"start": "1999-01-01", "end": "1999-12-31"}),
    ):
        assert report_key({**REPORT, name: other}) != key
    with pytest.raises(NotTrusted):
        report_key({"resourceType": "MeasureReport"})


def test_the_provenance_is_fhir_and_carries_the_signature():
    signer = Signer()
    first = signer.signed(REPORT)
    release = signer.signed(REPORT)
    text = provenance_of(REPORT, release)
    assert text.isascii()
    assert "\n" not in text
    resource = json.loads(text)
    validated(resource)
    (signature,) = resource["signature"]
    assert b64decode(signature["data"]).decode() == release.token == token_of(text)
    assert resource["agent"][0]["who"] == REPORT["reporter"]
    assert resource["agent"][1]["who"]["type"] == "Device"
    assert resource["entity"][-1]["what"]["identifier"]["value"] == first.hash
    assert resource["target"] == [{"reference": f"MeasureReport/{REPORT['id']}"}]


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", "{}", '{"resourceType": "Provenance", "signature": []}',
     '{"resourceType": "Provenance", "signature": [{"data": "%"}]}',
     '{"resourceType": "Provenance", "signature": [{"data": "YQ=="}, {"data": "YQ=="}]}',
     '{"resourceType": "Patient", "signature": [{"data": "YQ=="}]}'],
)  # fmt: skip
def test_what_is_no_provenance_with_one_signature_is_refused(text: str):
    with pytest.raises(NotTrusted) as error:
        token_of(text)
    assert error.value.rule == "form"
