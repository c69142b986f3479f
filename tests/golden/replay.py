"""Replays golden histories: the same decisions and the same state as when they were recorded.

    python -m tests.golden.replay [FOLDER ...]

Prints a line for each file; ends with 1 if one differs. Needs nothing but the program itself, so
that it runs on any Python the program runs on. A file is JSON lines: a head, then each message
and after it the events that answered it, at last the expected state and its digest.

Decisions are taken again as long as the policy versions of the code are the recorded ones; a
deliberate change raises one of `POLICY_VERSIONS`, and old files then prove that their recorded
standings still give their recorded winners. The state is compared as long as the recorded shape of
a state can be read.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.events import AllocationEvent, LeadAssigned, Recorded
from contracts.inbound import Inbound
from domain import snapshot
from domain.decide import decide
from domain.evolve import evolve
from domain.explain.reproduced import is_reproduced
from domain.requests.assign import POLICY_VERSIONS
from domain.state import Account
from services.shared.codec import decode_event, decode_inbound

FOLDER = Path(__file__).parent
SNAPSHOTS_PER_FILE = 8


class Differs(Exception):
    """The code does not do what the file says."""


@dataclass(frozen=True, slots=True)
class Golden:
    """One file, read.

    Attributes:
        steps: Each message with the events that answered it.
    """

    name: str
    head: dict[str, Any]
    steps: tuple[tuple[Inbound, tuple[Recorded, ...]], ...]
    expected: dict[str, Any]


def read(path: Path) -> Golden:
    """A golden file."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    account_id = lines[0]["account_id"]
    steps: list[tuple[Inbound, list[Recorded]]] = []
    for line in lines[1:-1]:
        if "message" in line:
            steps.append((decode_inbound(json.dumps(line["message"]).encode()), []))
        else:
            state = json.dumps(line["event"]).encode()
            steps[-1][1].append(decode_event(account_id, line["version"], line["name"], state))
    name = f"{path.parent.name}/{path.stem}"
    return Golden(name, lines[0], tuple((m, tuple(e)) for m, e in steps), lines[-1])


def replay(golden: Golden) -> str:
    """Replay one file in every way; its digest.

    Raises:
        Differs: The first difference, in words.
    """
    events = [recorded for _, answer in golden.steps for recorded in answer]
    for number, recorded in enumerate(events, start=1):
        if recorded.version != number:
            raise Differs(f"version {recorded.version} stands at place {number}")
        if isinstance(recorded.event, LeadAssigned) and not is_reproduced(recorded.event):
            raise Differs(f"version {number}: its standings give another decision")
    account = Account(golden.head["account_id"])
    states = []
    for recorded in events:
        evolve(account, recorded.event)
        states.append(snapshot.dump(account))
    digest = snapshot.digest(account).hex()
    for place in range(0, len(events), max(1, len(events) // SNAPSHOTS_PER_FILE)):
        restored = snapshot.load(states[place])
        for recorded in events[place + 1 :]:
            evolve(restored, recorded.event)
        if snapshot.digest(restored).hex() != digest:
            raise Differs(f"from the snapshot at version {place + 1} the end is another")
    if golden.head["policy_versions"].items() <= POLICY_VERSIONS.items():
        _decide_again(golden)
    _compare_states(golden.expected, digest)
    return digest


def _compare_states(expected: dict[str, Any], digest: str) -> None:
    if expected["revision"] == snapshot.REVISION:
        recorded = expected["digest"]
    elif expected["revision"] in snapshot.READABLE:  # the same state, in the shape of before
        state = json.dumps(expected["state"]).encode()
        recorded = snapshot.digest(snapshot.load(state, expected["revision"])).hex()
    else:
        return
    if recorded != digest:
        raise Differs(f"the digest is {digest}, recorded was {recorded}")


def _decide_again(golden: Golden) -> None:
    account = Account(golden.head["account_id"])
    for message, answer in golden.steps:
        recorded = tuple(each.event for each in answer)
        decided = decide(account, message)
        if decided != recorded:
            raise Differs(
                f"message {message.message_id}: {_first_difference(decided, recorded)};"
                " a deliberate change raises a version in"
                " domain.requests.assign.POLICY_VERSIONS, or, while"
                f" {golden.head['release']} is not released, records its files anew:"
                " make golden-record"
            )


def _first_difference(
    decided: tuple[AllocationEvent, ...], recorded: tuple[AllocationEvent, ...]
) -> str:
    for now, then in zip(decided, recorded, strict=False):
        if now != then:
            return f"decided {now}, recorded was {then}"
    return f"decided {len(decided)} events, recorded were {len(recorded)}"


def files(folders: list[str]) -> Iterator[Path]:
    """Every golden file of the folders, of all releases if none is named."""
    roots = [Path(folder) for folder in folders] or [FOLDER]
    return (path for root in roots for path in sorted(root.rglob("*.jsonl")))


def main(folders: list[str]) -> int:
    """Replay and print."""
    found = list(files(folders))
    if not found:
        print(f"no golden files in {', '.join(folders) or FOLDER}", file=sys.stderr)  # noqa: T201
        return 1
    differing = 0
    for path in found:
        golden = read(path)
        events = sum(len(answer) for _, answer in golden.steps)
        try:
            digest = replay(golden)
        except Differs as difference:
            differing += 1
            print(f"{golden.name}: DIFFERS: {difference}")  # noqa: T201 - its output is the answer
        else:
            print(f"{golden.name}: {events} events, {digest}")  # noqa: T201
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
