"""Records the golden histories of the present version anew; never those of a released one.

python -m tests.golden.record
"""

import json
import re
import sys
import tomllib
from pathlib import Path

from contracts.events import Recorded
from contracts.inbound import Inbound
from domain import snapshot
from domain.decide import decide
from domain.requests.assign import POLICY_VERSIONS
from domain.state import Account
from services.shared.codec import encode_event, encode_inbound
from tests.golden.replay import FOLDER
from tests.golden.stories import STORIES

ROOT = Path(__file__).parents[2]


class Released(Exception):
    """The files of this version are history."""


def record(messages: list[Inbound], version: str) -> list[str]:
    """The lines of a file."""
    account = Account(messages[0].account_id)
    head = {
        "release": version,
        "policy_versions": dict(POLICY_VERSIONS),
        "account_id": account.account_id,
    }
    lines = [json.dumps(head)]
    for message in messages:
        lines.append(json.dumps({"message": json.loads(encode_inbound(message))}))
        first = account.version + 1
        for number, event in enumerate(decide(account, message), first):
            name, state = encode_event(
                Recorded(
                    account_id=account.account_id,
                    version=number,
                    cause=message.message_id,
                    event=event,
                )
            )
            line = {"version": number, "name": name, "event": json.loads(state)}
            lines.append(json.dumps(line))
    expected = {
        "revision": snapshot.REVISION,
        "digest": snapshot.digest(account).hex(),
        "state": json.loads(snapshot.dump(account)),
    }
    return [*lines, json.dumps(expected)]


def write(version: str, changelog: str, folder: Path = FOLDER) -> list[Path]:
    """Write every story of the version.

    Raises:
        Released: The changelog tells that the version is out; nothing was written.
    """
    if re.search(rf"^## \[?{re.escape(version)}\b", changelog, re.MULTILINE):
        raise Released(f"{version} is released, its files are never edited: raise the version")
    target = folder / version
    target.mkdir(exist_ok=True)
    written = []
    for name, tell in STORIES.items():
        path = target / f"{name}.jsonl"
        path.write_text("\n".join(record(tell(), version)) + "\n", encoding="utf-8")
        written.append(path)
    return written


def main() -> int:
    """Record, and say what."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    try:
        written = write(version, (ROOT / "CHANGELOG.md").read_text())
    except Released as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201
        return 1
    for path in written:
        print(path.relative_to(ROOT))  # noqa: T201 - its output is the answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
