"""An authority of the test's own, and what it signs, as PEM files."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = ipaddress.ip_address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its key."""

    certificate_file: Path
    key_file: Path


class Authority:
    """Signs certificates for the loopback address; trust it by its `ca_file`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority of a test")
        limits = x509.BasicConstraints(ca=True, path_length=0)
        begun = _begun(self._name, self._key).add_extension(limits, critical=True)
        signed = begun.issuer_name(self._name).sign(self._key, hashes.SHA256())
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def certify(self, name: str, *, hosts: Sequence[str] = ()) -> Certified:
        """A certificate of whoever has this name, at the loopback address and these hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = [x509.DNSName(host) for host in ("localhost", *hosts)]
        places = x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK), *named])
        certificate = _begun(_name(name), key).add_extension(places, critical=False)
        signed = certificate.issuer_name(self._name).sign(self._key, hashes.SHA256())
        made = Certified(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        made.certificate_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        made.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        made.key_file.chmod(0o600)
        return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
