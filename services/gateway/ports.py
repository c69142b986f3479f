"""What the gateway needs from the rest of the house."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from contracts.inbound import Inbound
from projections.assignments import Assignment
from projections.linked import PendingHandover, Search
from projections.lookups import Lookup
from projections.readings import Reading
from projections.touches import Question
from services.kommo.starts import Lease

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """An account that is connected, with what is needed to call it.

    Attributes:
        webhook_digest: SHA-256 of the secret in its webhooks' address; None while unknown.
        restored_at: When our database was restored from a backup last; None if never (F79).
    """

    account_id: int
    base_url: str
    token: SecretStr
    webhook_digest: bytes | None = None
    restored_at: datetime | None = None


class Accounts(Protocol):
    """The registry of accounts; the only place that opens tokens."""

    async def connected(self) -> Sequence[Connected]:
        """All accounts that may be called.

        Raises:
            services.errors.Unavailable: The registry does not answer.
        """
        ...

    async def describe(self, account_id: int, directory: Mapping[str, Any]) -> None:
        """Store names and the state of the webhooks as JSON data, for people to read.

        Raises:
            services.errors.Unavailable: The registry does not answer.
        """
        ...


class Leases(Protocol):
    """Which accounts this gateway may act for; other gateways may have the others (F14)."""

    def owns(self, account_id: int) -> bool:
        """Whether the account is ours now."""
        ...

    def lease_of(self, account_id: int) -> Lease | None:
        """Under which lease calls for the account begin; None where nobody else could act."""
        ...


class Publisher(Protocol):
    """Where messages enter the inbound log."""

    async def publish(self, messages: Sequence[Inbound]) -> None:
        """Return once all are durable, in this order per account; waits as long as it takes."""
        ...


class WorkList(Protocol):
    """Committed decisions that Kommo does not hold yet, as far as is known."""

    async def pending(self, *, limit: int, after: Assignment | None) -> Sequence[Assignment]:
        """The next ones after that one, over all accounts, oldest decision first.

        Raises:
            services.errors.Unavailable: The list cannot be read now.
        """
        ...

    async def of_leads(self, account_id: int, lead_ids: Sequence[int]) -> Sequence[Assignment]:
        """The newest decisions about these leads, settled ones included.

        Raises:
            services.errors.Unavailable: The list cannot be read now.
        """
        ...


class Trail(Protocol):
    """Who follows decisions on their way."""

    async def patched(self, rows: Sequence[Assignment], *, began_ns: int, ended_ns: int) -> None:
        """Kommo has taken these, all of one account; never raises."""
        ...


class LookupList(Protocol):
    """Leads that an account wants to be read."""

    async def pending(self, *, limit: int, after: Lookup | None) -> Sequence[Lookup]:
        """The next ones after that one, over all accounts, the longest waiting first.

        Raises:
            services.errors.Unavailable: The list cannot be read now.
        """
        ...


class ReadingList(Protocol):
    """What requests wait for, and the rules that want to know it."""

    async def pending(self, *, limit: int, after: Reading | None) -> Sequence[Reading]:
        """The next ones after that one, over all accounts, the longest waiting first.

        Raises:
            services.errors.Unavailable: The list cannot be read now.
        """
        ...

    async def rules_of(self, account_id: int) -> tuple[int, dict[str, Any]] | None:
        """The revision in force and its rules as JSON data; None before the first.

        Raises:
            services.errors.Unavailable: They cannot be read now.
        """
        ...


class QuestionList(Protocol):
    """Offered leads of which Kommo should tell what was done to them."""

    async def pending(self, *, limit: int, after: Question | None) -> Sequence[Question]:
        """The next ones after that one, over all accounts, the longest waiting first.

        Raises:
            services.errors.Unavailable: The list cannot be read now.
        """
        ...


class LinkedLists(Protocol):
    """What belongs to decided leads: to be read, and to be handed over."""

    async def to_find(self, *, limit: int, after: Search | None) -> Sequence[Search]:
        """The next leads after that one, over all accounts, the longest waiting first.

        Raises:
            services.errors.Unavailable: The list cannot be read now.
        """
        ...

    async def to_set(
        self, *, limit: int, after: PendingHandover | None
    ) -> Sequence[PendingHandover]:
        """The next handovers after that one, over all accounts, the longest waiting first.

        Raises:
            services.errors.Unavailable: The list cannot be read now.
        """
        ...


class Wakeup(Protocol):
    """Tells that work may have come, sooner than the next look would find it."""

    async def wait(self, timeout_s: float) -> object:
        """Return when something may have changed, or after the time-out."""
        ...
