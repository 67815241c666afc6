"""An authority and its certificates, made for one test session: a good one, an expired one, one of another host."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HERE = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]


def make_certificates(folder: Path) -> None:
    """`ca.pem`, and with their keys `good.pem`, `expired.pem`, `other-host.pem`, and `untrusted.pem` of another authority."""
    key, authority = _authority("tests")
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    _leaf(folder / "good.pem", key, authority, _HERE)
    _leaf(folder / "expired.pem", key, authority, _HERE, days=(-5, -1))
    _leaf(folder / "other-host.pem", key, authority, [x509.DNSName("s3.example.com")])
    _leaf(folder / "untrusted.pem", *_authority("somebody else"), _HERE)


def _authority(name: str) -> tuple[Any, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        _builder(name, name, key.public_key(), (-10, 10))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, builder.sign(key, hashes.SHA256())


def _leaf(path: Path, issuer_key: Any, issuer: x509.Certificate, names: Any, days: tuple[int, int] = (-1, 5)) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issued_by = issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    certificate = (
        _builder("s3", str(issued_by), key.public_key(), days)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(known, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))


def _builder(name: str, issuer: str, key: Any, days: tuple[int, int]) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
