"""Certificates of the fault server: by an authority of the tests' own, or self-signed."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import warnings
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lib.fault.server import HOST, OTHER_HOST

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tls:
    """The server's side, and the file of the certificate that a client must trust for it."""

    context: ssl.SSLContext
    ca_file: Path


def own_authority(folder: Path) -> Tls:
    """A certificate for both hosts, by an authority of its own."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Fault authority")
    authority = _signed(name, name, key, key, authority=True)
    server_key = ec.generate_private_key(ec.SECP256R1())
    leaf = _signed(_name("Fault server"), name, server_key, key, authority=False)
    return _tls(folder, leaf, server_key, authority)


def self_signed(folder: Path) -> Tls:
    """A certificate for both hosts that signs itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Fault server")
    leaf = _signed(name, name, key, key, authority=False)
    return _tls(folder, leaf, key, leaf)


def no_newer_than_1_1(tls: Tls) -> Tls:
    """Let the server speak TLS 1.1 at most."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.context.minimum_version = ssl.TLSVersion.TLSv1
        tls.context.maximum_version = ssl.TLSVersion.TLSv1_1
    # OpenSSL 3 signs nothing for these versions above level 0.
    tls.context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return tls


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    hosts = [x509.IPAddress(ipaddress.ip_address(host)) for host in (HOST, OTHER_HOST)]
    public = signer.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *hosts]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False)
        .add_extension(_usage(authority), critical=True)
        .sign(signer, hashes.SHA256())
    )


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _tls(
    folder: Path,
    leaf: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    trusted: x509.Certificate,
) -> Tls:
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain, ca_file = folder / "server.pem", folder / "ca.pem"
    chain.write_bytes(secret + leaf.public_bytes(pem))
    ca_file.write_bytes(trusted.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Tls(context, ca_file)
