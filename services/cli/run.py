"""Some roles of the distributed installation in one process, until told to stop (F13).

A peer that is away is waited for; what a person has to mend ends the process with a line that
says what.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import structlog

from services.cli.environment import from_environment
from services.cli.installation import Installation, Wrong, is_distributed, open_installation
from services.cli.lifetime import end, stop_on_signals, stopping
from services.cli.listening import announced
from services.cli.ops import ops
from services.cli.roles import ROLES, Address, Role, Roles, Work
from services.cli.traces import traces
from services.errors import Unavailable
from services.ingress.settings import IngressSettings
from services.log import topics
from services.log.kafka import KafkaSettings, TopicRefused, declared_topics
from services.open_files import allow_open_files
from services.ops.disk import show_disk
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.tables import show_tables
from services.projector.advance import is_trouble
from services.settings import InstallationSettings
from services.storage.database import probe

log = structlog.get_logger(__name__)

PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 30.0


def chosen(names: Collection[str]) -> tuple[Role, ...]:
    """The roles of these names; `all` names every one.

    Raises:
        Wrong: A name is none.
    """
    unknown = [name for name in names if name not in (*ROLES, "all")]
    if unknown:
        raise Wrong(f"there is no role {unknown[0]!r}; expected some of: {', '.join(ROLES)}, all")
    return tuple(role for role in ROLES if role in names or "all" in names)


async def run(
    data: Path,
    roles: Collection[Role],
    *,
    host: str | None = None,
    port: int | None = None,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT; a second signal ends at once, which loses nothing either.

    Args:
        data: The folder of this process; its spool is there.
        roles: What it runs.
        host: Where ingress receives webhooks; default as its settings say.
        port: The same; 0 for any free one.
        on_listening: Told the address once webhooks are received.

    Raises:
        Wrong: The environment names no distributed installation, a setting is out of bounds,
            a topic is missing or divided otherwise, or an address cannot be listened at.
    """
    if not is_distributed():
        raise Wrong(
            "FAIRLEAD_DATABASE_URL is not set: it names the PostgreSQL that all processes of a"
            " distributed installation share; for everything in one process: fairlead up"
        )
    kafka, ingress = from_environment(KafkaSettings), from_environment(IngressSettings)
    allow_open_files()
    stop = stop_on_signals()
    health, metrics = Health(), Metrics()
    health.register("process", partial(stopping, stop))
    async with (
        ops(health, metrics) as ops_address,
        traces() as told,
        AsyncExitStack() as stack,
    ):
        opening = asyncio.create_task(_opened(stack, data), name="opening")
        await _first_of(opening, stop)
        if not stop.is_set():
            installation = await opening
            health.register("database", partial(probe, installation.pool))
            if set(roles) - {"ingress"}:  # that one has its spool, and says so itself
                health.register("kafka", partial(_kafka, kafka))
            show_tables(metrics, installation.pool, has_inbound_log=False)
            show_disk(metrics, installation.data)
            where = host or ingress.host
            with announced(installation.data, where, ops_address, on_listening) as listening:
                address = Address(where, ingress.port if port is None else port, listening)
                every = Roles(installation, kafka, health.register, metrics, told, stop)
                works = every.works(address)
                log.info("roles_up", roles=list(roles), ops=ops_address)
                await _work({role: works[role] for role in roles}, kafka, stop)
        await end([opening])
    log.info("roles_down", roles=list(roles))


async def _work(works: dict[Role, Work], kafka: KafkaSettings, stop: asyncio.Event) -> None:
    """Run the roles until told to stop; one that fails ends them all."""
    is_checked = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        # Webhooks are taken in any case: while Kafka is away, into the spool (F15).
        tasks = {
            role: group.create_task(
                work() if role == "ingress" else _after(is_checked, work), name=role
            )
            for role, work in works.items()
        }
        checking = group.create_task(_check_topics(kafka, is_checked), name="topics")
        try:
            await stop.wait()
            if "ingress" in tasks:  # ends by itself, after its last answers
                await asyncio.wait([tasks["ingress"]])
        finally:
            await end([*tasks.values(), checking])


async def _after(event: asyncio.Event, work: Work) -> None:
    await event.wait()
    await work()


async def _kafka(settings: KafkaSettings) -> str | None:
    """Why a role cannot work on Kafka; raises `Unavailable` while it does not answer."""
    try:
        await topics.check(settings.servers, declared_topics(settings))
    except TopicRefused as refused:
        return str(refused)
    return None


async def _check_topics(kafka: KafkaSettings, is_checked: asyncio.Event) -> None:
    """Wait for Kafka, and refuse topics that are not what they have to be (F23).

    Raises:
        Wrong: One is not.
    """
    pause_s = PAUSE_FIRST_S
    while True:
        try:
            await topics.check(kafka.servers, declared_topics(kafka))
        except TopicRefused as refused:
            raise Wrong(str(refused)) from refused
        except Unavailable as error:
            log.warning("kafka_awaited", reason=str(error), pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MAX_S)
        else:
            is_checked.set()
            return


async def _opened(stack: AsyncExitStack, data: Path) -> Installation:
    """The installation, as soon as its database is there (F37)."""
    connections = from_environment(InstallationSettings).database_connections
    pause_s = PAUSE_FIRST_S
    while True:
        try:
            opening = open_installation(data, connections=connections)
            installation = await stack.enter_async_context(opening)
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("database_awaited", reason=repr(error), pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MAX_S)
        else:
            await asyncio.to_thread(
                installation.data.mkdir, mode=0o700, parents=True, exist_ok=True
            )
            return installation


async def _first_of(task: asyncio.Task[Installation], stop: asyncio.Event) -> None:
    told = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        told.cancel()
