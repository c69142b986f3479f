"""What the gateway needs from the rest of the house."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from contracts.inbound import Inbound
from projections.assignments import Assignment
from services.kommo.starts import Lease

Now = Callable[[], datetime]
# Account to how many of its leads only a sweep has found, ever.
Untold = Callable[[], Awaitable[Mapping[int, int]]]
# The revision of an account's rules in force, and the rules as JSON data; None before the first.
RulesOf = Callable[[int], Awaitable[tuple[int, dict[str, Any]] | None]]
# What those are called, by id, of those that have a name.
RuleNamesOf = Callable[[int], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedAccount:
    """An account that is connected, with what is needed to call it.

    Attributes:
        timezone: Of the account, whose days its date fields name.
        webhook_digest: SHA-256 of the secret in its webhooks' address; None while unknown.
        restored_at: When our database was restored from a backup last; None if never (F79).
        client_id: The integration that renews the token; None of a long-lived one.
        admitted_at: When somebody let us in last.
    """

    account_id: int
    base_url: str
    token: SecretStr
    timezone: str = "UTC"
    webhook_digest: bytes | None = None
    restored_at: datetime | None = None
    client_id: str | None = None
    admitted_at: datetime | None = None


class TaskReadings(Protocol):
    """Where it is noted whose tasks cannot be read."""

    async def note(self, account_id: int, status: int | None) -> None:
        """Kommo refused the account's tasks; None: it does not, or nobody asks for them any more.

        Raises:
            services.shared.errors.Unavailable: Nothing is noted.
        """
        ...


class ConnectedAccounts(Protocol):
    """The registry of accounts; the only place that opens tokens."""

    async def connected(self) -> Sequence[ConnectedAccount]:
        """All accounts that may be called.

        Raises:
            services.shared.errors.Unavailable: The registry does not answer.
        """
        ...

    async def described(self, account_id: int) -> Mapping[str, Any]:
        """What was stored last; nothing before the first time.

        Raises:
            services.shared.errors.Unavailable: The registry does not answer.
        """
        ...

    async def describe(self, account_id: int, directory: Mapping[str, Any]) -> None:
        """Store names and the state of the webhooks as JSON data, for people to read.

        Raises:
            services.shared.errors.Unavailable: The registry does not answer.
        """
        ...


class Tokens(Protocol):
    """Keeps tokens fresh, of accounts that let an integration in (F54 to F57)."""

    async def newer(self, account_id: int, stale: SecretStr) -> SecretStr | None:
        """A newer token than that; None if there is none to be had now."""
        ...

    async def revoked(self, account_id: int, token: SecretStr) -> None:
        """One that was as new as can be is refused."""
        ...

    async def run(self) -> None:
        """Renew what is about to end, until cancelled."""
        ...


class Leases(Protocol):
    """Which accounts this gateway may act for; other gateways may have the others (F14)."""

    def owns(self, account_id: int) -> bool:
        """Whether the account is ours now."""
        ...

    def lease_of(self, account_id: int) -> Lease | None:
        """Under which lease calls for the account begin; None where nobody else could act."""
        ...

    def lost(self, lease: Lease) -> None:
        """A call was refused, since another gateway has the lease now."""
        ...


class SharedOut(Leases, Protocol):
    """Leases that have to be taken, for the partitions that this gateway was given."""

    def want(self, partitions: Iterable[int]) -> None:
        """Act for these partitions as soon as their leases are taken, and for no others."""
        ...

    async def run(self, on_taken: Callable[[], None]) -> None:
        """Take what is wanted until cancelled, and tell when accounts have become ours."""
        ...


class InboundPublisher(Protocol):
    """Where messages enter the inbound log."""

    async def publish(self, messages: Sequence[Inbound]) -> None:
        """Return once all are durable, in this order per account; waits as long as it takes."""
        ...


class WorkList(Protocol):
    """Committed decisions that Kommo does not hold yet, as far as is known."""

    async def heads(self) -> Mapping[int, int]:
        """Accounts that have some, and the version of the newest of each.

        Raises:
            services.shared.errors.Unavailable: The list cannot be read now.
        """
        ...

    async def pending(self, account_id: int, *, limit: int, after: int) -> Sequence[Assignment]:
        """The next ones of an account that were decided after that version, the oldest first.

        Raises:
            services.shared.errors.Unavailable: The list cannot be read now.
        """
        ...

    async def of_leads(self, account_id: int, lead_ids: Sequence[int]) -> Sequence[Assignment]:
        """The newest decisions about these leads, settled ones included.

        Raises:
            services.shared.errors.Unavailable: The list cannot be read now.
        """
        ...


class Trail(Protocol):
    """Who follows decisions on their way."""

    async def patched(self, rows: Sequence[Assignment], *, began_ns: int, ended_ns: int) -> None:
        """Kommo has taken these, all of one account; never raises."""
        ...


class WorkWakeup(Protocol):
    """Tells that work may have come, sooner than the next look would find it."""

    async def wait(self, timeout_s: float) -> object:
        """Return when something may have changed, or after the time-out."""
        ...
