"""`fairlead speed`: how fast leads are served."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, AccountId, AsJson, Data, From, To
from services.cli.output import show_table

if TYPE_CHECKING:
    from projections.response import Speed
    from services.application.span import Span

app = group()

DAYS = 7
NOTHING = "\N{EN DASH}"


class SpeedBy(StrEnum):
    """As the read model has them, without importing it; a test compares."""

    manager = "manager"
    rule = "rule"
    hour = "hour"


@app.command("speed")
def speed_command(
    *,
    from_: From = "",
    to: To = "",
    by: Annotated[SpeedBy, typer.Option(help="What the figures are of.")] = SpeedBy.manager,
    as_json: AsJson = False,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Tell how fast leads were served.

    How long until they were decided, until that was in Kommo, and until the first touch. Without
    --from: of the week before --to.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.speed import speed
        from services.cli.documents import show_json
        from services.shared.wall_clock import utc_now

        span = desk.span(from_, to, days=DAYS)
        found = await speed(
            desk.installation, desk.account, desk.principal, span=span, by=by.value, now=utc_now()
        )
        if as_json:
            show_json(_data(desk, span, by, found))
        elif found:
            _show(desk, by, found)
        else:
            desk.tell(sentence("speed.none_given", since=span.start, until=span.end))

    for_account(data, account, work)


def _show(desk: AccountDesk, by: SpeedBy, found: "Sequence[Speed]") -> None:
    """Whose it is and how many they were given, then a line for each leg: 60 columns are enough."""
    show_table(
        (by.value, "leads", "median", "90%"),
        (row for each in found for row in _rows(desk, each)),
    )
    desk.tell(sentence("speed.legend"))


def _rows(desk: AccountDesk, each: "Speed") -> Iterator[tuple[object, ...]]:
    yield _of(desk, each.of), each.given, "", ""
    if each.judged:
        # Whole per cent are rounded down: 100% are all.
        share = f"{100 * each.in_target // each.judged}%"
        yield desk.text(sentence("speed.in_target")), each.judged, share, ""
    for leg, times in each.legs.items():
        clock = [_duration(desk, seconds) for seconds in (times.median_s, times.p90_s)]
        yield desk.text(sentence(f"speed.leg.{leg}")), times.leads, *clock
        worked = [
            _duration(desk, seconds) for seconds in (times.median_worked_s, times.p90_worked_s)
        ]
        if worked != clock:
            yield desk.text(sentence("speed.worked")), "", *worked


def _of(desk: AccountDesk, of: int | str | datetime) -> str:
    match of:
        case int():
            return desk.text(sentence("cell.manager", manager=of))
        case datetime():
            return desk.text(sentence("cell.minute", at=of))
        case _:
            return of


def _duration(desk: AccountDesk, seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    return desk.text(sentence("cell.brief", seconds=round(seconds)))


def _data(
    desk: AccountDesk, span: "Span", by: SpeedBy, found: "Sequence[Speed]"
) -> dict[str, object]:
    """What another program gets."""
    return {
        "account_id": desk.account.account_id,
        "from": span.start,
        "to": span.end,
        "by": by.value,
        "speed": found,
    }
