"""Commands that are repeated under a key, and rules that were made for another revision (A5)."""

import asyncio
import re
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest
import typer

from contracts.events import CreditMoved, HandoverOrdered
from services.application.commands import Answer, Once, OutcomeUnknown, operation_id_of
from services.application.principal import Principal
from services.cli.opening import AccountDesk, complete
from services.words.catalogue import Words
from tests.services.cli.conftest import Here, Said, own_logging, process
from tests.services.cli.test_orders import CARLA, given_to_carla

UNDER_WAY = "The same was asked for a moment ago and is not answered yet."
BEFORE = "This was ordered before under the same key; here is what it came to.\n"


def happened(here: Here, kind: type) -> int:
    """How many such events the account has."""

    async def count() -> int:
        found, after = 0, 0
        async with here.system.opened() as installation:
            while page := await installation.events.stream(here.system.account_id, after):
                found += sum(isinstance(recorded.event, kind) for recorded in page)
                after = page[-1].version
        return found

    found: int = here.do(count())
    return found


def in_force(here: Here) -> tuple[int, str]:
    """Revision and text of the rules in force."""
    text = here.say("rules", "show").out
    found = re.match(r"# Revision (\d+), ", text)
    assert found is not None, text
    return int(found[1]), text


def changed(here: Here, read_within_s: int) -> Path:
    """The rules in force with one number changed."""
    _, text = in_force(here)
    text = re.sub(r"^read_within_s: .*\n", "", text, flags=re.MULTILINE)
    text = text.replace("version: 1\n", f"version: 1\nread_within_s: {read_within_s}\n")
    return here.file(f"within-{read_within_s}.yaml", text)


def test_I3_a_correction_under_one_key_moves_credit_once(here: Here) -> None:
    before = happened(here, CreditMoved)
    words = ("correct", 501, "1.5", "--reason", "sick", "--key", "correction-1")
    first, again = here.say(*words), here.say(*words)

    assert (first.status, first.err) == (0, "")
    assert (again.status, again.out, again.err) == (0, first.out, BEFORE)
    assert happened(here, CreditMoved) == before + 1


def test_I3_many_at_once_under_one_key_are_one(here: Here) -> None:
    before = happened(here, CreditMoved)
    words = ("correct", 502, "1", "--reason", "sick", "--key", "correction-2")

    async def several() -> list[Said]:
        return await asyncio.gather(
            *(asyncio.to_thread(process, here.data, *words) for _ in range(3))
        )

    said = here.do(several())

    done = [each for each in said if each.status == 0]
    assert len({each.out for each in done}) == 1, said
    assert all(UNDER_WAY in each.err for each in said if each.status), said
    assert here.say(*words).out == done[0].out
    assert happened(here, CreditMoved) == before + 1


def test_a_key_that_was_used_for_something_else_is_refused(here: Here) -> None:
    here.say("correct", 501, "1", "--reason", "one", "--key", "taken")
    before = happened(here, CreditMoved)

    for words in (
        ("correct", 501, "2", "--reason", "one"),
        ("correct", 501, "1", "--reason", "two"),
        ("pause", 501),
    ):
        said = here.say(*words, "--key", "taken")
        assert said.error.startswith("--key: This key was used for something else."), words
    assert happened(here, CreditMoved) == before


def test_what_is_no_key_is_named(here: Here) -> None:
    for key in ("two words", "k" * 256, "schlüssel"):
        assert here.say("resume", 501, "--key", key).error == (
            "--key: Expected a key of 1 to 255 letters, digits and signs, without spaces."
        )


def test_I3_what_was_refused_is_refused_again_in_the_same_words(here: Here) -> None:
    words = ("correct", 9999, "1", "--reason", "who", "--key", "nobody")

    assert here.say(*words).error == here.say(*words).error == "user 9999 takes part in no rule."


def test_I3_a_handover_that_is_repeated_is_not_planned_again(here: Here) -> None:
    """She has no leads by now: planned again, there would be nothing to hand over."""
    given_to_carla(here, 2)
    before = happened(here, HandoverOrdered)
    words = ("handover", CARLA, "--yes", "--key", "handover-1")
    first, again = here.say(*words), here.say(*words)
    here.say("resume", CARLA)

    assert "Done.\n" in first.out
    assert (again.status, again.err) == (0, BEFORE)
    assert " gets " in again.out
    assert happened(here, HandoverOrdered) == before + 1
    assert here.say("handover", CARLA, "--yes").error == "Carla Mendes has no open leads here."


def test_rules_made_for_another_revision_are_refused_with_what_to_do(here: Here) -> None:
    revision, _ = in_force(here)
    mine, theirs = changed(here, 46), changed(here, 47)
    assert here.say("rules", "apply", theirs, "--base", revision).status == 0
    now, _ = in_force(here)
    assert now == revision + 1

    said = here.say("rules", "apply", mine, "--base", revision)

    assert said.error == (
        f"--base: These rules were made for revision {revision}, and revision {now} is in force by"
        " now. Look at what changed, put both together, and apply the result.\n"
        "See: fairlead rules show"
    )
    assert in_force(here)[0] == now


def test_I3_old_rules_do_not_come_back_by_a_late_repeat(here: Here) -> None:
    old, newer = changed(here, 48), changed(here, 49)
    first = here.say("rules", "apply", old, "--key", "rules-1")
    replaced = here.say("rules", "apply", newer)
    revision, _ = in_force(here)

    again = here.say("rules", "apply", old, "--key", "rules-1")

    assert first.status == 0
    assert f"It replaces revision {revision - 1}, applied by cli:" in replaced.err
    assert (again.status, again.out, again.err) == (0, first.out, BEFORE)
    assert in_force(here)[0] == revision


def test_where_an_operation_stands_is_told(here: Here) -> None:
    here.say("correct", 501, "1", "--reason", "one", "--key", "asked")
    here.say("correct", 9999, "1", "--reason", "one", "--key", "asked-in-vain")

    def operation(key: str) -> str:
        principal = Principal(id=f"cli:{getuser()}", scopes=frozenset())
        return operation_id_of(here.system.account_id, principal, Once(key=key))

    decided = here.say("operation", operation("asked")).out
    refused = here.say("operation", operation("asked-in-vain")).out
    assert decided.startswith(f"Ordered by cli:{getuser()} on ")
    assert "It is decided, in version " in decided
    assert "It was refused: user 9999 takes part in no rule." in refused
    assert here.say("operation", operation("never")).error == (
        f"There is no operation {operation('never')}, or it is more than a week old."
    )


def test_F11_an_unknown_outcome_tells_how_to_repeat_it(capsys: pytest.CaptureFixture[str]) -> None:
    async def lose_the_log() -> None:
        raise OutcomeUnknown("k1", "the log is away")

    with own_logging(), pytest.raises(typer.Exit):
        complete(lose_the_log())

    assert capsys.readouterr().err == (
        "error: The database or the log went away in the middle: this may have taken effect, or may"
        " yet. Repeat it under the same key, and it takes effect once.\n"
        "Repeat it with: --key k1\n"
    )


def test_what_is_late_names_its_operation(capsys: pytest.CaptureFixture[str]) -> None:
    nothing: Any = None
    desk = AccountDesk(nothing, nothing, Words(), nothing)

    with pytest.raises(typer.Exit):
        desk.has_effect(Answer(effect="late", operation_id="op-1"))

    assert capsys.readouterr().err.endswith("See: fairlead operation op-1, fairlead doctor\n")
