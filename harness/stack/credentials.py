"""The stack's own CA, server certificates and passwords, made once for each stack.

They live under the state folder with mode 0600 and are never printed.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness import clock
from harness.stack import layout
from harness.stack.layout import Layout

VALID_DAYS = 365


@dataclass(frozen=True)
class Credentials:
    """Paths of the certificates and the passwords of the stack."""

    folder: Path
    database_superuser: str
    database_application: str
    database_replication: str
    cache_auth_token: str

    @property
    def ca(self) -> Path:
        """Return the path of the CA certificate (PEM)."""
        return self.folder / "ca.crt"

    @property
    def server_certificate(self) -> Path:
        """Return the path of the certificate that databases and caches present (PEM)."""
        return self.folder / "server.crt"

    @property
    def server_key(self) -> Path:
        """Return the path of that certificate's private key (PEM)."""
        return self.folder / "server.key"


DATABASE_NAME = "smart_dairy_prod"
DATABASE_USER = "odoo"


def ensure(state: Path, addresses: Layout) -> Credentials:
    """Return the credentials under ``state``, made when there are none."""
    folder = state / "credentials"
    record = folder / "passwords.json"
    if not record.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _issue(folder, addresses)
        passwords = {
            "database_superuser": secrets.token_urlsafe(24),
            "database_application": secrets.token_urlsafe(24),
            "database_replication": secrets.token_urlsafe(24),
            "cache_auth_token": secrets.token_urlsafe(24),
        }
        _write(record, json.dumps(passwords).encode())
    return Credentials(folder=folder, **json.loads(record.read_text()))


def public_view(credentials: Credentials) -> dict[str, str]:
    """Return where each credential stands, without any secret."""
    record = str(credentials.folder / "passwords.json")
    return {key: record for key in asdict(credentials) if key != "folder"} | {
        "ca": str(credentials.ca)
    }


def _issue(folder: Path, addresses: Layout) -> None:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Smart Dairy emulation CA")])
    now = clock.wall() - datetime.timedelta(minutes=5)
    end = now + datetime.timedelta(days=VALID_DAYS)
    ca = (
        x509.CertificateBuilder()
        .subject_name(ca_name)
        .issuer_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    hosts = [
        *layout.DATABASES,
        layout.REPLICA,
        *layout.CACHES,
        *layout.SENTINELS,
        layout.CONSENSUS,
    ]
    names: list[x509.GeneralName] = [
        x509.DNSName(name)
        for name in (
            "localhost",
            layout.DATABASE_PRIMARY_NAME,
            layout.DATABASE_REPLICA_NAME,
            layout.CACHE_PRIMARY_NAME,
            *hosts,
        )
    ]
    names += [x509.IPAddress(ipaddress.ip_address(addresses.address(host))) for host in hosts]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, layout.DOMAIN)]))
        .issuer_name(ca_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    _write(folder / "ca.crt", ca.public_bytes(pem))
    _write(folder / "server.crt", certificate.public_bytes(pem))
    _write(
        folder / "server.key",
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
