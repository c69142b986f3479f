"""The distributed installation on this machine, without containers: `make cluster`.

Starts Apache Kafka, PostgreSQL and a process per role (two allocators, two gateways) in a
temporary folder, prints the settings by which commands find it, restarts what dies, and ends
all on Ctrl-C or SIGTERM. For trying things out: the folder goes when it ends.
"""

import argparse
import asyncio
import base64
import os
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "kafka"))

from broker import BrokerError, create_cluster

from services.demo.local_cluster import (
    DATABASE_URL,
    LOG_FILE,
    LocalProcess,
    as_environment,
    make_cluster,
    prepared,
)
from services.log.kafka import KafkaSettings, declared_topics
from services.log.topics import apply
from services.shared.logs import configure_logging
from services.storage.embedded.database import EmbeddedDatabase

RESTART_AFTER_S = 1.0
DATABASE = {"max_connections": "200"}


async def run(folder: Path, port: int, partitions: int) -> None:
    """Run until told to end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    kafka = create_cluster(folder / "kafka")
    try:
        await asyncio.to_thread(kafka.start)
        async with EmbeddedDatabase(folder / "database", settings=DATABASE) as database:
            settings = KafkaSettings(
                servers=kafka.address, partitions=partitions, replication=1, in_sync_min=1
            )
            await apply(settings, declared_topics(settings))
            environment = {
                **as_environment(settings),
                "FAIRLEAD_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
            }
            addresses = await prepared(database)
            cluster = make_cluster(folder, environment, addresses, counts={"gateway": 2}, port=port)
            try:
                async with asyncio.TaskGroup() as group:
                    for process in cluster.processes.values():
                        group.create_task(keep_running(process, stop))
                    (ingress,) = cluster.of("ingress")
                    commands = {DATABASE_URL: addresses["commands"], **environment}
                    greet(folder, commands, await address_of(ingress, stop))
            finally:
                await cluster.stop()
    finally:
        for broker in kafka.brokers:
            await asyncio.to_thread(broker.stop)


async def keep_running(process: LocalProcess, stop: asyncio.Event) -> None:
    """Start it, and again whenever it has ended, until told to stop."""
    told = asyncio.create_task(stop.wait())
    while not stop.is_set():
        await process.start()
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done() and not stop.is_set():
            log = process.folder / LOG_FILE
            print(
                f"{process.name} ended with {ended.result()}, starts again; see {log}", flush=True
            )
            await asyncio.wait({told}, timeout=RESTART_AFTER_S)
        ended.cancel()


async def address_of(ingress: LocalProcess, stop: asyncio.Event) -> str:
    """Where webhooks are received, as soon as they are; empty if told to stop before."""
    while not stop.is_set():
        if ingress.process is not None:
            try:
                return await ingress.address()
            except OSError:  # it died; it starts again
                pass
        await asyncio.sleep(RESTART_AFTER_S / 10)
    return ""


def greet(folder: Path, environment: dict[str, str], address: str) -> None:
    """Tell how to use it."""
    if not address:
        return
    print(f"Fairlead receives webhooks at {address}; the logs of its processes are in {folder}.")
    print("In another terminal, for fairlead connect, rules, doctor and all other commands:\n")
    for name, value in environment.items():
        print(f"  export {name}='{value}'")
    print("\nCtrl-C ends everything and removes the folder.", flush=True)


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description="The distributed installation on this machine.")
    parser.add_argument("--port", type=int, default=8_080, help="For webhooks; 0 for any free one.")
    parser.add_argument("--partitions", type=int, default=8, help="Of each topic.")
    wanted = parser.parse_args()
    configure_logging(sys.stderr, json_lines=False, level="WARNING")
    with tempfile.TemporaryDirectory(prefix="fairlead-cluster-") as folder:
        try:
            asyncio.run(run(Path(folder), wanted.port, wanted.partitions))
        except BrokerError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
