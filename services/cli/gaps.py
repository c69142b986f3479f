"""`fairlead gaps`: partitions that lost messages."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import Desk, for_installation
from services.cli.options import DATA, Data, Yes
from services.cli.output import ask, say, show_table

if TYPE_CHECKING:
    from services.application.gaps import PlannedResumption, StoppedPartition
    from services.log.kafka_gaps import Gap
    from services.storage.resumption import Resumed

app = group("Let partitions go on that lost messages.")


@app.command("list")
def list_(data: Data = DATA) -> None:
    """List the partitions that stand still, and what they lack."""

    async def work(desk: Desk) -> None:
        from services.application.gaps import stopped

        found = await stopped(desk.installation, desk.principal)
        if found:
            show_table(
                ("partition", "position", "the log holds", "what is missing", "accounts"),
                (_row(desk, each) for each in found),
            )
        else:
            say("No gaps.")

    for_installation(data, work)


def _row(desk: Desk, stopped: "StoppedPartition") -> tuple[object, ...]:
    from services.application.gaps import missing, read

    place = stopped.place
    return (
        place.partition,
        place.position,
        f"{place.held.earliest} to {place.held.latest}",
        desk.text(missing(stopped.gap)),
        desk.text(read(stopped)),
    )


@app.command()
def history(data: Data = DATA) -> None:
    """Show who let which partition go on, and what it passed over; the latest first."""

    async def work(desk: Desk) -> None:
        from services.application.gaps import history

        found = await history(desk.installation, desk.principal)
        if found:
            show_table(("when", "who", "source", "stood at", "went on at"), map(_resumed, found))
        else:
            say("No partition was ever resumed.")

    for_installation(data, work)


def _resumed(each: "Resumed") -> tuple[object, ...]:
    when = f"{each.resumed_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    return when, each.resumed_by, each.source, each.position_before, each.position_after


@app.command()
def resume(
    partition: Annotated[int, typer.Argument(min=0, help="Its number in the list.")],
    at: Annotated[
        str, typer.Option(help="Offset of the message to go on at, or: earliest.")
    ] = "earliest",
    data: Data = DATA,
    *,
    yes: Yes = False,
) -> None:
    """Let a partition go on behind what it lost; asks first."""

    async def work(desk: Desk) -> None:
        import asyncio

        from services.application.gaps import offset_from, plan, resume

        planned = await plan(desk.installation, desk.principal, partition, at=offset_from(at))
        place = planned.place
        if planned.gap is None:
            desk.tell(sentence("gap.none", partition=partition, position=place.position))
            return
        desk.tell(*_foreseen(planned, planned.gap))
        question = sentence("gap.ask", partition=partition, position=planned.position)
        if not (yes or await asyncio.to_thread(ask, desk.text(question))):
            say("Nothing was changed.")
            return
        count = await resume(desk.installation, desk.principal, planned)
        desk.tell(
            sentence("gap.resumed", partition=partition, position=planned.position),
            sentence("gap.reading", count=count),
        )

    for_installation(data, work)


def _foreseen(planned: "PlannedResumption", gap: "Gap") -> Iterator[Sentence]:
    """What has happened, and what would."""
    from services.application.gaps import missing

    yield sentence("gap.found", partition=planned.place.partition, what=missing(gap))
    yield sentence("gap.goes_on", position=planned.position, count=planned.left)
    if planned.passed_over:
        yield sentence("gap.passes_over", count=planned.passed_over)
    yield sentence("gap.is_read")
