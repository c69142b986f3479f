"""Apache Kafka on this machine, without containers: for `make kafka`, the tests and the benches.

Collects the published jars once, formats a folder, starts a broker there on free ports of the
loopback address, and stops or kills it by its own process id. Needs Java 17 or newer, and Maven
for the first time; the standard library is enough for the rest:

    python deploy/kafka/broker.py [--folder FOLDER] [--port PORT] [--nodes 3]

    <folder>/node-1/server.properties   written at the first start, with the ports
    <folder>/node-1/data/               what Kafka calls log.dirs
    <folder>/node-1/kafka.log           its words
    <folder>/node-1/kafka.pid           of the Java process itself
"""

import argparse
import base64
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

VERSION = "4.3.1"
HERE = Path(__file__).resolve().parent
JARS_VARIABLE = "FAIRLEAD_KAFKA_JARS"
PACKAGES = "default-jre-headless maven"
APT_LINE = f"apt-get update && apt-get install -y {PACKAGES}"
HOST = "127.0.0.1"
POLL_S = 0.05
LOG_TAIL_LINES = 12

# The two `broker.*` lines are for fault tests: after a SIGKILL the old registration has to expire
# before the node may come back, 12 s with the default session of 9 s, 4 s with these.
PROPERTIES = """\
process.roles=broker,controller
node.id={node_id}
controller.quorum.bootstrap.servers={controllers}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
unclean.leader.election.enable=false
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=8
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
"""


class BrokerError(Exception):
    """No broker here; the message says why and what to do."""


def jars() -> Path:
    """The folder of the broker's jars, collected by Maven if they are not there yet.

    Raises:
        BrokerError: Java or Maven is missing and cannot be installed, or Maven failed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get(JARS_VARIABLE) or cache / "fairlead" / f"kafka-{VERSION}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock")):
        has_jars = any(folder.glob("kafka_*.jar"))
        _require("java" if has_jars else "mvn", "java")
        if not has_jars:
            print(f"Collecting Apache Kafka {VERSION} into {folder} ...", file=sys.stderr)
            # Renamed when complete: an interrupted download leaves no half of a broker.
            with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
                complete = Path(unfinished) / "jars"
                command = ["mvn", "-q", "-B", "dependency:copy-dependencies"]
                options = ["-DincludeScope=runtime", f"-DoutputDirectory={complete}"]
                _run(
                    [*command, *options, "-f", str(HERE / "pom.xml")],
                    "Maven could not collect Apache Kafka",
                )
                complete.rename(folder)
    return folder


@dataclass(slots=True)
class Broker:
    """One node of a cluster: its folder, its ports and, once started, its process.

    Attributes:
        folder: Of this node alone.
        port: Where clients connect; the same after every start.
        controllers: `id@host:port:directory` of every node.
        start_within_s: Recovery after a kill counts.
    """

    folder: Path
    node_id: int
    port: int
    controllers: tuple[str, ...]
    cluster_id: str
    heap_mb: int = 384
    start_within_s: float = 120.0
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """What clients call a bootstrap server."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the running broker, whoever started it; None when none runs."""
        if self._process is not None:
            if self._process.poll() is None:
                return self._process.pid
            self._process = None
        if not _is_held(self.folder / "data" / ".lock"):
            return None
        return int((self.folder / "kafka.pid").read_text())

    def start(self) -> None:
        """Launch it, and wait until it listens.

        Raises:
            BrokerError: It did not come up; its own words are in the message.
        """
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the process; the folder is formatted at the first time.

        Raises:
            BrokerError: There is no Java, or the folder could not be formatted.
        """
        self.format()
        with (self.folder / "kafka.log").open("ab") as log:
            # A session of its own: Ctrl-C in our terminal is ours to handle, not the broker's.
            self._process = subprocess.Popen(
                [
                    "java",
                    "-Xms128m",
                    f"-Xmx{self.heap_mb}m",
                    "-XX:+UseSerialGC",
                    f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
                    "-cp",
                    f"{jars()}/*",
                    "kafka.Kafka",
                    str(self.folder / "server.properties"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.folder / "kafka.pid").write_text(str(self._process.pid))

    def format(self, *more: str) -> None:
        """Write the properties and format the folder, unless that has been done.

        Args:
            more: Options of Kafka's own command for it.

        Raises:
            BrokerError: There is no Java, or the folder could not be formatted.
        """
        properties = self.folder / "server.properties"
        if properties.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        endpoints = [controller.split("@")[1].rsplit(":", 1)[0] for controller in self.controllers]
        nodes = len(self.controllers)
        unfinished = properties.with_suffix(".new")
        unfinished.write_text(
            PROPERTIES.format(
                node_id=self.node_id,
                controllers=",".join(endpoints),
                host=HOST,
                port=self.port,
                controller_port=endpoints[self.node_id - 1].rsplit(":", 1)[1],
                data=self.folder / "data",
                replicas=min(nodes, 3),
                in_sync=min(nodes, 2),
            )
        )
        command = ["java", "-cp", f"{jars()}/*", "kafka.tools.StorageTool", "format"]
        nodes_of = ["--initial-controllers", ",".join(self.controllers)]
        options = ["-t", self.cluster_id, *nodes_of, *more]
        _run(
            [*command, *options, "-c", str(unfinished)],
            "Kafka could not format its folder",
        )
        unfinished.rename(properties)

    def wait(self) -> None:
        """Wait until a launched broker listens.

        Raises:
            BrokerError: It ended, or does not listen in time.
        """
        deadline = time.monotonic() + self.start_within_s
        while not _listens(self.port):
            if self._process is not None and self._process.poll() is not None:
                raise BrokerError(f"Kafka ended while starting: {self._last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise BrokerError(
                    f"Kafka does not listen after {self.start_within_s:.0f} s: {self._last_words()}"
                )
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Let it end in order, and wait until it is gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def suspend(self) -> None:
        """Stop its clock, all of its threads: connections stay open and nobody answers."""
        self._send(signal.SIGSTOP)
        pid = self.pid
        if pid is not None:
            with suppress(ChildProcessError):  # of whoever started it: a moment later
                os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let a suspended broker go on."""
        self._send(signal.SIGCONT)

    def _send(self, kind: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, kind)

    def _end(self, kind: signal.Signals) -> None:
        self._send(kind)
        deadline = time.monotonic() + 30
        while self.pid is not None:
            if time.monotonic() > deadline:
                self._send(signal.SIGCONT)
                self._send(signal.SIGKILL)
            time.sleep(POLL_S)

    def _last_words(self) -> str:
        log = self.folder / "kafka.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return " | ".join(lines[-LOG_TAIL_LINES:]) or "it said nothing"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One or several nodes that know each other."""

    brokers: tuple[Broker, ...]

    @property
    def address(self) -> str:
        """The bootstrap servers."""
        return ",".join(broker.address for broker in self.brokers)

    def start(self) -> None:
        """Start every node, and wait until all listen.

        Raises:
            BrokerError: As `Broker.start`; what had started is ended again.
        """
        try:
            for broker in self.brokers:
                broker.launch()
            for broker in self.brokers:
                broker.wait()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End every node at once."""
        for broker in self.brokers:
            broker.kill()


def create_cluster(
    folder: Path, *, nodes: int = 1, port: int | None = None, heap_mb: int = 384
) -> Cluster:
    """A cluster to be started in the folder, on free ports.

    Args:
        folder: Empty or missing.
        nodes: How many; their data is replicated up to three times.
        port: Of the first node; default: a free one.
        heap_mb: Of each node.
    """
    # All at once, so that no two are the same.
    ports = free_ports(2 * nodes)
    if port is not None:
        ports[0] = port
    controllers = tuple(
        f"{number}@{HOST}:{ports[nodes + number - 1]}:{random_id()}"
        for number in range(1, nodes + 1)
    )
    cluster_id = random_id()
    return Cluster(
        tuple(
            Broker(
                folder / f"node-{number}",
                number,
                ports[number - 1],
                controllers,
                cluster_id,
                heap_mb,
            )
            for number in range(1, nodes + 1)
        )
    )


def random_id() -> str:
    """An id in Kafka's form: 22 characters that do not begin like an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")) < "0":
        pass
    return text


def free_ports(count: int) -> list[int]:
    """Ports nobody listened at just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {PACKAGES} ...", file=sys.stderr)
        _run(["sh", "-c", f"({APT_LINE}) >/dev/null"], f"could not install {PACKAGES}")
    else:
        raise BrokerError(f"Apache Kafka needs {' and '.join(missing)}: {APT_LINE}")


def _run(command: Sequence[str], failure: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-LOG_TAIL_LINES:]
        raise BrokerError(f"{failure}: {' | '.join(said)}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _is_held(lock: Path) -> bool:
    """Whether a process has Kafka's lock of its folder; a dead one, even unreaped, has not."""
    try:
        with lock.open("r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run_beside(command: Sequence[str], servers: str) -> int:
    """Run a command to its end; Ctrl-C and SIGTERM are for it to handle. Its exit status."""
    with subprocess.Popen([part.replace("{servers}", servers) for part in command]) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells it, too
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return process.wait()


def main() -> int:
    """Run a cluster until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(description="Apache Kafka on this machine, for development.")
    parser.add_argument("--folder", type=Path, help="Empty or missing; default: a temporary one.")
    parser.add_argument("--port", type=int, help="Of the first node; default: a free one.")
    parser.add_argument("--nodes", type=int, default=1, choices=(1, 3))
    parser.add_argument(
        "command",
        nargs="*",
        help="Run beside it, {servers} standing for its address; it ends with the command.",
    )
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="fairlead-kafka-") as temporary:
        folder = wanted.folder or Path(temporary)
        if any(folder.glob("node-*")):
            print(f"error: {folder} holds a cluster already", file=sys.stderr)
            return 1
        cluster = create_cluster(folder, nodes=wanted.nodes, port=wanted.port)
        try:
            cluster.start()
            if wanted.command:
                return _run_beside(wanted.command, cluster.address)
            print(f"Apache Kafka {VERSION} listens at {cluster.address}; Ctrl-C ends it.")
            sys.stdout.flush()
            signal.pause()
        except BrokerError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            pass
        finally:
            for broker in cluster.brokers:
                broker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
