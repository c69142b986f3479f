"""How one account does: its connection, what waits, what is late, what was heard of it last."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from projections import assignments, fairness, health, readings, requests, silences, stalls
from projections.fairness import KindShare, Share
from projections.health import Vitals
from projections.silences import SilentTrigger
from projections.stalls import Stall
from services.application.installation import Installation
from services.application.overview import LATE, SEVERITY, WEBHOOKS_OFF, Trouble
from services.application.principal import Principal
from services.gateway import stops
from services.gateway.stops import Stop
from services.storage import gone
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read
from services.storage.gone import GoneName

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCondition:
    """How an account does.

    Attributes:
        troubles: The worst first; empty if all is well.
        stop: Why Kommo lets us in no more; None while it does.
        webhooks: As Kommo has them, such as `active`; None while that is not known.
        revision: Of the rules in force; 0 before the first.
        rule_names: Of those that have one, by id.
        requests: State to how many.
        waiting: How many wait, by rule.
        shares: Of everybody in all ledgers.
        given_in_day: How many leads were given out in the last 24 hours, to the hour.
        pending: How many decisions Kommo does not hold yet, and the oldest of them since when.
        deviation_units: How far the manager furthest from the fair share is from it now.
        promised_units: That nobody is so far.
        far: Whom that promise does not hold for.
        stalled: Rules whose people have no shift in sight, while leads wait.
        silent: Triggers that were deleted in Kommo, as it seems.
        outdated: What the rules name and Kommo has no more.
        behind: Events that are stored and not shown yet.
    """

    troubles: tuple[Trouble, ...]
    stop: Stop | None
    webhooks: str | None
    revision: int
    rule_names: Mapping[str, str]
    requests: dict[str, int]
    waiting: dict[str, int]
    shares: tuple[Share, ...]
    given_in_day: int
    pending: int
    pending_since: datetime | None
    deviation_units: int
    promised_units: int
    far: tuple[Share | KindShare, ...]
    stalled: tuple[Stall, ...]
    silent: tuple[SilentTrigger, ...]
    outdated: tuple[GoneName, ...]
    behind: int
    vitals: Vitals


async def condition(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    shown: int,
    now: datetime,
    head: int | None = None,
) -> AccountCondition:
    """How it does now.

    Args:
        installation: Where.
        account: Which.
        principal: Who asks.
        shown: The version that its tables show.
        now: The time.
        head: Its version, where whoever asks knows it already.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    async with borrow_to_read(installation.pool) as connection:
        stop = await stops.of_account(connection, account_id)
        rules = await readings.named(connection, account_id)
        standing, waiting = Counter[str](), Counter[str]()
        for tally in await requests.counts(connection, account_id):
            standing[tally.state] += tally.requests
            if tally.state == "waiting":
                waiting[tally.rule_id] += tally.requests
        backlog = await assignments.backlog_of(connection, account_id)
        vitals = await health.of_one(connection, account_id)
        shares = await fairness.of_account(connection, account_id)
        with_kinds = await fairness.with_kinds(connection, account_id, shares)
        far: list[Share | KindShare] = [*fairness.beyond_among(shares, with_kinds)]
        if with_kinds:
            far += [share for _, share in await fairness.beyond_in_kind(connection, account_id)]
        stalled = await stalls.of_account(connection, account_id)
        silent = await silences.of_account(connection, account_id)
        outdated = await gone.gone(connection, [account_id])
    if head is None:
        head = await installation.events.head(account_id)
    found: str | None = account.directory.get("webhooks")
    deviation = max((each.meter_units for each in shares), default=0)
    late_since = None if backlog is None else backlog.oldest_at
    is_wrong: dict[Trouble, bool] = {
        "refused_by_kommo": stop is not None,
        "webhooks_off": found in WEBHOOKS_OFF,
        "unaccounted": standing["undecided"] > 0,
        "pushes_late": late_since is not None and now - late_since > LATE,
        "rules_outdated": bool(outdated),
        "trigger_silent": bool(silent),
        "stalled": bool(stalled),
        "unfair": bool(far),
    }
    return AccountCondition(
        troubles=tuple(each for each in SEVERITY if is_wrong[each]),
        stop=stop,
        webhooks=found,
        revision=rules.revision,
        rule_names=rules.names,
        requests=dict(sorted(standing.items())),
        waiting=dict(waiting),
        shares=tuple(shares),
        given_in_day=vitals.given_since(now - DAY),
        pending=0 if backlog is None else backlog.leads,
        pending_since=late_since,
        deviation_units=deviation,
        promised_units=fairness.promised(has_kinds=bool(with_kinds)),
        far=tuple(far),
        stalled=tuple(stalled),
        silent=tuple(silent),
        outdated=tuple(outdated),
        behind=max(0, head - shown),
        vitals=vitals,
    )
