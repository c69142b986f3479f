"""nginx and Caddy as they are shipped, on loopback, with another name, port and certificate."""

import asyncio
import datetime as dt
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.debian import require
from tests.support.waiting import until

DEPLOY = Path(__file__).parents[2] / "deploy"
PACKAGES = {"nginx": "nginx-light", "caddy": "caddy"}
NAME = "leads.example.test"
FOR_PEOPLE = "console.example.test"
UPSTREAM = "127.0.0.1:8080"
WEB = "127.0.0.1:8090"

NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/fairlead.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running one.

    Attributes:
        files: What it wrote, logs and all.
    """

    port: int
    files: Path

    async def ask(self, content: bytes, *, name: str = NAME) -> bytes:
        """Send bytes as they are over TLS, and read until it hangs up."""
        reader, writer = await self.connect(name)
        try:
            writer.write(content)
            await writer.drain()
            return await asyncio.wait_for(reader.read(), 60)
        finally:
            writer.close()

    async def connect(self, name: str = NAME) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of its own."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=name
        )

    def said(self) -> bytes:
        """All that is in its files, the keys left out."""
        files = (file for file in self.files.rglob("*") if file.is_file())
        return b"".join(file.read_bytes() for file in files if file.suffix in {".log", ".out"})


@asynccontextmanager
async def proxy(
    program: str,
    folder: Path,
    upstream: int,
    edits: Mapping[str, str] | None = None,
    *,
    web: int = 1,
) -> AsyncIterator[Proxy]:
    """Check its configuration, and run it in front of a port.

    Args:
        program: `nginx` or `caddy`.
        folder: For its files.
        upstream: Of ingress.
        edits: More that is replaced in the configuration.
        web: The port of the role of that name.
    """
    await asyncio.to_thread(require, program, PACKAGES[program])
    await asyncio.to_thread(folder.mkdir)
    port = _free_port()
    certificate, key = _certificate(folder)
    changes = {UPSTREAM: f"127.0.0.1:{upstream}", WEB: f"127.0.0.1:{web}", **(edits or {})}
    if program == "nginx":
        changes |= {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            f"/etc/ssl/certs/{NAME}.pem": str(certificate),
            f"/etc/ssl/private/{NAME}.key": str(key),
            f"/etc/ssl/certs/{FOR_PEOPLE}.pem": str(certificate),
            f"/etc/ssl/private/{FOR_PEOPLE}.key": str(key),
            "/var/log/nginx": str(folder),
        }
        _copied(DEPLOY / "nginx" / "fairlead.conf", folder / "fairlead.conf", changes)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
        command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        await _run(*command, "-t")
    else:
        changes |= {
            f"{NAME} {{": f"https://127.0.0.1:{port}, https://{NAME}:{port} {{\n"
            f"\ttls {certificate} {key}",
            f"{FOR_PEOPLE} {{": f"https://{FOR_PEOPLE}:{port} {{\n\ttls {certificate} {key}",
            "{\n\tservers {": "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {",
        }
        _copied(DEPLOY / "caddy" / "Caddyfile", folder / "Caddyfile", changes)
        await _run("caddy", "validate", "--config", str(folder / "Caddyfile"), folder=folder)
        command = ["caddy", "run", "--config", str(folder / "Caddyfile")]
    with (folder / "proxy.out").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=output, env=_environment(folder)
        )
    try:

        async def listens() -> bool:
            assert process.returncode is None, (folder / "proxy.out").read_text()
            with closing(socket.socket()) as knock:
                return knock.connect_ex(("127.0.0.1", port)) == 0

        await until(listens)
        yield Proxy(port, folder)
    finally:
        process.terminate()
        await process.wait()


def _copied(source: Path, target: Path, changes: Mapping[str, str]) -> None:
    text = source.read_text()
    for before, after in changes.items():
        assert before in text, f"{source.name} has no {before!r}"
        text = text.replace(before, after)
    target.write_text(text)


async def _run(*command: str, folder: Path | None = None) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=None if folder is None else _environment(folder),
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


def _environment(folder: Path) -> dict[str, str]:
    """Its home is the folder."""
    return {
        **os.environ,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Signed by nobody, for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    names = [x509.DNSName(NAME), x509.DNSName(FOR_PEOPLE), x509.IPAddress(IPv4Address("127.0.0.1"))]
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(pem))
    files[1].write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
