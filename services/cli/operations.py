"""Commands for whoever keeps the installation running."""

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import Desk, complete, for_installation, whoever_is_here
from services.cli.options import DATA, Data
from services.cli.output import say_all, show_progress, show_text
from services.cli.speech import words

if TYPE_CHECKING:
    from services.log.topics import Applied

app = group()
projections = group("Make read models anew.")
topics = group("Create the topics of Apache Kafka.")

# As the registry has them, without importing what they do; a test compares.
PROJECTIONS = (
    "assignments",
    "linked",
    "lookups",
    "notices",
    "readings",
    "timers",
    "touches",
    "requests",
    "loads",
    "fairness",
    "decisions",
    "stalls",
    "repairs",
    "unassigned",
    "pauses",
    "why_not",
    "tallies",
    "response",
    "health",
    "commands",
    "tasks",
    "silences",
)


@projections.command()
def rebuild(
    name: Annotated[str, typer.Argument(help="One of: " + ", ".join(PROJECTIONS))],
    data: Data = DATA,
) -> None:
    """Make a read model anew from the first event, beside the live one, and swap."""

    async def work(desk: Desk) -> None:
        from services.application.projections import rebuild

        total = 0

        def progress(done: int, goal: int) -> None:
            nonlocal total
            total = goal
            show_progress(f"{done} of {goal} events")

        try:
            await rebuild(desk.installation, desk.principal, name, progress=progress)
        finally:
            show_progress("")
        desk.tell(sentence("projection.rebuilt", name=name, count=total))

    for_installation(data, work)


@topics.command("apply")
def apply(
    kafka: Annotated[
        str,
        typer.Option(envvar="FAIRLEAD_KAFKA_SERVERS", help="host:port, several with commas."),
    ],
) -> None:
    """Create the topics that are missing; say what exists and how it differs."""

    async def work() -> None:
        from services.application.topics import apply
        from services.log.kafka import KafkaSettings
        from services.runtime.environment import from_environment
        from services.runtime.production import refuse_unsafe_brokers
        from services.shared.settings import InstallationSettings

        settings = from_environment(KafkaSettings, servers=kafka)
        refuse_unsafe_brokers(from_environment(InstallationSettings), settings)
        applied = await apply(settings, whoever_is_here())
        say_all(words().lines(map(_applied, applied)))

    complete(work())


def _applied(applied: "Applied") -> Sentence:
    name, partitions = applied.topic.name, applied.topic.partitions
    if applied.is_new:
        return sentence(
            "topic.created",
            name=name,
            partitions=partitions,
            copies=applied.topic.replication,
            days=applied.topic.retention_days,
        )
    if applied.differences:
        differences = applied.differences
        return sentence("topic.differs", name=name, partitions=partitions, differences=differences)
    return sentence("topic.as_declared", name=name, partitions=partitions)


@app.command()
def reseal(data: Data = DATA) -> None:
    """Seal all tokens with the newest master key.

    Of several, as in FAIRLEAD_MASTER_KEY=NEW,OLD.
    """

    async def work(desk: Desk) -> None:
        from services.application.keys import reseal

        count = await reseal(desk.installation, desk.principal)
        desk.tell(sentence("key.resealed", count=count) if count else sentence("key.is_newest"))

    for_installation(data, work)


@app.command()
def restored(data: Data = DATA) -> None:
    """Record that a backup was restored.

    Leads that were assigned since the backup are then not assigned again. A data folder that was
    copied back is noticed by itself.
    """

    async def work(desk: Desk) -> None:
        from services.application.restored import restored

        count = await restored(desk.installation, desk.principal)
        desk.tell(sentence("restored.noted", count=count))

    for_installation(data, work)


@app.command("settings")
def settings_() -> None:
    """Print every setting.

    Its variable, default, bounds and meaning.
    """
    from services.runtime import settings

    show_text(settings.document())


@app.command("asyncapi")
def asyncapi_() -> None:
    """Print the AsyncAPI document of Kafka's topics."""
    from services.log import asyncapi

    show_text(asyncapi.document().decode().rstrip())
