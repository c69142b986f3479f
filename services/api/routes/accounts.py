"""The accounts that somebody may see, and how one of them does."""

from typing import Annotated

from fastapi import Query
from pydantic import Field

from services.api.asking import OfAccount, OfInstallation, ToRead
from services.api.lists import InstallationListing, ItemPage
from services.api.resource import problem, resource
from services.api.times import Instant
from services.application.condition import AccountCondition, condition
from services.application.disconnecting import disconnect
from services.application.overview import Trouble
from services.gateway.stops import Cause
from services.storage.accounts import RegisteredAccount
from services.web.models import Output

router = resource("accounts")

Erase = Annotated[
    bool, Query(description="Names, texts about people and raw bodies go; events stay.")
]


class AccountSummary(Output):
    """A connected account of Kommo."""

    account_id: int = Field(description="Kommo's id.", examples=[32000001])
    subdomain: str = Field(description="First part of its address in Kommo.", examples=["acme"])
    timezone: str = Field(description="IANA name.", examples=["America/Sao_Paulo"])
    connected_at: Instant


class AccountPage(ItemPage[AccountSummary]):
    """Every account that the caller may see, by id."""


class StopShape(Output):
    """Kommo lets us in no more."""

    status: int = Field(description="As Kommo answers.", examples=[401])
    cause: Cause = Field(description="What that means.", examples=["token"])
    since: Instant
    until: Instant | None = Field(
        description="When what waits is tried again; null: nothing waits."
    )


class ConnectionShape(Output):
    """Whether Kommo and we hear of each other."""

    webhooks: str | None = Field(
        description="As Kommo has them: active, disabled, missing; null: not known yet.",
        examples=["active"],
    )
    stop: StopShape | None = Field(description="null: Kommo lets us in.")
    heard_at: Instant | None = Field(description="When a webhook last told something new.")
    confirmed_at: Instant | None = Field(description="When Kommo last held a decision.")
    refused_at: Instant | None = Field(description="When Kommo last refused one.")


class HealthShape(Output):
    """Whether somebody has to look."""

    troubles: list[Trouble] = Field(
        description="The worst first; empty: all is well.", examples=[["pushes_late"]]
    )
    stalled_rule_ids: list[str] = Field(
        description="Rules whose people have no shift in sight, while leads wait.", examples=[[]]
    )
    behind: int = Field(description="Events that are stored and not shown yet.", examples=[0])
    deviation_units: int = Field(
        description="How far the manager furthest from the fair share is; 10^9 are one lead.",
        examples=[500000000],
    )
    decided_at: Instant | None = Field(description="When a lead was last given to somebody.")
    pending_since: Instant | None = Field(
        description="Of the oldest decision that Kommo does not hold yet; null: it holds all."
    )


class CountsShape(Output):
    """How many."""

    requests: dict[str, int] = Field(
        description="State to how many requests ever; a state without any is missing.",
        examples=[{"assigned": 100, "waiting": 2}],
    )
    given_in_day: int = Field(
        description="Leads given out in the last 24 hours, to the hour.", examples=[40]
    )
    pending: int = Field(description="Decisions that Kommo does not hold yet.", examples=[0])


class AccountDetail(AccountSummary):
    """An account, and how it does."""

    version: int = Field(description="That is shown.", examples=[4711])
    revision: int = Field(description="Of the rules in force; 0: none yet.", examples=[3])
    connection: ConnectionShape
    health: HealthShape
    counts: CountsShape


class DisconnectedShape(Output):
    """What came of disconnecting an account."""

    unsubscribed: int = Field(description="Webhooks that Kommo sends no more.", examples=[1])
    asked_kommo: bool = Field(
        description="false: Kommo could not be asked to send no more; delete the webhooks there."
    )
    is_erased: bool = Field(description="What is about people is gone, too.", examples=[False])


@router.get("/accounts", operation_id="list_accounts", summary="Which accounts may I see?")
async def list_accounts(visit: OfInstallation, listing: InstallationListing) -> AccountPage:
    """The accounts that the caller may see something of."""
    found = await visit.installation.accounts.all()
    return await listing.all_of(
        AccountPage,
        [each for each in found if visit.caller.in_account(each.account_id) is not None],
        key=lambda each: (each.account_id,),
        shape=_summary,
    )


@router.get("/accounts/{account_id}", operation_id="get_account", summary="How does it do?")
async def get_account(visit: ToRead) -> AccountDetail:
    """Where an account is, whether Kommo and we hear of each other, what waits, what is late."""
    found = await condition(
        visit.installation,
        visit.account,
        visit.principal,
        shown=visit.version,
        now=visit.premises.now(),
    )
    return AccountDetail(
        **dict(_summary(visit.account)),
        version=visit.version,
        revision=found.revision,
        connection=_connection(found),
        health=HealthShape(
            troubles=list(found.troubles),
            stalled_rule_ids=[each.rule_id for each in found.stalled],
            behind=found.behind,
            deviation_units=found.deviation_units,
            decided_at=found.vitals.decided_at,
            pending_since=found.pending_since,
        ),
        counts=CountsShape(
            requests=found.requests, given_in_day=found.given_in_day, pending=found.pending
        ),
    )


@router.delete(
    "/accounts/{account_id}",
    operation_id="disconnect_account",
    summary="Disconnect an account",
    responses={409: problem("Kommo cannot be asked from here.")},
)
async def disconnect_account(visit: OfAccount, erase: Erase = False) -> DisconnectedShape:  # noqa: FBT002 - a query's
    """No more webhooks, and tokens destroyed, whatever Kommo says. The history stays."""
    done = await disconnect(visit.installation, visit.account, visit.principal, erases=erase)
    return DisconnectedShape(
        unsubscribed=done.unsubscribed,
        asked_kommo=done.unasked is None,
        is_erased=done.is_erased,
    )


def _summary(account: RegisteredAccount) -> AccountSummary:
    return AccountSummary(
        account_id=account.account_id,
        subdomain=account.subdomain,
        timezone=account.timezone,
        connected_at=account.connected_at,
    )


def _connection(found: AccountCondition) -> ConnectionShape:
    stop = found.stop
    return ConnectionShape(
        webhooks=found.webhooks,
        stop=None
        if stop is None
        else StopShape(status=stop.status, cause=stop.cause, since=stop.since, until=stop.until),
        heard_at=found.vitals.heard_at,
        confirmed_at=found.vitals.confirmed_at,
        refused_at=found.vitals.refused_at,
    )
