"""PgBouncer in front of the tests' server, for every user there is, without a password."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from services.storage.embedded.cluster import server_account
from services.storage.roles import USERS
from tests.support.debian import require
from tests.support.waiting import until

SETTINGS = """
[databases]
* = host={socket} port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = {servers}
max_client_conn = 200
"""


@asynccontextmanager
async def pgbouncer(
    folder: Path, database_url: str, *, mode: str, servers: int = 3
) -> AsyncIterator[str]:
    """Run it; the address of the same database through it.

    Args:
        folder: For its files.
        database_url: Of the tests' server, on whose socket it is.
        mode: `session` or `transaction`.
        servers: How many it opens at most, for each user.
    """
    program = await asyncio.to_thread(require, "pgbouncer", "pgbouncer")
    parts = urlsplit(database_url)
    (place,) = parse_qs(parts.query)["host"]
    port = _free_port()
    account = server_account(Path(place).parent / "postgres")
    await asyncio.to_thread(folder.mkdir)
    folder.parent.chmod(0o711)  # it passes through as somebody else
    users = folder / "users.txt"
    users.write_text("".join(f'"{user}" ""\n' for user in ("fairlead", *USERS)))
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        SETTINGS.format(socket=place, port=port, users=users, mode=mode, servers=servers)
    )
    run_as = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid}
    for path in (folder, users, settings):
        if account is not None:
            os.chown(path, account.pw_uid, account.pw_gid)
    with (folder / "pgbouncer.out").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(program, str(settings)), stdout=output, stderr=output, cwd="/", **run_as
        )
    try:

        async def listens() -> bool:
            assert process.returncode is None, (folder / "pgbouncer.out").read_text()
            with closing(socket.socket()) as knock:
                return knock.connect_ex(("127.0.0.1", port)) == 0

        await until(listens)
        yield f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
    finally:
        process.kill()
        await process.wait()


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port
