"""A real Apache Kafka for the tests: one broker for all workers of a run, others to be broken.

In CI a broker that cannot be had is a failure; elsewhere its tests are skipped with the line
that mends it.
"""

import asyncio
import fcntl
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import IO

import pytest

from deploy.kafka.broker import HOST, Broker, BrokerError, Cluster, create_cluster, free_ports
from services.log.kafka import KafkaSettings, Topic, declared_topic
from tests.support.waiting import until_now

PREFIX = f"fairlead-kafka-tests-{os.geteuid()}-"
PARTITIONS = 4


def settings_of(servers: str, **others: object) -> KafkaSettings:
    """One broker, few partitions, and partitions that move fast when a reader dies."""
    given = {
        "servers": servers,
        "partitions": PARTITIONS,
        "replication": 1,
        "in_sync_min": 1,
        "session_timeout_ms": 1_500,
    }
    return KafkaSettings.model_validate(given | others)


def topic_of(name: str, settings: KafkaSettings) -> Topic:
    return declared_topic(name, settings)


@contextmanager
def shared_broker() -> Iterator[str]:
    """The address of the broker of this run; the last worker to leave ends it."""
    _sweep()
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"alone{os.getpid()}")
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}{run[:16]}"
    folder.mkdir(exist_ok=True)
    with (folder / "users.lock").open("a+") as users:
        with _locked(folder / "start.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            address = _ensure_running(folder)
        try:
            yield address
        finally:
            with _locked(folder / "start.lock"):
                is_last = _is_mine_alone(users)
                if is_last:
                    _end(folder)
            if is_last:
                rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Victim:
    """A broker with a second listener.

    Attributes:
        back_port: Of that listener, for a proxy in front of it.
        front_port: Where the proxy has to listen: what the second listener tells its clients.
    """

    broker: Broker
    back_port: int
    front_port: int

    async def mend(self) -> None:
        """See that it runs: a test before may have failed on the way."""
        self.broker.resume()
        if self.broker.pid is None:
            await asyncio.to_thread(self.broker.start)


@contextmanager
def own_broker(folder: Path) -> Iterator[Broker]:
    """A broker that a test may stop, kill and freeze."""
    with own_cluster(folder, nodes=1) as cluster:
        yield cluster.brokers[0]


@contextmanager
def own_victim(folder: Path) -> Iterator[Victim]:
    """The same, with room for a proxy."""
    (broker,) = create_cluster(folder, heap_mb=256).brokers
    back_port, front_port = free_ports(2)
    try:
        with or_said():
            broker.format()
            _add_listener(broker, back_port, front_port)
            broker.start()
        yield Victim(broker, back_port, front_port)
    finally:
        broker.resume()
        broker.kill()


@contextmanager
def own_cluster(folder: Path, nodes: int) -> Iterator[Cluster]:
    """Several brokers that a test may stop, kill and freeze."""
    cluster = create_cluster(folder, nodes=nodes, heap_mb=256)
    try:
        with or_said():
            cluster.start()
        yield cluster
    finally:
        for broker in cluster.brokers:
            broker.resume()
        cluster.kill()


@contextmanager
def properties_of(broker: Broker) -> Iterator[dict[str, str]]:
    """The properties of a broker that is formatted and does not run, to be changed."""
    properties = broker.folder / "server.properties"
    settings = dict(line.split("=", 1) for line in properties.read_text().splitlines())
    yield settings
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _add_listener(broker: Broker, back_port: int, front_port: int) -> None:
    with properties_of(broker) as settings:
        settings["listeners"] += f",PROXIED://{HOST}:{back_port}"
        settings["advertised.listeners"] += f",PROXIED://{HOST}:{front_port}"
        settings["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"


def _ensure_running(folder: Path) -> str:
    address = folder / "address"
    if not address.exists():
        with or_said():
            cluster = create_cluster(folder)
            cluster.start()
        (broker,) = cluster.brokers
        if broker._process is not None:
            broker._process.returncode = 0  # outlives this worker; no lost child to warn of
        address.write_text(cluster.address)
    return address.read_text()


def _end(folder: Path) -> None:
    pid_file = folder / "node-1" / "kafka.pid"
    if not pid_file.exists():
        return
    port = int((folder / "address").read_text().rpartition(":")[2])
    # The folder and with it all data goes: there is nothing to end in order.
    left = Broker(folder / "node-1", 1, port, (), "")
    if (pid := left.pid) is not None:
        os.kill(pid, signal.SIGKILL)
    until_now(lambda: left.pid is None)


def _sweep() -> None:
    """End and remove what runs that were killed have left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            is_old = folder.stat().st_mtime < time.time() - 600
            if is_old:
                with (folder / "users.lock").open("r+") as users, _locked(folder / "start.lock"):
                    if not _is_mine_alone(users):
                        continue
                    _end(folder)
                rmtree(folder, ignore_errors=True)
        except OSError:  # another worker sweeps as well
            continue


def _is_mine_alone(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def or_said() -> Iterator[None]:
    try:
        yield
    except BrokerError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Apache Kafka here: {error}")
