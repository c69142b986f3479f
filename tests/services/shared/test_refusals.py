"""Refusals that were stored as sentences are read as the codes they meant; so are later codes."""

from typing import Any, get_args

import orjson
import pytest

from contracts.events import CommandRefused, Recorded, RefusalCode
from domain.explain.refusals import refusal
from services.shared.codec import decode_event, encode_event
from services.words.catalogue import Words

OLD: list[tuple[str, str, dict[str, Any]]] = [
    (
        "rules.0.stages: Field required (1 problem(s) in all)",
        "rules_unusable",
        {"field": "rules.0.stages", "count": 1},
    ),
    (
        "until: must be in the future, got 2026-10-12T12:00:01+00:00",
        "until_past",
        {"until": "2026-10-12T12:00:01+00:00"},
    ),
    (
        "the rules have switched activity off: nobody is paused (activity.enabled)",
        "activity_off",
        {},
    ),
    (
        "the rules let only administrators pause and resume (activity.managers_may_change)",
        "administrators_only",
        {},
    ),
    ("manager: 77 is not an active user of the account", "not_an_active_user", {"manager": 77}),
    ("an administrator has paused this manager already", "paused_by_administrator", {}),
    ("only an administrator can lift an administrator's pause", "pause_not_yours", {}),
    ("ledger: no rule shares its leads by 'vpi'", "ledger_unknown", {"ledger": "vpi"}),
    ('ledger: no rule shares its leads by "o\'b"', "ledger_unknown", {"ledger": "o'b"}),
    ("manager: 504 takes part in no rule", "in_no_rule", {"manager": 504}),
    (
        "manager: 504 takes part in no rule of ledger 'vip'",
        "not_in_ledger",
        {"manager": 504, "ledger": "vip"},
    ),
    ("leads: must be between -1000 and 1000, and not 0", "correction_out_of_bounds", {}),
    ("nobody else takes part who could bear the correction", "nobody_bears_it", {}),
    (
        "leads: at most 500 in one order, got 501",
        "too_many_leads",
        {"limit": 500, "leads": 501},
    ),
    ("rule: there is no rule 'z' in force", "rule_unknown", {"rule": "z"}),
    (
        "manager: 501 is neither paused nor absent, and would get leads back",
        "still_at_work",
        {"manager": 501},
    ),
    (
        "contact 8 is just being handed over",
        "transfer_under_way",
        {"kind": "contact", "entity": 8},
    ),
    ("lead 1 is just being distributed", "distribution_under_way", {"lead": 1}),
    ("something nobody remembers", "in_words", {"words": "something nobody remembers"}),
]


def stored(**data: Any) -> bytes:
    at = "2026-10-12T12:00:20Z"
    about = {"message_id": "m1", "command": "c", "at": at}
    return orjson.dumps({"v": 1, "cause": "m1", "data": about | data})


def read(state: bytes) -> CommandRefused:
    event = decode_event(1, 1, "command.refused", state).event
    assert isinstance(event, CommandRefused)
    return event


@pytest.mark.parametrize(("words", "code", "arguments"), OLD)
def test_F80_a_refusal_that_was_stored_in_words_is_read_as_its_code(
    words: str, code: str, arguments: dict[str, Any]
) -> None:
    event = read(stored(reason=words))

    assert (event.reason, event.arguments) == (code, arguments)
    assert Words().say(refusal(event))  # with all that its sentence needs


def test_F80_every_code_is_read_from_the_words_it_had() -> None:
    never_in_words = {
        "revision_moved",
        "no_clock_runs",
        "lead_is_anothers",
        "nobody_to_pass_to",
    }
    assert {code for _, code, _ in OLD} == set(get_args(RefusalCode)) - never_in_words


def test_F80_a_refusal_of_a_newer_release_is_read_and_keeps_its_code() -> None:
    event = read(stored(reason="moon_in_the_way", arguments={"moon": 3}))

    assert Words().say(refusal(event)) == "moon_in_the_way"


def test_F80_an_older_release_finds_a_text_where_it_looks_for_the_reason() -> None:
    event = read(stored(reason="ledger: no rule shares its leads by 'vip'"))
    name, state = encode_event(Recorded(account_id=1, version=2, cause="m1", event=event))

    document = orjson.loads(state)
    assert (name, document["v"]) == ("command.refused", 1)
    assert document["data"]["reason"] == "ledger_unknown"
