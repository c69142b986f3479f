"""The calls of one account's REST API, v4; `services.kommo.transport` carries them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, Self, TypeVar

import httpx
import structlog
from pydantic import BaseModel, SecretStr

from contracts.kommo.cards import Card, LeadCard, OpenTaskCard, TaskCard
from contracts.kommo.pages import Odd, Page
from contracts.kommo.rest import Account, Lead, Pipeline, Updated, User, Webhook
from services.kommo.answers import NO_CONTENT, Reply, read, read_page
from services.kommo.errors import AccountStopped, MalformedAnswer
from services.kommo.limiter import CallTurn, Limiter, Priority
from services.kommo.settings import CallSettings
from services.kommo.starts import Lease
from services.kommo.tokens import AccountTokens
from services.kommo.transport import OnAnswered, OnCalled, Transport, nobody

log = structlog.get_logger(__name__)

C = TypeVar("C", Lead, LeadCard, Card)
E = TypeVar("E", bound=BaseModel)
CardKind = Literal["contacts", "companies", "tasks"]
Entity = Literal["leads"] | CardKind

PAGE_MAX = 250
_LEADS = "/api/v4/leads"
_USERS = "/api/v4/users"
_TASKS = "/api/v4/tasks"
_PAGES_MAX = 1_000
# More that make no sense are left for another time: others wait for turns, too.
_ALONE_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """One page of a list of tasks.

    Attributes:
        tasks: In Kommo's order, those that make sense.
        next_page: Path and query of the following page, None at the end.
        answered_at: Kommo's own clock, from the `Date` header; None without one.
    """

    tasks: tuple[OpenTaskCard, ...]
    next_page: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadPage:
    """One page of a list of leads.

    Attributes:
        items: In Kommo's order, those that make no sense included.
        next_page: Path and query of the following page, None at the end.
        answered_at: Kommo's own clock, from the `Date` header; None without one.
    """

    items: tuple[Lead | Odd, ...]
    next_page: str | None
    answered_at: datetime | None

    @property
    def leads(self) -> tuple[Lead, ...]:
        """Those that make sense."""
        return tuple(each for each in self.items if isinstance(each, Lead))

    @property
    def odd(self) -> tuple[Odd, ...]:
        """Those that do not."""
        return tuple(each for each in self.items if isinstance(each, Odd))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[C]):
    """What was found of the things asked for by id; what is in neither does not exist.

    Attributes:
        unread: Those that make no sense even when read alone; they may or may not exist.
        calls: What it took.
    """

    by_id: dict[int, C]
    unread: frozenset[int] = frozenset()
    calls: int = 1


class KommoClient:
    """Calls one account. Use as an async context manager, or `aclose` it.

    The methods take the turn of a caller who has to look at something between getting the turn
    and sending; otherwise they wait for one at the given priority.
    """

    def __init__(  # noqa: PLR0913 - what a way to one account is made of
        self,
        *,
        base_url: str,
        token: SecretStr,
        limiter: Limiter,
        settings: CallSettings | None = None,
        on_called: OnCalled = nobody,
        transport: httpx.AsyncBaseTransport | None = None,
        lease: Lease | None = None,
        account_id: int | None = None,
        on_answered: OnAnswered = nobody,
        tokens: AccountTokens | None = None,
    ) -> None:
        """Check the address and prepare the connection pool; nothing is sent.

        Args:
            base_url: Of the account.
            token: Goes to no other host.
            limiter: Of our address.
            settings: How long each call may take.
            on_called: Hears of each call that was answered.
            transport: Carries the requests instead of a pool of connections.
            lease: Under which every call begins, where others could act for the account.
            account_id: For the log.
            on_answered: Hears with each answer whether it stops the account.
            tokens: Where a token is renewed that is refused; None of one that nobody renews.

        Raises:
            Malformed: The address is none that a token may be sent to.
        """
        self._transport = Transport(
            base_url=base_url,
            token=token,
            limiter=limiter,
            settings=settings or CallSettings(),
            on_called=on_called,
            carrier=transport,
            lease=lease,
            on_answered=on_answered,
            tokens=tokens,
        )
        self._account_id = account_id

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def take_token(self, token: SecretStr) -> None:
        """Enter with this token from now on."""
        self._transport.take_token(token)

    def turn(self, priority: Priority) -> AbstractAsyncContextManager[CallTurn]:
        """Wait at the limiter for the right to start one request."""
        return self._transport.turn(priority)

    async def account(self, *, priority: Priority = Priority.SWEEP) -> Account:
        """Read the account with its time zone and its groups of users."""
        path = "/api/v4/account?with=users_groups,datetime_settings"
        return read(Account, (await self._transport.send("GET", path, priority)).body)

    async def users(self, *, priority: Priority = Priority.SWEEP) -> Page[User]:
        """Read all users; needs an administrator's token."""
        return await self.whole(
            User, "users", f"{_USERS}?limit={PAGE_MAX}&page=1", priority=priority
        )

    async def user(self, user_id: int, *, priority: Priority = Priority.SWEEP) -> User | Odd:
        """Read one user; needs an administrator's token."""
        reply = await self._transport.send("GET", f"{_USERS}/{user_id}", priority)
        for found in read_page(User, "users", reply).items:
            return Odd(user_id, found.places) if isinstance(found, Odd) else found
        return Odd(user_id, "everything")

    async def pipelines(self, *, priority: Priority = Priority.SWEEP) -> Page[Pipeline]:
        """Read all pipelines with their stages."""
        reply = await self._transport.send("GET", "/api/v4/leads/pipelines", priority)
        return read_page(Pipeline, "pipelines", reply)

    async def leads_by_ids(
        self,
        lead_ids: Sequence[int],
        *,
        priority: Priority = Priority.LOOKUP,
        turn: CallTurn | None = None,
    ) -> Found[Lead]:
        """Read up to 250 leads at once.

        Raises:
            MalformedAnswer: The answer leaves a doubt about everything that is absent.
        """
        return await self._by_ids(Lead, "leads", lead_ids, "", priority, turn)

    async def lead_cards(
        self, lead_ids: Sequence[int], *, priority: Priority = Priority.LOOKUP
    ) -> Found[LeadCard]:
        """Read up to 250 leads with their fields, contacts and companies.

        Raises:
            MalformedAnswer: The answer leaves a doubt about everything that is absent.
        """
        parts = "contacts,source_id"
        return await self._by_ids(LeadCard, "leads", lead_ids, parts, priority)

    async def cards(
        self,
        kind: CardKind,
        ids: Sequence[int],
        *,
        with_leads: bool = False,
        priority: Priority = Priority.LOOKUP,
    ) -> Found[Card]:
        """Read up to 250 contacts, companies or tasks, on request with the leads they belong to.

        Raises:
            MalformedAnswer: The answer leaves a doubt about everything that is absent.
        """
        return await self._by_ids(Card, kind, ids, "leads" if with_leads else "", priority)

    async def leads(
        self,
        *,
        updated_from: datetime | None = None,
        next_page: str | None = None,
        priority: Priority = Priority.SWEEP,
    ) -> LeadPage:
        """Read one page of leads by ascending id.

        Args:
            updated_from: Only leads changed then or later.
            next_page: Continue here instead: `next_page` of the page before.
            priority: Place in the queue.
        """
        path = f"{_LEADS}?limit={PAGE_MAX}&page=1&order[id]=asc"
        if updated_from is not None:
            path += f"&filter[updated_at][from]={int(updated_from.timestamp())}"
        path = self._transport.same_list(next_page, _LEADS) or path
        reply = await self._transport.send("GET", path, priority)
        page = read_page(Lead, "leads", reply)
        self.tell_odd("leads", page.odd)
        return LeadPage(
            items=page.items,
            next_page=self._transport.same_list(page.next_href, _LEADS),
            answered_at=reply.date,
        )

    async def whole(
        self,
        shape: type[E],
        name: str,
        path: str,
        *,
        priority: Priority,
        pages_max: int = _PAGES_MAX,
    ) -> Page[E]:
        """Read a list, page by page, to its end.

        Args:
            shape: Of an element.
            name: Under which the elements are listed.
            path: Of the first page, with its query.
            priority: Of each call.
            pages_max: Where no honest list goes on.

        Raises:
            MalformedAnswer: The list has no end, or goes on elsewhere.
        """
        list_path, following = path.partition("?")[0], path
        items: list[E | Odd] = []
        for _ in range(pages_max):
            page = read_page(shape, name, await self._transport.send("GET", following, priority))
            items += page.items
            more = self._transport.same_list(page.next_href, list_path)
            if more is None:
                return Page(tuple(items))
            following = more
        raise MalformedAnswer(f"the list {list_path} has no end")

    async def set_responsible(
        self, wanted: Mapping[int, int], *, turn: CallTurn | None = None
    ) -> dict[int, datetime]:
        """Make managers responsible for leads, all in one request.

        Nothing but the responsible is sent: a field sent along may be refused (deactivated
        creator), and would overwrite what somebody changed meanwhile.

        Args:
            wanted: Lead id to manager id, 1 to 250.
            turn: The caller's own turn.

        Returns:
            Lead id to its `updated_at` now; a lead that is absent was not confirmed.
        """
        _check_size(len(wanted))
        body = [{"id": lead, "responsible_user_id": user} for lead, user in wanted.items()]
        reply = await self._transport.send("PATCH", _LEADS, Priority.PUSH, turn, body)
        return self._changed("leads", wanted, reply)

    async def set_responsibles(
        self, kind: Entity, wanted: Mapping[int, int], *, priority: Priority = Priority.LINKED
    ) -> dict[int, datetime]:
        """Make managers responsible for things of a kind, all in one request, as with leads.

        Args:
            kind: Of the things.
            wanted: Id to manager id, 1 to 250.
            priority: Place in the queue.

        Returns:
            Id to `updated_at` now; a thing that is absent was not confirmed.
        """
        body = {thing: {"responsible_user_id": user} for thing, user in wanted.items()}
        return await self.change(kind, body, priority=priority)

    async def change(
        self, kind: Entity, wanted: Mapping[int, Mapping[str, object]], *, priority: Priority
    ) -> dict[int, datetime]:
        """Set fields of things of a kind, by id; otherwise as their responsibles."""
        _check_size(len(wanted))
        body = [{"id": thing, **fields} for thing, fields in wanted.items()]
        reply = await self._transport.send("PATCH", f"/api/v4/{kind}", priority, None, body)
        return self._changed(kind, wanted, reply)

    async def make(
        self,
        shape: type[E],
        name: str,
        path: str,
        elements: Sequence[Mapping[str, object]],
        *,
        priority: Priority,
    ) -> tuple[E, ...]:
        """Make things in one request; those of the answer that make sense.

        Args:
            shape: Of what Kommo says of each.
            name: Under which they are listed.
            path: Where they are made.
            elements: What is sent, 1 to 250.
            priority: Place in the queue.
        """
        _check_size(len(elements))
        reply = await self._transport.send("POST", path, priority, None, list(elements))
        if reply.status == NO_CONTENT:
            raise MalformedAnswer("what was made is answered by nothing")
        made = read_page(shape, name, reply)
        self.tell_odd(name, made.odd)
        return made.elements

    async def open_tasks(
        self, lead_ids: Sequence[int], *, priority: Priority = Priority.LINKED
    ) -> tuple[TaskCard, ...]:
        """Read the tasks of up to 250 leads that are not completed."""
        _check_size(len(lead_ids))
        asked = "&".join(f"filter[entity_id][]={each}" for each in lead_ids)
        query = f"limit={PAGE_MAX}&page=1&filter[entity_type]=leads&filter[is_completed]=0&{asked}"
        path = f"{_TASKS}?{query}"
        found = await self.whole(TaskCard, "tasks", path, priority=priority)
        self.tell_odd("tasks", found.odd)
        wanted = set(lead_ids)
        return tuple(task for task in found.elements if task.entity_id in wanted)

    async def open_task_page(
        self, *, next_page: str | None = None, priority: Priority = Priority.SWEEP
    ) -> TaskPage:
        """Read one page of all tasks that are not completed, by ascending id.

        Args:
            next_page: Continue here instead: `next_page` of the page before.
            priority: Place in the queue.
        """
        path = f"{_TASKS}?limit={PAGE_MAX}&page=1&order[id]=asc&filter[is_completed]=0"
        path = self._transport.same_list(next_page, _TASKS) or path
        reply = await self._transport.send("GET", path, priority)
        page = read_page(OpenTaskCard, "tasks", reply)
        self.tell_odd("tasks", page.odd)
        return TaskPage(
            tasks=page.elements,
            next_page=self._transport.same_list(page.next_href, _TASKS),
            answered_at=reply.date,
        )

    async def webhooks(self, *, priority: Priority = Priority.SWEEP) -> tuple[Webhook, ...]:
        """Read the subscriptions; needs an administrator's token."""
        reply = await self._transport.send("GET", "/api/v4/webhooks", priority)
        return read_page(Webhook, "webhooks", reply).elements

    async def subscribe(
        self,
        destination: SecretStr,
        settings: Sequence[str],
        *,
        priority: Priority = Priority.CHECK,
    ) -> None:
        """Subscribe the destination to exactly these events."""
        body = {"destination": destination.get_secret_value(), "settings": list(settings)}
        await self._transport.send("POST", "/api/v4/webhooks", priority, None, body)

    async def unsubscribe(
        self, destination: SecretStr, *, priority: Priority = Priority.CHECK
    ) -> None:
        """Remove the subscription; one that does not exist is removed already."""
        body = {"destination": destination.get_secret_value()}
        try:
            await self._transport.send("DELETE", "/api/v4/webhooks", priority, None, body)
        except AccountStopped as stopped:
            if stopped.status != 404:  # noqa: PLR2004 - HTTP's "not found"
                raise

    def tell_odd(self, kind: str, odd: Iterable[Odd]) -> None:
        """Name what makes no sense."""
        for each in odd:
            log.warning(
                "element_unreadable",
                account_id=self._account_id,
                kind=kind,
                id=each.id,
                places=each.places,
            )

    def _changed(
        self, kind: Entity, wanted: Mapping[int, object], reply: Reply
    ) -> dict[int, datetime]:
        """What of the wanted the answer to a PATCH confirms."""
        if reply.status == NO_CONTENT:
            raise MalformedAnswer("a change is answered by nothing")
        changed = read_page(Updated, kind, reply)
        self.tell_odd(kind, changed.odd)
        return {each.id: each.updated_at for each in changed.elements if each.id in wanted}

    async def _by_ids(
        self,
        shape: type[C],
        kind: Entity,
        ids: Sequence[int],
        parts: str,
        priority: Priority,
        turn: CallTurn | None = None,
    ) -> Found[C]:
        """Read things at once, and alone what makes no sense beside the others."""
        found = await self._at_once(shape, kind, ids, parts, priority, turn)
        if not found.unread or len(ids) == 1:
            return found
        by_id, unread, calls = dict(found.by_id), set(found.unread), found.calls
        for each in [one for one in ids if one in unread][:_ALONE_MAX]:
            alone = await self._at_once(shape, kind, [each], parts, priority)
            by_id |= alone.by_id
            unread -= {each} - alone.unread
            calls += 1
        return Found(by_id=by_id, unread=frozenset(unread), calls=calls)

    async def _at_once(
        self,
        shape: type[C],
        kind: Entity,
        ids: Sequence[int],
        parts: str,
        priority: Priority,
        turn: CallTurn | None = None,
    ) -> Found[C]:
        path = _path_of(f"/api/v4/{kind}", ids, parts)
        page = read_page(shape, kind, await self._transport.send("GET", path, priority, turn))
        if page.next_href is not None:
            raise MalformedAnswer("an answer by ids is not complete")
        by_id = {each.id: each for each in page.elements}
        odd = {each.id for each in page.odd if each.id is not None}
        asked = set(ids)
        if not (by_id.keys() | odd) <= asked:
            # Kommo ignores filters it does not know; an absence would then mean nothing.
            raise MalformedAnswer("an answer has things that were not asked for")
        if len(odd) < len(page.odd):  # then it may be anything that is absent
            odd = asked - by_id.keys()
        self.tell_odd(kind, page.odd)
        return Found(by_id=by_id, unread=frozenset(odd - by_id.keys()))


def _check_size(things: int) -> None:
    if not 0 < things <= PAGE_MAX:
        raise ValueError("1 to 250 things in one call")


def _path_of(path: str, ids: Sequence[int], parts: str = "") -> str:
    """Path and query of a list of these.

    The brackets stay bare: 250 ids with %5B%5D come close to 8 KiB, where many servers refuse a
    request line.
    """
    _check_size(len(ids))
    wanted = f"&with={parts}" if parts else ""
    filters = "&".join(f"filter[id][]={each}" for each in ids)
    return f"{path}?limit={PAGE_MAX}{wanted}&{filters}"
