"""An account's state as canonical bytes, its digest, and back (D10.3).

Equal states have equal bytes on every machine, Python version and hash seed: keys are sorted,
instants are whole microseconds, and only what is ordered by meaning keeps its order.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from typing import Any

import msgspec

from contracts.events import Access, LeadKind
from domain.limits.caps import Given
from domain.limits.loads import Loads
from domain.limits.pacing import Release
from domain.limits.tasks import OpenTask, Tasks
from domain.state import Account, Announced, KindAccount, Pause, RegistryBook, Taken, Timer
from domain.state.commands import dump_taken
from domain.state.lead import (
    WrittenGone,
    WrittenLead,
    WrittenTold,
    dump_gone,
    dump_lead,
    dump_told,
)
from domain.state.notices import WrittenNotice, WrittenWhy, dump_notice
from domain.state.offer import WrittenOffer, dump_offer
from domain.state.request import WrittenRequest, dump_request
from domain.state.rows import Pairs, Row, instant, micros
from domain.state.silence import WrittenSilence, dump_silences, load_silences
from domain.state.transfers import WrittenLinking, WrittenTransfers, dump_linking, dump_transfers

# Raised whenever the shape below changes, with a step that reads the shape before; snapshots of
# revisions that nothing reads any more are replayed over.
REVISION = 14
ROWS_PER_PART = 1_000

_Rows = Iterator[Row]


def dump(account: Account) -> bytes:
    """The whole state as canonical JSON."""
    return b"".join(parts(account))


def parts(account: Account) -> Iterator[bytes]:
    """The same in parts that take a few milliseconds each, for whoever has others to serve.

    The state is that of the call, whatever becomes of the account before the last part: what
    grows with its leads is written part by part from values that never change.
    """
    state: dict[str, Any] = {
        "account_id": account.account_id,
        "version": account.version,
        "now": micros(account.now),
        "began_at": micros(account.began_at),
        "connected_at": micros(account.connected_at),
        "timezone": account.timezone,
        "active_user_ids": account.active_user_ids,
        "refused_user_ids": account.refused_user_ids,
        "limited": [access for _, access in sorted(account.limited.items())],
        "refusals": sorted(account.refusals.items()),
        "rules_data": account.rules_data,
        "revision": account.revision,
        "leads": _rows(account.leads, sorted(account.leads), dump_lead),
        "gone": _rows(account.gone, tuple(account.gone), dump_gone),
        "requests_total": account.requests_total,
        "turns": account.turns,
        "credits": [
            [name, sorted(credit.items())] for name, credit in sorted(account.credits.items())
        ],
        "kinds": [
            [
                ledger,
                [
                    [*kind, book.leads, sorted(book.credits.items())]
                    for kind, book in sorted(kinds.items())
                ],
            ]
            for ledger, kinds in sorted(account.kinds.items())
        ],
        "registries": [
            [name, micros(book.began_at), sorted(book.levels.items()), book.there]
            for name, book in sorted(account.registries.items())
        ],
        "missed": [
            [name, sorted(missed.items())] for name, missed in sorted(account.missed.items())
        ],
        "releases": [
            [
                rule_id,
                micros(release.began_at),
                sorted(release.given.items()),
                release.balance,
            ]
            for rule_id, release in sorted(account.releases.items())
        ],
        "stalled": account.stalled,
        "given": [
            [manager_id, given.items()] for manager_id, given in sorted(account.given.items())
        ],
        "last_turns": sorted(account.last_turns.items()),
        "requests": _each(tuple(account.requests.in_order()), dump_request),
        "linking": [dump_linking(asked) for _, asked in sorted(account.linking.items())],
        "orders": [
            [order_id, *dump_transfers(each)]
            for order_id, each in sorted(account.transfers.items())
        ],
        "pauses": [
            [manager_id, pause.by_administrator, micros(pause.until)]
            for manager_id, pause in sorted(account.pauses.items())
        ],
        "timers": _rows(account.timers, sorted(account.timers), _dump_timer),
        "lookups": [[lead_id, micros(at)] for lead_id, at in sorted(account.lookups.items())],
        "offers": _rows(account.offers, sorted(account.offers), dump_offer),
        "commands": _rows(account.commands, tuple(account.commands), dump_taken),
    }
    if account.announced:  # as rare as that, and unknown to releases before it
        state["announced"] = sorted(account.announced)
    if whose := [
        [lead_id, told.responsible_id, micros(told.at)]
        for lead_id, told in sorted(account.announced.items())
        if told.responsible_id is not None
    ]:
        state["whose"] = whose
    if account.told:  # likewise
        state["told"] = _rows(account.told, sorted(account.told), dump_told)
    if account.given_up:
        state["given_up"] = sorted(account.given_up.items())
    if account.reasons:  # only where a rule tells people
        state["reasons"] = [[lead_id, *why] for lead_id, why in sorted(account.reasons.items())]
    if account.notices:
        state["notices"] = [
            [order_id, kind, *dump_notice(notice)]
            for (order_id, kind), notice in sorted(account.notices.items())
        ]
    if account.again:  # only where a rule makes tasks
        state["again"] = sorted(account.again)
    if account.tasks.is_known or account.tasks.by_id:  # only under rules that count tasks (D5.6)
        state["tasks"] = _rows(account.tasks.by_id, sorted(account.tasks.by_id), _dump_task)
        state["tasks_known"] = account.tasks.is_known
    state |= _dump_triggers(account)
    return _encoded(state)


def _dump_triggers(account: Account) -> dict[str, object]:
    """What is known of triggers, only under rules of theirs (D1.8)."""
    state: dict[str, object] = {}
    if account.silences:
        state["silences"] = dump_silences(account.silences)
    if account.hook_at is not None:
        state["hook_at"] = micros(account.hook_at)
    return state


class _WrittenState(msgspec.Struct, forbid_unknown_fields=True):
    """A state as it is written: rows and plain values, each of the type that it must have."""

    account_id: int
    version: int
    now: int
    began_at: int | None
    connected_at: int | None
    timezone: str
    active_user_ids: tuple[int, ...] | None
    refused_user_ids: tuple[int, ...]
    limited: tuple[Access, ...]
    refusals: Pairs
    rules_data: dict[str, Any] | None
    revision: int
    leads: list[WrittenLead]
    gone: list[WrittenGone]
    requests_total: int
    turns: int
    credits: list[tuple[str, Pairs]]
    kinds: list[tuple[str, list[tuple[str, int, int, Pairs]]]]
    registries: list[tuple[str, int, Pairs, tuple[int, ...]]]
    missed: list[tuple[str, Pairs]]
    releases: list[tuple[str, int, Pairs, int]]
    stalled: tuple[str, ...]
    given: list[tuple[int, Pairs]]
    last_turns: Pairs
    requests: list[WrittenRequest]
    linking: list[WrittenLinking]
    orders: list[WrittenTransfers]
    pauses: list[tuple[int, bool, int | None]]
    timers: list[tuple[str, int, int | None]]
    lookups: Pairs
    offers: list[WrittenOffer]
    commands: list[tuple[str, int, int]]
    announced: tuple[int, ...] = ()
    whose: tuple[tuple[int, int, int | None], ...] = ()
    told: tuple[WrittenTold, ...] = ()
    reasons: tuple[WrittenWhy, ...] = ()
    notices: tuple[WrittenNotice, ...] = ()
    again: tuple[int, ...] = ()
    given_up: tuple[tuple[int, int | None], ...] = ()
    tasks: tuple[tuple[int, int, int | None, int, bool], ...] = ()
    tasks_known: bool = False
    silences: tuple[WrittenSilence, ...] = ()
    hook_at: int | None = None


_DECODER = msgspec.json.Decoder(_WrittenState)


def load(state: bytes, revision: int = REVISION) -> Account:
    """The account as it was; loads and compiled rules are derived from the rest.

    Args:
        state: What `dump` wrote.
        revision: Of the code that wrote it, one of `READABLE`.
    """
    written = _DECODER.decode(state) if revision == REVISION else _upcast(state, revision)
    account = Account(
        account_id=written.account_id,
        version=written.version,
        now=instant(written.now),
        began_at=instant(written.began_at),
        connected_at=instant(written.connected_at),
        timezone=written.timezone,
        active_user_ids=written.active_user_ids,
        refused_user_ids=written.refused_user_ids,
        limited={access.user_id: access for access in written.limited},
        refusals=dict(written.refusals),
        rules_data=written.rules_data,
        revision=written.revision,
        leads={row.lead_id: row.record() for row in written.leads},
        gone={row.lead_id: row.record() for row in written.gone},
        requests_total=written.requests_total,
        turns=written.turns,
        credits={name: dict(credit) for name, credit in written.credits},
        registries={
            name: RegistryBook(instant(began_at), dict(levels), there)
            for name, began_at, levels, there in written.registries
        },
        kinds={
            ledger: {
                LeadKind(what, kind): KindAccount(leads, dict(credit))
                for what, kind, leads, credit in books
            }
            for ledger, books in written.kinds
        },
        missed={name: dict(missed) for name, missed in written.missed},
        releases={
            rule_id: Release(instant(began_at), dict(given), balance)
            for rule_id, began_at, given, balance in written.releases
        },
        stalled=written.stalled,
        given={manager_id: Given.of(given) for manager_id, given in written.given},
        last_turns=dict(written.last_turns),
        linking={row.order_id: row.record() for row in written.linking},
        transfers={row.order_id: row.record() for row in written.orders},
        pauses={
            manager_id: Pause(by_administrator=by_administrator, until=instant(until))
            for manager_id, by_administrator, until in written.pauses
        },
        timers={
            timer_id: Timer(generation=generation, due_at=instant(due_at))
            for timer_id, generation, due_at in written.timers
        },
        lookups={lead_id: instant(at) for lead_id, at in written.lookups},
        announced=dict.fromkeys(written.announced, Announced())
        | {
            lead_id: Announced(responsible_id=responsible_id, at=instant(at))
            for lead_id, responsible_id, at in written.whose
        },
        told={row.lead_id: row.record() for row in written.told},
        reasons={row.lead_id: row.record() for row in written.reasons},
        notices={(row.order_id, row.kind): row.record() for row in written.notices},
        again=dict.fromkeys(written.again),
        given_up=dict(written.given_up),
        offers={row.lead_id: row.record() for row in written.offers},
        commands={
            message_id: Taken(version=version, at=instant(at))
            for message_id, version, at in written.commands
        },
        tasks=Tasks.of(
            (
                (task_id, OpenTask(manager_id, instant(due_at), instant(modified_at), is_missed))
                for task_id, manager_id, due_at, modified_at, is_missed in written.tasks
            ),
            is_known=written.tasks_known,
        ),
        silences=load_silences(written.silences),
        hook_at=instant(written.hook_at),
        loads=Loads.of((lead.owner_id, lead.stage) for lead in written.leads),
    )
    for row in written.requests:
        account.requests.put(row.record())
    account.changing = {
        thing: order_id for order_id, each in account.transfers.items() for thing in each.under_way
    }
    account.compile()
    return account


def _upcast(state: bytes, revision: int) -> _WrittenState:
    """What code of an older revision wrote, as this one writes it."""
    data = msgspec.json.decode(state)
    for each in range(revision, REVISION):
        data = _UPCASTS[each](data)
    return msgspec.convert(data, _WrittenState)


def _upcast_10(data: dict[str, Any]) -> dict[str, Any]:
    """Until 11 a request's state was the container in which it was found.

    Nor was it known when the account began, what users may not see, with whom Kommo refused a lead.
    """

    def written(row: Row, *state: object) -> Row:
        return [*row, [], "", [], list(state)]

    requests = [written(row, "opened") for row in data.pop("opened")]
    requests += [
        written(row, "preparing", revision, parts, until)
        for row, revision, parts, until in data.pop("preparing")
    ]
    requests += [
        written(row, "reserved", owner_id, since, back_at)
        for owner_id, rows in data.pop("reserved")
        for row, since, back_at in rows
    ]
    requests += [written(row, "waiting") for _, rows in data.pop("waiting") for row in rows]
    for lead in data["leads"]:
        if (wanted := lead[8]) is not None:
            wanted.append([])
    return data | {"requests": requests, "began_at": None, "limited": [], "refusals": []}


def _upcast_11(data: dict[str, Any]) -> dict[str, Any]:
    """Until 12 no ids of commands were kept."""
    return data | {"commands": []}


def _upcast_12(data: dict[str, Any]) -> dict[str, Any]:
    """Until 13 leads were of no kinds (D3.9)."""
    for lead in data["leads"]:
        if (wanted := lead[8]) is not None:
            wanted.append([])
    for row in (*data["requests"], *data["offers"]):
        row.append([])
    return data | {"kinds": []}


def _upcast_13(data: dict[str, Any]) -> dict[str, Any]:
    """Until 14 no registries were kept (D3.10)."""
    for lead in data["leads"]:
        if (wanted := lead[8]) is not None:
            wanted += ["", None, 0]
    return data | {"registries": []}


_UPCASTS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    10: _upcast_10,
    11: _upcast_11,
    12: _upcast_12,
    13: _upcast_13,
}
READABLE = (*_UPCASTS, REVISION)


def digest(account: Account) -> bytes:
    """A fingerprint of the whole state: equal exactly when the states are."""
    return digest_of(dump(account))


def digest_of(state: bytes) -> bytes:
    """The fingerprint of a state that was dumped already."""
    return blake2b(state, digest_size=32).digest()


def _encoded(state: Mapping[str, Any]) -> Iterator[bytes]:
    """The JSON of the state; what is an iterator in it is an array, in parts."""
    opening = "{"
    for name, value in sorted(state.items()):
        yield f'{opening}"{name}":'.encode()
        opening = ","
        if isinstance(value, Iterator):
            yield from _array(value)
        else:
            yield _json(value).encode()
    yield b"}"


def _array(rows: _Rows) -> Iterator[bytes]:
    opening = b"["
    while some := list(islice(rows, ROWS_PER_PART)):
        yield opening + _plain(some)[1:-1]
        opening = b","
    yield b"[]" if opening == b"[" else b"]"


def _plain(rows: list[Row]) -> bytes:
    """The same as `_json`, in a third of the time where no text has to be escaped there."""
    encoded = msgspec.json.encode(rows)
    return encoded if encoded.isascii() and b"\x7f" not in encoded else _json(rows).encode()


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _rows(held: Mapping[Any, Any], keys: Iterable[Any], row: Callable[[Any], Row]) -> _Rows:
    """A row for each key in turn, of the values as they are now."""
    values = dict(held)
    return ([key, *row(values[key])] for key in keys)


def _each(records: Iterable[Any], row: Callable[[Any], Row]) -> _Rows:
    return (row(record) for record in records)


def _dump_task(task: OpenTask) -> Row:
    return [task.manager_id, micros(task.due_at), micros(task.modified_at), task.is_missed]


def _dump_timer(timer: Timer) -> Row:
    return [timer.generation, micros(timer.due_at)]
