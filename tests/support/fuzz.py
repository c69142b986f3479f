"""Whatever the document of the API allows and forbids, tried on a real server by schemathesis.

What is excused, and why:

- `min_version` is left out: 503 `behind` is the answer to a version that is yet to come.
- 431 is added to what may come back, and is a refusal: an address of over 16 KiB is refused before
  any route.
- That all valid data is accepted is not asked: some fields exclude each other, or have to name what
  is there, which no schema says.
- The feed is left out: a stream without an end hangs the fuzzer (schemathesis #3633).
"""

import asyncio
import json
import sys
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEFT_OUT = frozenset({"follow_feed"})
EXCUSED = frozenset({"min_version", "account_id"})
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
ENDS_WITHIN_S = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """How it went.

    Attributes:
        said: What was printed, with each failure.
    """

    status: int
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzForm:
    """How much is tried.

    Attributes:
        examples: So many cases of each operation.
        phases: Of schemathesis.
        is_repeatable: Whether they are the same cases each time.
    """

    examples: int
    phases: str
    is_repeatable: bool


def tried(document: dict[str, Any], account_id: int) -> dict[str, Any]:
    """The document without what is excused, of one account: of others there is nothing but 404."""
    found = deepcopy(document)
    found["paths"] = {
        path.replace("{account_id}", str(account_id)): place
        for path, place in found["paths"].items()
    }
    for place in found["paths"].values():
        for method in [each for each in place if place[each].get("operationId") in LEFT_OUT]:
            del place[method]
        for operation in place.values():
            operation["responses"]["431"] = {"description": "The head is too large."}
            operation["parameters"] = [
                each for each in operation.get("parameters", []) if each["name"] not in EXCUSED
            ]
    return found


async def fuzzed(
    document: dict[str, Any],
    form: FuzzForm,
    *,
    account_id: int,
    address: str,
    key: str,
    where: Path,
) -> Fuzzed:
    """Try a document.

    Args:
        document: Which.
        form: How much of it.
        account_id: Where.
        address: Of the server.
        key: Of whoever asks.
        where: A folder for files.
    """
    file = where / "openapi.json"
    file.write_text(json.dumps(tried(document, account_id)))
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "schemathesis",
        "run",
        file,
        f"--url={address}",
        f"--header=Authorization: Bearer {key}",
        f"--max-examples={form.examples}",
        f"--checks={','.join(CHECKS)}",
        f"--phases={form.phases}",
        "--no-color",
        "--warnings=off",
        *(["--generation-deterministic"] if form.is_repeatable else []),
        cwd=where,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None, "it has ended"
    return Fuzzed(status=process.returncode, said=said.decode(errors="replace"))
