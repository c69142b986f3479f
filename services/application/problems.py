"""What needs somebody in one account, as the doctor tells it, the worst first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from contracts.sentences import Sentence, sentence
from projections import response, unassigned
from projections.response import LateRule
from projections.unassigned import Unassigned
from services.application.condition import AccountCondition
from services.application.doctor.accounts import gone_of, refused_by_kommo, webhooks_of
from services.application.doctor.engine import left_over, silent_of
from services.application.doctor.tokens import token_of
from services.application.overview import Trouble
from services.storage import consents
from services.storage.accounts import RegisteredAccount
from services.storage.consents import RefusedConsent
from services.storage.database import Connection

# token: it ends soon. left_over: leads ended without a manager. slow: leads are touched too late.
Need = Trouble | Literal["token", "left_over", "slow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProblem:
    """Something that somebody has to see to.

    Attributes:
        found: What it looks like, a line for each that it is about.
    """

    need: Need
    found: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Besides:
    """What else there may be to see to."""

    ended: Sequence[Unassigned]
    late: Sequence[LateRule]
    refused: RefusedConsent | None


async def besides(connection: Connection, account_id: int, *, now: datetime) -> Besides:
    """What is asked for besides the condition of an account."""
    return Besides(
        ended=await unassigned.by_reason(connection, account_id=account_id),
        late=await response.late_rules(connection, now=now, account_id=account_id),
        refused=await consents.refused_of(connection, account_id),
    )


def problems(
    account: RegisteredAccount, seen: AccountCondition, found: Besides, *, now: datetime
) -> list[AccountProblem]:
    """All of them."""
    return [
        *(
            AccountProblem(need=each, found=tuple(_of(account, seen, each, now)))
            for each in seen.troubles
        ),
        *_besides(account, found, now),
    ]


def _of(  # noqa: PLR0911 - a case per trouble
    account: RegisteredAccount, seen: AccountCondition, trouble: Trouble, now: datetime
) -> Sequence[Sentence]:
    match trouble:
        case "refused_by_kommo":
            return [] if seen.stop is None else [refused_by_kommo(account, seen.stop).found]
        case "webhooks_off":
            return [webhooks_of(account, now).found]
        case "unaccounted":
            return []
        case "pushes_late":
            waited = int((now - (seen.pending_since or now)).total_seconds())
            return [sentence("doctor.pending", count=seen.pending, since=max(0, waited))]
        case "rules_outdated":
            return [gone_of(named).found for named in seen.outdated]
        case "trigger_silent":
            return [silent_of(each).found for each in seen.silent]
        case "stalled":
            return [
                sentence("console.today.stalled_rule", rule=each.rule_id, since=each.stalled_at)
                for each in seen.stalled
            ]
        case "unfair":
            return [
                sentence("console.today.far", manager=each.manager_id, units=each.meter_units)
                for each in seen.far
            ]
        case _:
            assert_never(trouble)


def _besides(account: RegisteredAccount, found: Besides, now: datetime) -> Iterator[AccountProblem]:
    token = token_of(account, found.refused, now)
    if token.severity != "well":
        yield AccountProblem(need="token", found=(token.found,))
    ended = [left_over(each) for each in found.ended]
    if told := tuple(each.found for each in ended if each.severity != "well"):
        yield AccountProblem(need="left_over", found=told)
    if found.late:
        yield AccountProblem(
            need="slow",
            found=tuple(
                sentence(
                    "console.today.slow_rule",
                    rule=each.rule_id,
                    late=each.late,
                    leads=response.LAST_LEADS,
                )
                for each in found.late
            ),
        )
