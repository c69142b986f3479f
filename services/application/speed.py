"""How fast leads are served: asked, decided, in Kommo, first touch by their manager (D12.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from projections import response
from projections.response import By, Leg
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.span import Span
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

LEGS: tuple[Leg, ...] = get_args(Leg)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTimes:
    """How long one leg of the way took, by the clock and in the managers' working time.

    Attributes:
        leads: How many leads have come to its end; of these are the times, None without any.
    """

    leads: int
    median_s: float | None
    p90_s: float | None
    median_worked_s: float | None
    p90_worked_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast the leads of a manager, a rule or an hour were served.

    Attributes:
        of: The manager, the rule, or when the hour began.
        given: How often a lead was given to somebody.
        judged: Of how many it is known whether they were touched within the rule's target.
        in_target: How many of these were.
        legs: `wait` from asked to decided, `push` from there until Kommo held it, `touch` from
            decided to the first touch.
    """

    of: int | str | datetime
    given: int
    judged: int
    in_target: int
    legs: Mapping[Leg, LegTimes]


async def speed(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    span: Span,
    by: By,
    now: datetime,
) -> list[Speed]:
    """All leads that were given out in a span, by manager, rule or hour, in their order.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    found: dict[tuple[Leg, bool], list[response.Figures]] = {}
    async with borrow_to_read(installation.pool) as connection:
        for leg in LEGS:
            for is_working_time in (False, True):
                found[leg, is_working_time] = await response.figures(
                    connection,
                    account_id=account.account_id,
                    since=span.start,
                    until=span.end,
                    by=by,
                    leg=leg,
                    now=now,
                    is_working_time=is_working_time,
                )
    return [
        Speed(
            of=each.of,
            given=each.given,
            judged=each.judged,
            in_target=each.in_target,
            legs={leg: _times(found[leg, False][row], found[leg, True][row]) for leg in LEGS},
        )
        for row, each in enumerate(found["wait", False])
    ]


def _times(wall: response.Figures, worked: response.Figures) -> LegTimes:
    return LegTimes(
        leads=wall.leads,
        median_s=wall.median_s,
        p90_s=wall.p90_s,
        median_worked_s=worked.median_s,
        p90_worked_s=worked.p90_s,
    )
