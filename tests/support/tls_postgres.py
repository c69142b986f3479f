"""Debian's PostgreSQL as on another machine: by TLS alone, and for who proves a password."""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from services.storage.embedded.cluster import server_account
from tests.support.certificates import Authority
from tests.support.debian import require
from tests.support.waiting import until

PACKAGE = "postgresql"
ADMINISTRATOR = "administrator"
PASSWORD = "pa55word of the database"  # noqa: S105
# Nothing else gets in; without TLS not even with the password.
ACCESS = "hostssl all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class TlsPostgres:
    """A running one, with a fresh cluster.

    Attributes:
        port: On the loopback address.
        ca_file: Of who signed its certificate.
    """

    port: int
    ca_file: Path

    def url(
        self,
        user: str = ADMINISTRATOR,
        password: str = PASSWORD,
        *,
        database: str = "postgres",
        **options: object,
    ) -> str:
        """An address of it; with these options instead of `verify-full`."""
        told = options or {"sslmode": "verify-full", "sslrootcert": self.ca_file}
        query = "&".join(f"{name}={value}" for name, value in told.items())
        return f"postgresql://{user}:{quote(password)}@127.0.0.1:{self.port}/{database}?{query}"


@asynccontextmanager
async def tls_postgres(folder: Path, authority: Authority) -> AsyncIterator[TlsPostgres]:
    """Make a cluster in the folder and run it."""
    postgres = await asyncio.to_thread(require, "postgres", PACKAGE)
    account = server_account(folder / "cluster")
    await asyncio.to_thread(_make, folder, postgres, authority, account)
    server = TlsPostgres(_free_port(), authority.ca_file)
    output = folder / "server.out"
    with output.open("wb") as lines:
        process = await asyncio.create_subprocess_exec(
            *(postgres, "-D", str(folder / "cluster"), "-p", str(server.port)),
            stdout=lines,
            stderr=lines,
            **_run_as(account),
        )
    try:

        async def answers() -> bool:
            assert process.returncode is None, output.read_text()
            try:
                connection = await asyncpg.connect(server.url())
            except (OSError, asyncpg.CannotConnectNowError):
                return False
            await connection.close()
            return True

        await until(answers, within_s=60)
        yield server
    finally:
        process.terminate()
        await process.wait()


def _make(
    folder: Path, postgres: str, authority: Authority, account: pwd.struct_passwd | None
) -> None:
    folder.mkdir()
    folder.parent.chmod(0o711)  # the server passes through as somebody else
    cluster, password = folder / "cluster", folder / "password"
    password.write_text(PASSWORD)
    own = authority.certify("postgres")
    certificate, key = folder / "server.pem", folder / "server.key"
    shutil.copy(own.certificate_file, certificate)
    shutil.copy(own.key_file, key)
    key.chmod(0o600)
    for path in (folder, password, certificate, key):
        if account is not None:
            os.chown(path, account.pw_uid, account.pw_gid)
    initdb = Path(postgres).with_name("initdb")
    command = [initdb, "-D", cluster, "-U", ADMINISTRATOR, f"--pwfile={password}"]
    shape = ["-A", "scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run([*command, *shape], capture_output=True, check=False, **_run_as(account))
    assert made.returncode == 0, made.stderr
    (cluster / "pg_hba.conf").write_text(ACCESS)
    with (cluster / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n"
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n"
        )


def _run_as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    if account is None:
        return {"cwd": "/"}
    return {"cwd": "/", "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port
