"""The client of one account's REST API, v4.

Each call waits for its turn at the limiter, has one deadline, follows no redirect, reads at
most 5 MiB, and fails as one of `services.kommo.errors`. Nothing is retried here: what may be
repeated, and when, only the caller knows.
"""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Generic, Literal, NoReturn, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import structlog
from pydantic import SecretStr

from contracts.kommo.cards import (
    Card,
    Cards,
    LeadCard,
    LeadCards,
    TaskCard,
    TaskCards,
    UpdatedCards,
)
from contracts.kommo.history import EventsPage, TasksPage
from contracts.kommo.rest import (
    Account,
    Lead,
    LeadsPage,
    Pipeline,
    PipelinesPage,
    Problem,
    UpdatedLeads,
    User,
    UsersPage,
    Webhook,
    WebhooksPage,
    read_problem,
    seconds_of,
)
from services.kommo.address import checked_base_url
from services.kommo.answers import read
from services.kommo.errors import (
    ANSWERED,
    AccountStopped,
    AddressBlocked,
    Complaint,
    MalformedAnswer,
    RateLimited,
    Rejected,
    Unreachable,
    outcome_of,
)
from services.kommo.limiter import Limiter, Priority, Turn
from services.kommo.starts import Lease

log = structlog.get_logger(__name__)

C = TypeVar("C", LeadCard, Card)
CardKind = Literal["contacts", "companies", "tasks"]
Entity = Literal["leads"] | CardKind
P = TypeVar("P", EventsPage, TaskCards, TasksPage, UsersPage)

PAGE_MAX = 250
_LEADS = "/api/v4/leads"
_USERS = "/api/v4/users"
_TASKS = "/api/v4/tasks"
_PAGES_MAX = 1_000
_COMPLAINTS_MAX = 250
_OK, _NO_CONTENT, _REDIRECTS, _ERRORS, _SERVER_ERRORS = 200, 204, 300, 400, 500
_FORBIDDEN, _TOO_MANY = 403, 429
_ACCOUNT_STATUSES = frozenset({401, 402, 404})

# Told the method and the outcome of each request that was sent.
OnCalled = Callable[[str, str], None]


def nobody(_method: str, _outcome: str, /) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long each phase of a call may take, in seconds, and how much it may answer.

    Attributes:
        total_s: Of the whole call, from the start of the request to the end of the body.
    """

    connect_s: float = 3.0
    write_s: float = 5.0
    read_s: float = 8.0
    total_s: float = 10.0
    body_bytes_max: int = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadPage:
    """One page of a list of leads.

    Attributes:
        next_page: Path and query of the following page, None at the end.
        unreadable: How many elements made no sense and were left out.
        answered_at: Kommo's own clock, from the `Date` header; None without one.
    """

    leads: tuple[Lead, ...]
    next_page: str | None
    unreadable: int
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[C]):
    """What was found of the things asked for by id.

    Attributes:
        by_id: What is absent does not exist, unless something was unreadable.
        unreadable: How many elements made no sense and were left out.
    """

    by_id: dict[int, C]
    unreadable: int


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    date: datetime | None


class KommoClient:
    """Calls one account. Use as an async context manager, or `aclose` it.

    The methods take the turn of a caller who has to look at something between getting his turn
    and sending; otherwise they wait for one at the given priority.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: SecretStr,
        limiter: Limiter,
        deadlines: Deadlines | None = None,
        connections_max: int = 4,
        on_called: OnCalled = nobody,
        transport: httpx.AsyncBaseTransport | None = None,
        lease: Lease | None = None,
    ) -> None:
        """Check the address and prepare the connection pool; nothing is sent.

        Args:
            base_url: Of the account.
            token: Goes to no other host.
            limiter: Of our address.
            deadlines: Of each call.
            connections_max: Of the pool.
            on_called: Hears of each call that was answered.
            transport: Carries the requests instead of a pool of connections.
            lease: Under which every call begins, where others could act for the account.

        Raises:
            Malformed: The address is none that a token may be sent to.
        """
        self._base_url = checked_base_url(base_url)
        self._limiter = limiter
        self._lease = lease
        self._deadlines = deadlines or Deadlines()
        self._on_called = on_called
        self._http = httpx.AsyncClient(
            base_url=self._base_url,
            headers={
                "Authorization": f"Bearer {token.get_secret_value()}",
                "Accept": "application/hal+json, application/json",
                "User-Agent": "Fairlead",
            },
            timeout=httpx.Timeout(
                connect=self._deadlines.connect_s,
                write=self._deadlines.write_s,
                read=self._deadlines.read_s,
                pool=self._deadlines.total_s,
            ),
            limits=httpx.Limits(max_connections=connections_max, keepalive_expiry=30.0),
            follow_redirects=False,
            # Neither proxies nor a .netrc of the environment may see or replace the token.
            trust_env=False,
            verify=_trust(),
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def turn(self, priority: Priority) -> AbstractAsyncContextManager[Turn]:
        """Wait at the limiter for the right to start one request."""
        return self._limiter.turn(priority, self._lease)

    async def account(self, *, priority: Priority = Priority.SWEEP) -> Account:
        """Read the account with its time zone."""
        path = "/api/v4/account?with=datetime_settings"
        return read(Account, (await self._get(path, priority)).body)

    async def users(self, *, priority: Priority = Priority.SWEEP) -> tuple[User, ...]:
        """Read all users; needs an administrator's token."""
        path = f"{_USERS}?limit={PAGE_MAX}&page=1"
        pages = self.pages(UsersPage, path, priority=priority)
        return tuple([user async for page in pages for user in page.users])

    async def pipelines(self, *, priority: Priority = Priority.SWEEP) -> tuple[Pipeline, ...]:
        """Read all pipelines with their stages."""
        reply = await self._get("/api/v4/leads/pipelines", priority)
        if reply.status == _NO_CONTENT:
            return ()
        return read(PipelinesPage, reply.body).pipelines

    async def leads_by_ids(
        self,
        lead_ids: Sequence[int],
        *,
        priority: Priority = Priority.LOOKUP,
        turn: Turn | None = None,
    ) -> dict[int, Lead]:
        """Read up to 250 leads at once; one that is absent from the result does not exist.

        Raises:
            MalformedAnswer: Something in the answer leaves a doubt about an absence.
        """
        page = await self._page(_by_ids(_LEADS, lead_ids), priority, turn)
        found = {lead.id: lead for lead in page.leads}
        if page.next_page is not None or page.unreadable:
            raise MalformedAnswer("an answer about leads is not complete")
        if not found.keys() <= set(lead_ids):
            # Kommo ignores filters it does not know; an absence would then mean nothing.
            raise MalformedAnswer("an answer has leads that were not asked for")
        return found

    async def lead_cards(
        self, lead_ids: Sequence[int], *, priority: Priority = Priority.LOOKUP
    ) -> Found[LeadCard]:
        """Read up to 250 leads with their fields, contacts and companies.

        Raises:
            MalformedAnswer: The answer leaves a doubt about everything that is absent.
        """
        path = _by_ids(_LEADS, lead_ids, "contacts,source_id")
        reply = await self._get(path, priority)
        if reply.status == _NO_CONTENT:
            return Found(by_id={}, unreadable=0)
        page = read(LeadCards, reply.body)
        return _found(lead_ids, page.elements, page.next_href)

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
        path = _by_ids(f"/api/v4/{kind}", ids, "leads" if with_leads else "")
        reply = await self._get(path, priority)
        if reply.status == _NO_CONTENT:
            return Found(by_id={}, unreadable=0)
        page = read(Cards, reply.body)
        return _found(ids, page.elements, page.next_href)

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
        return await self._page(self._same_list(next_page, _LEADS) or path, priority, None)

    async def pages(
        self, shape: type[P], path: str, *, priority: Priority, pages_max: int = _PAGES_MAX
    ) -> AsyncIterator[P]:
        """Read a list page by page.

        Args:
            shape: Of a page.
            path: Of the first page, with its query.
            priority: Of each call.
            pages_max: Where no honest list goes on.

        Raises:
            MalformedAnswer: The list has no end, or goes on elsewhere.
        """
        list_path, following = path.partition("?")[0], path
        for _ in range(pages_max):
            reply = await self._get(following, priority)
            if reply.status == _NO_CONTENT:
                return
            page = read(shape, reply.body)
            yield page
            more = self._same_list(page.next_href, list_path)
            if more is None:
                return
            following = more
        raise MalformedAnswer(f"the list {list_path} has no end")

    async def set_responsible(
        self, wanted: Mapping[int, int], *, turn: Turn | None = None
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
        reply = await self._send("PATCH", _LEADS, Priority.PUSH, turn, body)
        found = read(UpdatedLeads, reply.body).leads
        return {lead.id: lead.updated_at for lead in found if lead.id in wanted}

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
        _check_size(len(wanted))
        body = [{"id": thing, "responsible_user_id": user} for thing, user in wanted.items()]
        reply = await self._send("PATCH", f"/api/v4/{kind}", priority, None, body)
        found = read(UpdatedCards, reply.body).things
        return {thing.id: thing.updated_at for thing in found if thing.id in wanted}

    async def open_tasks(
        self, lead_ids: Sequence[int], *, priority: Priority = Priority.LINKED
    ) -> tuple[TaskCard, ...]:
        """Read the tasks of up to 250 leads that are not completed."""
        _check_size(len(lead_ids))
        asked = "&".join(f"filter[entity_id][]={each}" for each in lead_ids)
        query = f"limit={PAGE_MAX}&page=1&filter[entity_type]=leads&filter[is_completed]=0&{asked}"
        pages = self.pages(TaskCards, f"{_TASKS}?{query}", priority=priority)
        wanted = set(lead_ids)
        return tuple(
            [
                task
                async for page in pages
                for task in page.elements
                if task is not None and task.entity_id in wanted
            ]
        )

    async def webhooks(self, *, priority: Priority = Priority.SWEEP) -> tuple[Webhook, ...]:
        """Read the subscriptions; needs an administrator's token."""
        reply = await self._get("/api/v4/webhooks", priority)
        if reply.status == _NO_CONTENT:
            return ()
        return read(WebhooksPage, reply.body).webhooks

    async def subscribe(
        self,
        destination: SecretStr,
        settings: Sequence[str],
        *,
        priority: Priority = Priority.CHECK,
    ) -> None:
        """Subscribe the destination to exactly these events."""
        body = {"destination": destination.get_secret_value(), "settings": list(settings)}
        await self._send("POST", "/api/v4/webhooks", priority, None, body)

    async def unsubscribe(
        self, destination: SecretStr, *, priority: Priority = Priority.CHECK
    ) -> None:
        """Remove the subscription; one that does not exist is removed already."""
        body = {"destination": destination.get_secret_value()}
        try:
            await self._send("DELETE", "/api/v4/webhooks", priority, None, body)
        except AccountStopped as stopped:
            if stopped.status != 404:  # noqa: PLR2004 - HTTP's "not found"
                raise

    async def _get(self, path: str, priority: Priority) -> _Reply:
        return await self._send("GET", path, priority)

    async def _page(self, path: str, priority: Priority, turn: Turn | None) -> LeadPage:
        reply = await self._send("GET", path, priority, turn)
        if reply.status == _NO_CONTENT:
            return LeadPage(leads=(), next_page=None, unreadable=0, answered_at=reply.date)
        page = read(LeadsPage, reply.body)
        return LeadPage(
            leads=page.leads,
            next_page=self._same_list(page.next_href, _LEADS),
            unreadable=page.unreadable,
            answered_at=reply.date,
        )

    def _same_list(self, link: str | None, path: str) -> str | None:
        """Path and query of a link to the same list of the same host; the token goes nowhere else.

        Raises:
            MalformedAnswer: The link leads elsewhere.
        """
        if link is None:
            return None
        try:
            parts, ours = urlsplit(link), urlsplit(self._base_url)
            is_ours = not parts.netloc or (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)
            pages = parse_qs(parts.query).get("page", [])
        except ValueError as error:
            raise MalformedAnswer("the link to the next page is not a URL") from error
        if not is_ours or parts.path != path or len(pages) != 1 or not pages[0].isdecimal():
            raise MalformedAnswer("the link to the next page leads elsewhere")
        return f"{path}?{parts.query}"

    async def _send(
        self,
        method: str,
        path: str,
        priority: Priority,
        turn: Turn | None = None,
        body: object | None = None,
    ) -> _Reply:
        if turn is not None:
            return await self._exchange(method, path, turn, body)
        async with self.turn(priority) as own:
            return await self._exchange(method, path, own, body)

    async def _exchange(self, method: str, path: str, turn: Turn, body: object | None) -> _Reply:
        name = f"{method} {path.partition('?')[0]}"
        content = None if body is None else orjson.dumps(body)
        self._refuse_if_closed(name)
        await turn.start()
        self._refuse_if_closed(name)
        try:
            reply = await self._request(name, method, path, turn, content)
        except Exception as error:
            self._on_called(method, outcome_of(error))
            raise
        self._on_called(method, ANSWERED)
        return reply

    def _refuse_if_closed(self, name: str) -> None:
        """Who waited for a turn or its start did not see that the account got another client."""
        if self._http.is_closed:
            raise Unreachable(f"{name}: the client is closed", may_have_happened=False)

    async def _request(
        self, name: str, method: str, path: str, turn: Turn, content: bytes | None
    ) -> _Reply:
        try:
            async with (
                asyncio.timeout(self._deadlines.total_s),
                self._open(method, path, content) as response,
            ):
                data = await self._body(response, turn)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unreachable(f"{name}: no connection", may_have_happened=False) from error
        except TimeoutError as error:
            raise Unreachable(f"{name}: no answer in time", may_have_happened=True) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            kind = type(error).__name__
            raise Unreachable(f"{name}: {kind}", may_have_happened=True) from error
        reply = _Reply(response.status_code, data, _date(response))
        await _report(turn, reply, response.headers.get("Retry-After"))
        if not _OK <= reply.status < _REDIRECTS:
            _refuse(name, reply)
        return reply

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, content: bytes | None
    ) -> AsyncIterator[httpx.Response]:
        headers = {} if content is None else {"Content-Type": "application/json"}
        async with self._http.stream(method, path, content=content, headers=headers) as response:
            yield response

    async def _body(self, response: httpx.Response, turn: Turn) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > self._deadlines.body_bytes_max:
                    break
                chunks.append(chunk)
        except (httpx.TransportError, httpx.DecodingError):
            if response.status_code == _TOO_MANY:
                return b""  # the status says what matters
            turn.answered()
            raise
        if size > self._deadlines.body_bytes_max and response.status_code != _TOO_MANY:
            turn.answered()
            raise MalformedAnswer("an answer is too big")
        return b"".join(chunks)


def _check_size(things: int) -> None:
    if not 0 < things <= PAGE_MAX:
        raise ValueError("1 to 250 things in one call")


def _by_ids(path: str, ids: Sequence[int], parts: str = "") -> str:
    """Path and query of a list of these.

    The brackets stay bare: 250 ids with %5B%5D come close to 8 KiB, where many servers refuse a
    request line.
    """
    _check_size(len(ids))
    wanted = f"&with={parts}" if parts else ""
    filters = "&".join(f"filter[id][]={each}" for each in ids)
    return f"{path}?limit={PAGE_MAX}{wanted}&{filters}"


def _found(ids: Sequence[int], elements: Sequence[C | None], next_href: str | None) -> Found[C]:
    by_id = {each.id: each for each in elements if each is not None}
    if next_href is not None:
        raise MalformedAnswer("an answer by ids is not complete")
    if not by_id.keys() <= set(ids):
        # Kommo ignores filters it does not know; an absence would then mean nothing.
        raise MalformedAnswer("an answer has things that were not asked for")
    return Found(by_id=by_id, unreadable=sum(1 for each in elements if each is None))


@functools.cache
def _trust() -> ssl.SSLContext:
    """One context for all accounts: each costs megabytes and milliseconds."""
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _report(turn: Turn, reply: _Reply, retry_after: str | None) -> None:
    """Tell the limiter what the answer says of our address."""
    problem = read_problem(reply.body) if reply.status in {_FORBIDDEN, _TOO_MANY} else None
    if reply.status == _TOO_MANY:
        stated = problem.retry_after if problem is not None else None
        await turn.limited(seconds_of(retry_after) if stated is None else stated)
    elif reply.status == _FORBIDDEN and problem is None:
        await turn.blocked()
    else:
        turn.answered()


def _refuse(name: str, reply: _Reply) -> NoReturn:
    """Raise what the status means."""
    status = reply.status
    problem = read_problem(reply.body)
    if status == _TOO_MANY:
        raise RateLimited(f"{name}: 429")
    if status == _FORBIDDEN and problem is None:
        raise AddressBlocked(f"{name}: 403 for our address")
    if status == _FORBIDDEN or status in _ACCOUNT_STATUSES:
        raise AccountStopped(f"{name}: {status}", status=status)
    if status >= _SERVER_ERRORS:
        raise Unreachable(f"{name}: {status}", may_have_happened=True, status=status)
    if status < _ERRORS:
        raise MalformedAnswer(f"{name}: {status} is no answer")
    raise Rejected(
        f"{name}: {status}",
        status=status,
        detail=(problem.detail or problem.title) if problem else "",
        complaints=tuple(islice(_complaints(problem), _COMPLAINTS_MAX)) if problem else (),
    )


def _complaints(problem: Problem) -> Iterator[Complaint]:
    for element in problem.validation_errors:
        for error in element.errors:
            yield Complaint(
                index=element.index, code=error.code, path=error.path, detail=error.detail
            )


def _date(response: httpx.Response) -> datetime | None:
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return date.astimezone(UTC) if date.tzinfo else None
