"""The same in each kind of lead that a ledger tells apart (D3.9): what events do, and who is off.

A kind that new rules do not name is forgotten, as the engine forgets it: rows are of the rules in
force.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from contracts.events import LEAD, LeadKind, Recorded, RulesApplied
from contracts.rules import RulesFile
from domain.kinds import OTHER, compile_kinds
from projections import Connection
from projections.fairness.books import Running, Share, movement_of

DEVIATION_IN_KIND_MAX_UNITS = 4 * LEAD  # of an alert (D3.9)

TABLES = """
CREATE TABLE kind_shares (
    account_id bigint NOT NULL,
    ledger text NOT NULL,
    what text NOT NULL,
    kind bigint NOT NULL,
    manager_id bigint NOT NULL,
    assigned bigint NOT NULL CHECK (assigned >= 0),
    share_units bigint NOT NULL,
    credit_units bigint NOT NULL,
    deviation_units_max bigint NOT NULL,
    last_version bigint NOT NULL,
    PRIMARY KEY (account_id, ledger, what, kind, manager_id)
) WITH (fillfactor = 85);
"""
_COLUMNS = """ledger, what, kind, manager_id, assigned, share_units, credit_units,
    deviation_units_max, last_version"""
KNOWN = f"""
SELECT {_COLUMNS} FROM kind_shares
WHERE account_id = $1 AND (ledger, what, kind, manager_id)
    IN (SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]))
"""  # noqa: S608 - a constant of ours
STORE = f"""
INSERT INTO kind_shares (account_id, {_COLUMNS})
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
ON CONFLICT (account_id, ledger, what, kind, manager_id) DO UPDATE SET
    assigned = excluded.assigned, share_units = excluded.share_units,
    credit_units = excluded.credit_units, deviation_units_max = excluded.deviation_units_max,
    last_version = excluded.last_version
"""  # noqa: S608 - a constant of ours
# A kept row without a kind stands for all kinds of a dimension that has no list of them.
FORGET = """
DELETE FROM kind_shares WHERE account_id = $1 AND NOT EXISTS (
    SELECT FROM unnest($2::text[], $3::text[], $4::bigint[]) AS kept (ledger, what, kind)
    WHERE kept.ledger = kind_shares.ledger AND kept.what = kind_shares.what
        AND coalesce(kept.kind, kind_shares.kind) = kind_shares.kind
)
"""
OF_LEDGER = f"""
SELECT {_COLUMNS} FROM fairness.kind_shares
WHERE account_id = $1 AND ledger = $2 AND ($3::bigint IS NULL OR manager_id = $3)
ORDER BY what, kind, manager_id
"""  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class KindShare(Share):
    """One manager in one kind of a ledger."""

    what: str
    kind: int


class KindKey(NamedTuple):
    """Which manager, in which kind of which ledger."""

    ledger: str
    what: str
    kind: int
    manager_id: int


class Kept(NamedTuple):
    """A kind that rules name; None for every kind of the dimension."""

    ledger: str
    what: str
    kind: int | None


def segments(
    events: Sequence[Recorded],
) -> Iterator[tuple[RulesApplied | None, list[Recorded]]]:
    """The events in runs under the same rules, each with the rules that it begins with."""
    for is_rules, run in groupby(events, lambda each: isinstance(each.event, RulesApplied)):
        if is_rules:
            for each in run:
                assert isinstance(each.event, RulesApplied)  # noqa: S101 - grouped so
                yield each.event, []
        else:
            yield None, list(run)


def kept_by(rules: RulesApplied) -> list[Kept]:
    """The kinds that the rules name."""
    if not rules.rules.get("ledgers"):  # as all rules were before there were kinds
        return []
    ledgers = compile_kinds(RulesFile.model_validate(rules.rules).ledgers)
    return [
        Kept(ledger, each.what, number)
        for ledger, dimensions in ledgers.items()
        for each in dimensions
        for number in ((OTHER, *each.numbers) if each.numbers is not None else (None,))
    ]


def is_kept(key: KindKey, kept: Iterable[Kept]) -> bool:
    """Whether rules name the kind of a row."""
    names = {Kept(key.ledger, key.what, kind) for kind in (key.kind, None)}
    return any(each in names for each in kept)


def kinds_concerned(events: Iterable[Recorded]) -> list[KindKey]:
    """The rows that the events touch, ascending."""
    return sorted(
        {
            KindKey(movement.ledger, *kind, posting.manager_id)
            for recorded in events
            if (movement := movement_of(recorded)) is not None
            for kind, postings in movement.in_kinds
            for posting in postings
        }
    )


def changes_in_kind(
    known: Mapping[KindKey, KindShare], events: Iterable[Recorded]
) -> list[KindShare]:
    """The rows after the events, of a run under the same rules, in order of their keys."""
    running: dict[KindKey, Running] = {}
    for recorded in events:
        movement = movement_of(recorded)
        for kind, postings in movement.in_kinds if movement is not None else ():
            for posting in postings:
                key = KindKey(movement.ledger, *kind, posting.manager_id)  # type: ignore[union-attr]
                if key not in running:
                    running[key] = Running.of(known.get(key))
                running[key].post(posting, recorded.version)
    return [
        KindShare(
            ledger=key.ledger,
            manager_id=key.manager_id,
            what=key.what,
            kind=key.kind,
            **running[key].values(),
        )
        for key in sorted(running)
    ]


def kinds_after(
    known: Mapping[KindKey, KindShare], events: Sequence[Recorded]
) -> dict[KindKey, KindShare]:
    """All rows after the events, whatever rules came among them."""
    rows = dict(known)
    for rules, run in segments(events):
        if rules is not None:
            kept = kept_by(rules)
            rows = {key: share for key, share in rows.items() if is_kept(key, kept)}
        rows.update({key_of(share): share for share in changes_in_kind(rows, run)})
    return rows


async def project_kinds(
    connection: Connection, account_id: int, events: Sequence[Recorded]
) -> None:
    """Apply the next events of an account to the kinds of its ledgers."""
    for rules, run in segments(events):
        if rules is not None:
            kept = kept_by(rules)
            columns = [list(column) for column in zip(*kept, strict=True)] or [[], [], []]
            await connection.execute(FORGET, account_id, *columns)
        elif keys := kinds_concerned(run):
            columns = [list(column) for column in zip(*keys, strict=True)]
            rows = await connection.fetch(KNOWN, account_id, *columns)
            shares = [KindShare(**row) for row in rows]
            stored = changes_in_kind({key_of(share): share for share in shares}, run)
            await connection.execute(STORE, account_id, *_columns(stored))


def key_of(share: KindShare) -> KindKey:
    """Where the row is."""
    return KindKey(share.ledger, share.what, share.kind, share.manager_id)


async def of_kinds(
    connection: Connection, account_id: int, *, ledger: str, manager_id: int | None = None
) -> list[KindShare]:
    """Everybody, or one manager, in each kind of a ledger, by kind and manager."""
    rows = await connection.fetch(OF_LEDGER, account_id, ledger, manager_id)
    return [KindShare(**row) for row in rows]


def lead_kinds(whats: Iterable[str], kinds: Iterable[int]) -> tuple[LeadKind, ...]:
    """The kinds of the lead of a movement, as they lie in its row."""
    return tuple(LeadKind(what, kind) for what, kind in zip(whats, kinds, strict=True))


def _columns(shares: Sequence[KindShare]) -> list[list[str] | list[int]]:
    return [
        [share.ledger for share in shares],
        [share.what for share in shares],
        [share.kind for share in shares],
        [share.manager_id for share in shares],
        [share.assigned for share in shares],
        [share.share_units for share in shares],
        [share.credit_units for share in shares],
        [share.deviation_units_max for share in shares],
        [share.last_version for share in shares],
    ]
