"""Known ways to break the engine, each with the tests that must notice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One piece of source, which must be there exactly once, and what stands there instead."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken engine.

    Attributes:
        tests: What pytest is told to run; at least one of them must fail.
        is_quick: Whether the tests need no server: part of the short form.
    """

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]
    is_quick: bool = False


REPORT, NEWS = "domain/leads/report.py", "domain/leads/news.py"
ENDING, SERVING = "domain/requests/ending.py", "domain/requests/serving.py"
INITIAL = "services/storage/migrations/0001_initial.sql"
STORE_POSITION = """    INSERT INTO positions AS held (consumer, source, position)
    VALUES (consumer_, source_, position_)
    ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position
    WHERE held.position < excluded.position;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'position % of % is recorded already', position_, source_
            USING ERRCODE = 'FL001';
    END IF;
"""
POSITION_AFTERWARDS = """                    [letter.size for letter in dead],
                )
            async with borrow(self.pool) as connection:
                await connection.execute(
                    "INSERT INTO positions VALUES ($1, $2, $3) ON CONFLICT (consumer, source)"
                    " DO UPDATE SET position = excluded.position",
                    consumer, source, position,
                )
"""

MUTANTS = (
    Mutant(
        "accept a stale webhook",
        (Edit(REPORT, "    if is_before(report.at, lead.stage_at):\n", "    if False:\n"),),
        (
            "tests/domain/test_histories.py::test_F28_every_order_of_six_hooks_ends_in_the_same_state",
        ),
        is_quick=True,
    ),
    Mutant(
        "drop a refund",
        (Edit(ENDING, "movements=negated(wanted.movements)", "movements=()"),),
        ("tests/services/history/test_check.py", "tests/domain/requests/test_requests.py"),
        is_quick=True,
    ),
    Mutant(
        "refund a lapse",
        (
            Edit(
                "domain/redistribution/clocks.py",
                "    step.record(\n        LeadLapsed(",
                "    from contracts.events import CreditMoved\n"
                "    step.record(CreditMoved(ledger=offer.ledger, movements=((offer.manager_id,"
                ' offer.charged_units),), reason="refunded", by="", note="", at=step.now))\n'
                "    step.record(\n        LeadLapsed(",
            ),
        ),
        ("tests/domain/redistribution/test_redistribution.py", "tests/golden/test_golden.py"),
    ),
    Mutant(
        "let a repeated command take effect again",
        (
            Edit(
                "domain/commands/repeats.py",
                "    if taken is not None and is_kept(taken, step.now):\n",
                "    if False:\n",
            ),
        ),
        ("tests/domain/commands/test_repeats.py",),
        is_quick=True,
    ),
    Mutant(
        "put rules in force whatever revision they were made for",
        (
            Edit(
                "domain/commands/rules.py",
                "    if base is not None and base != account.revision:\n",
                "    if False:\n",
            ),
        ),
        ("tests/domain/commands/test_repeats.py",),
        is_quick=True,
    ),
    Mutant(
        "lose the remainder of a share",
        (
            Edit(
                "domain/choosing/fair_share.py",
                "in by_remainder[:missing]:",
                "in by_remainder[:0]:",
            ),
        ),
        ("tests/domain/choosing/test_standings.py", "tests/golden/test_golden.py"),
    ),
    Mutant(
        "let the limit be one too high",
        (
            Edit(
                "domain/choosing/standings.py",
                "open_leads >= limit",
                "open_leads > limit",
            ),
        ),
        ("tests/domain/requests/test_requests.py", "tests/services/history/test_check.py"),
    ),
    Mutant(
        "let a newer request overtake",
        (
            Edit(
                SERVING,
                "    if not is_held_up or",
                "    if True or",
            ),
        ),
        ("tests/domain/requests/test_requests.py", "tests/services/history/test_check.py"),
        is_quick=True,
    ),
    Mutant(
        "forget the echo",
        (
            Edit(
                NEWS,
                "    if wanted is not None and reported == wanted.manager_id:\n",
                "    if False:\n",
            ),
        ),
        ("tests/domain/test_histories.py",),
    ),
    Mutant(
        "take participants in the order of the file",
        (
            Edit(
                "domain/configuration.py",
                "participants=tuple(sorted(participants, key=lambda p: (p.tier, p.manager_id))),",
                "participants=tuple(participants),",
            ),
        ),
        ("tests/domain/choosing/test_standings.py",),
    ),
    Mutant(
        "skip the check of the version",
        (
            Edit(
                INITIAL,
                "        IF NOT FOUND OR part.last - part.first + 1 <> part.events THEN\n",
                "        IF false THEN\n",
            ),
        ),
        ("tests/services/storage/test_events.py",),
    ),
    Mutant(
        "store the position outside the transaction",
        (
            Edit(INITIAL, STORE_POSITION, ""),
            Edit(
                "services/storage/events.py",
                "                    [letter.size for letter in dead],\n                )\n",
                POSITION_AFTERWARDS,
            ),
        ),
        ("tests/services/storage/test_events.py", "tests/services/allocator/test_crash.py"),
    ),
    Mutant(
        "decide what another writer has recorded",
        (
            Edit(
                "services/allocator/run.py",
                "        if record.position <= self._recorded[source]:\n",
                "        if False:\n",
            ),
        ),
        ("tests/services/allocator/test_crash.py",),
    ),
    Mutant(
        "send again without reading",
        (
            Edit(
                "services/gateway/board.py",
                "        return now >= self.sure_until\n",
                "        return False\n",
            ),
        ),
        ("tests/services/gateway/test_pusher.py",),
    ),
    Mutant(
        "write on the word of a webhook",
        (
            Edit(
                "services/gateway/judgement.py",
                "    if wanted.is_told and not _is_borne_out(wanted, lead):\n",
                "    if False:\n",
            ),
        ),
        ("tests/services/gateway/test_told.py",),
    ),
    Mutant(
        "distribute a lead again that never left",
        (
            Edit(
                NEWS,
                "    return report.stage == told.before and not told.has_waited\n",
                "    return False\n",
            ),
        ),
        ("tests/domain/leads/test_told.py",),
    ),
    Mutant(
        "answer before it is durable",
        (
            Edit(
                "services/ingress/endpoint.py",
                "            await submission.durable()\n",
                "            asyncio.ensure_future(submission.durable())\n",
            ),
        ),
        ("tests/services/ingress/test_durability.py",),
    ),
    Mutant(
        "empty the spool before the log has it",
        (
            Edit(
                "services/ingress/detour.py",
                "        await self._deliver(head)\n",
                "        await self.queue.remove(head)\n        await self._deliver(head)\n",
            ),
        ),
        ("tests/services/ingress/test_detour.py",),
    ),
    Mutant(
        "commit rows without their position",
        (
            Edit(
                "services/projector/advance.py",
                "        await _project(connection, projection, account_id, fresh)\n",
                "    async with connection.transaction():\n"
                "        await connection.fetchval(SEARCH_PATH, schema)\n"
                "        await _project(connection, projection, account_id, fresh)\n"
                "    async with connection.transaction():\n",
            ),
        ),
        ("tests/services/projector/test_projector.py",),
    ),
    Mutant(
        "trust the group's offset of Kafka",
        (
            Edit(
                "services/log/kafka_reader.py",
                "        self._client.seek(place, 0)\n",
                "        pass\n",
            ),
            Edit(
                "services/log/kafka_reader.py",
                "                client.seek(place, position)\n",
                "                pass\n",
            ),
        ),
        ("tests/services/log/test_kafka.py::test_F22_our_positions_win_over_those_of_the_group",),
    ),
)
