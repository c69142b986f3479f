"""An account's state as canonical bytes, its digest, and back (D10.3).

Equal states have equal bytes on every machine, Python version and hash seed: keys are sorted,
instants are whole microseconds, and only what is ordered by meaning keeps its order.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, fields
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any

from contracts.events import Handover, LinkedRequested, Responsible
from contracts.stage import Stage
from domain.account import (
    EPOCH,
    Account,
    Gone,
    Lead,
    Order,
    Pause,
    Preparing,
    Request,
    Reserved,
    Timer,
    Wanted,
)
from domain.loads import Loads
from domain.offers import Offer
from domain.release import Release

REVISION = 10  # raise it whenever the shape below changes: older snapshots are then replayed over
ROWS_PER_PART = 1_000
_MICROSECOND = timedelta(microseconds=1)
_REQUEST = tuple(column.name for column in fields(Request))

_Rows = Iterator[list[Any]]


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
        "now": _micros(account.now),
        "connected_at": _micros(account.connected_at),
        "timezone": account.timezone,
        "active_user_ids": account.active_user_ids,
        "refused_user_ids": account.refused_user_ids,
        "rules_data": account.rules_data,
        "revision": account.revision,
        "leads": _rows(account.leads, sorted(account.leads), _lead),
        "gone": _rows(account.gone, tuple(account.gone), _gone),
        "requests_total": account.requests_total,
        "turns": account.turns,
        "credits": [
            [name, sorted(credit.items())] for name, credit in sorted(account.credits.items())
        ],
        "missed": [
            [name, sorted(missed.items())] for name, missed in sorted(account.missed.items())
        ],
        "releases": [
            [
                rule_id,
                _micros(release.began_at),
                sorted(release.given.items()),
                release.balance,
            ]
            for rule_id, release in sorted(account.releases.items())
        ],
        "stalled": account.stalled,
        "given": [
            [manager_id, list(given.items())] for manager_id, given in sorted(account.given.items())
        ],
        "last_turns": sorted(account.last_turns.items()),
        "waiting": [
            [rule_id, [_row(request) for request in queue.values()]]
            for rule_id, queue in sorted(account.waiting.items())
        ],
        "preparing": [
            [_row(each.request), each.revision, each.parts, _micros(each.until)]
            for each in account.preparing.values()
        ],
        "reserved": [
            [
                manager_id,
                [
                    [_row(each.request), _micros(each.since), _micros(each.back_at)]
                    for each in reserved.values()
                ],
            ]
            for manager_id, reserved in sorted(account.reserved.items())
        ],
        "linking": [
            [*astuple(each)[:-1], _micros(each.at)] for _, each in sorted(account.linking.items())
        ],
        "orders": [
            [order_id, order.request_id, order.lead_id, list(order.handovers.values())]
            for order_id, order in sorted(account.orders.items())
        ],
        "opened": [_row(request) for _, request in sorted(account.opened.items())],
        "pauses": [
            [manager_id, pause.by_administrator, _micros(pause.until)]
            for manager_id, pause in sorted(account.pauses.items())
        ],
        "timers": _rows(account.timers, sorted(account.timers), _timer),
        "lookups": [[lead_id, _micros(at)] for lead_id, at in sorted(account.lookups.items())],
        "offers": _rows(account.offers, sorted(account.offers), _offer),
    }
    return _encoded(state)


def load(state: bytes) -> Account:
    """The account as it was; loads and compiled rules are derived from the rest."""
    data = json.loads(state)
    account = Account(
        account_id=data["account_id"],
        version=data["version"],
        now=_instant(data["now"]),
        connected_at=_instant_or_none(data["connected_at"]),
        timezone=data["timezone"],
        active_user_ids=_ids(data["active_user_ids"]),
        refused_user_ids=tuple(data["refused_user_ids"]),
        rules_data=data["rules_data"],
        revision=data["revision"],
        leads={row[0]: _load_lead(row[1:]) for row in data["leads"]},
        gone={
            lead_id: Gone(
                stage_at=_instant_or_none(stage_at),
                is_deleted=is_deleted,
                at=_instant(at),
                asked=tuple(Stage(*pair) for pair in asked),
                stage=stage and Stage(*stage),
            )
            for lead_id, stage_at, is_deleted, at, asked, stage in data["gone"]
        },
        requests_total=data["requests_total"],
        turns=data["turns"],
        credits={name: dict(map(tuple, pairs)) for name, pairs in data["credits"]},
        missed={name: dict(map(tuple, pairs)) for name, pairs in data["missed"]},
        releases={
            rule_id: Release(_instant(began_at), dict(map(tuple, given)), balance)
            for rule_id, began_at, given, balance in data["releases"]
        },
        stalled=tuple(data["stalled"]),
        given={manager_id: dict(map(tuple, pairs)) for manager_id, pairs in data["given"]},
        last_turns=dict(map(tuple, data["last_turns"])),
        waiting={
            rule_id: {row[0]: _load_request(row) for row in rows}
            for rule_id, rows in data["waiting"]
        },
        opened={row[0]: _load_request(row) for row in data["opened"]},
        preparing={
            row[0]: Preparing(
                request=_load_request(row),
                revision=revision,
                parts=tuple(parts),
                until=_instant(until),
            )
            for row, revision, parts, until in data["preparing"]
        },
        reserved={
            manager_id: {
                row[0]: Reserved(
                    request=_load_request(row), since=_instant(since), back_at=_instant(back_at)
                )
                for row, since, back_at in rows
            }
            for manager_id, rows in data["reserved"]
        },
        linking={row[0]: _load_linking(row) for row in data["linking"]},
        orders={
            order_id: Order(
                request_id=request_id,
                lead_id=lead_id,
                handovers={(row[0], row[1]): Handover(*row) for row in rows},
            )
            for order_id, request_id, lead_id, rows in data["orders"]
        },
        pauses={
            manager_id: Pause(by_administrator=by_administrator, until=_instant_or_none(until))
            for manager_id, by_administrator, until in data["pauses"]
        },
        timers={
            timer_id: Timer(generation=generation, due_at=_instant_or_none(due_at))
            for timer_id, generation, due_at in data["timers"]
        },
        lookups={lead_id: _instant(at) for lead_id, at in data["lookups"]},
        offers={row[0]: _load_offer(row[1:]) for row in data["offers"]},
    )
    account.loads = _count(account.leads)
    account.changing = {
        thing: order_id for order_id, order in account.orders.items() for thing in order.handovers
    }
    account.compile()
    return account


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
    opening = "["
    while some := list(islice(rows, ROWS_PER_PART)):
        yield (opening + _json(some)[1:-1]).encode()
        opening = ","
    yield b"[]" if opening == "[" else b"]"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _rows(held: Mapping[Any, Any], keys: Iterable[Any], row: Callable[[Any], list[Any]]) -> _Rows:
    """A row for each key in turn, of the values as they are now."""
    values = dict(held)
    return ([key, *row(values[key])] for key in keys)


def _count(leads: Mapping[int, Lead]) -> Loads:
    loads = Loads()
    for lead in leads.values():
        loads.move(stage=None, owner_id=None, to=lead.stage, to_id=lead.owner_id)
    return loads


def _lead(lead: Lead) -> list[Any]:
    wanted = lead.wanted
    return [
        lead.stage,
        lead.responsible_id,
        _micros(lead.stage_at),
        _micros(lead.responsible_at),
        _micros(lead.doubtful_until),
        lead.request_id,
        lead.asked,
        wanted
        and [
            wanted.request_id,
            wanted.attempt,
            wanted.manager_id,
            wanted.rule_id,
            wanted.ledger,
            wanted.movements,
            wanted.previous_id,
            _micros(wanted.decided_at),
            _micros(wanted.requested_at),
            wanted.missed,
            wanted.counts_for_caps,
        ],
        lead.superseded_ids,
        lead.is_told_gone,
    ]


def _gone(gone: Gone) -> list[Any]:
    return [_micros(gone.stage_at), gone.is_deleted, _micros(gone.at), gone.asked, gone.stage]


def _timer(timer: Timer) -> list[Any]:
    return [timer.generation, _micros(timer.due_at)]


def _load_lead(row: list[Any]) -> Lead:
    (
        stage,
        responsible_id,
        stage_at,
        responsible_at,
        doubtful_until,
        request_id,
        asked,
        wanted,
        superseded_ids,
        is_told_gone,
    ) = row
    return Lead(
        stage=Stage(*stage),
        responsible_id=responsible_id,
        stage_at=_instant_or_none(stage_at),
        responsible_at=_instant_or_none(responsible_at),
        doubtful_until=_instant_or_none(doubtful_until),
        request_id=request_id,
        asked=tuple(Stage(*pair) for pair in asked),
        wanted=wanted
        and Wanted(
            request_id=wanted[0],
            attempt=wanted[1],
            manager_id=wanted[2],
            rule_id=wanted[3],
            ledger=wanted[4],
            movements=tuple((manager_id, units) for manager_id, units in wanted[5]),
            previous_id=wanted[6],
            decided_at=_instant(wanted[7]),
            requested_at=_instant(wanted[8]),
            missed=tuple((manager_id, units) for manager_id, units in wanted[9]),
            counts_for_caps=wanted[10],
        ),
        superseded_ids=tuple(superseded_ids),
        is_told_gone=is_told_gone,
    )


def _load_linking(row: list[Any]) -> LinkedRequested:
    order_id, request_id, lead_id, manager_id, objects, only_for, at = row
    return LinkedRequested(
        order_id=order_id,
        request_id=request_id,
        lead_id=lead_id,
        manager_id=manager_id,
        objects=tuple(objects),
        only_for=tuple(only_for),
        at=_instant(at),
    )


def _row(request: Request) -> list[Any]:
    return [
        _micros(request.opened_at) if name == "opened_at" else getattr(request, name)
        for name in _REQUEST
    ]


def _load_request(row: list[Any]) -> Request:
    values = dict(zip(_REQUEST, row, strict=True))
    values["stage"] = Stage(*values["stage"])
    values["opened_at"] = _instant(values["opened_at"])
    values["tried"] = tuple(values["tried"])
    values["responsibles"] = tuple(Responsible(*each) for each in values["responsibles"])
    return Request(**values)


def _offer(offer: Offer) -> list[Any]:
    return [
        offer.request_id,
        offer.attempt,
        offer.rule_id,
        offer.manager_id,
        offer.ledger,
        offer.charged_units,
        _micros(offer.offered_at),
        _micros(offer.held_at),
        _micros(offer.written_at),
        offer.tried,
        _micros(offer.decide_at),
    ]


def _load_offer(row: list[Any]) -> Offer:
    return Offer(
        request_id=row[0],
        attempt=row[1],
        rule_id=row[2],
        manager_id=row[3],
        ledger=row[4],
        charged_units=row[5],
        offered_at=_instant(row[6]),
        held_at=_instant_or_none(row[7]),
        written_at=_instant_or_none(row[8]),
        tried=tuple(row[9]),
        decide_at=_instant_or_none(row[10]),
    )


def _ids(ids: list[int] | None) -> tuple[int, ...] | None:
    return None if ids is None else tuple(ids)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else (at - EPOCH) // _MICROSECOND


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _instant_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else _instant(micros)
