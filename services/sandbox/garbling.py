"""Answers with elements that make no sense, whichever list they are in."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Message

from services.sandbox.knobs import Knobs

# Of each kind of thing, what it means nothing without.
_ESSENTIAL = ("responsible_user_id", "created_at", "rights", "name", "updated_at", "entity_id")


def garbled(answer: list[Message], knobs: Knobs) -> list[Message]:
    """The answer, with nulls where the knobs want them."""
    if not knobs.garbled_ids and not knobs.blank_ids:
        return answer
    try:
        document = orjson.loads(b"".join(each.get("body", b"") for each in answer[1:]))
    except orjson.JSONDecodeError:
        return answer
    for name, elements in _lists(document).items():
        is_alone = len(elements) == 1
        document["_embedded"][name] = [_shown(each, knobs, is_alone=is_alone) for each in elements]
    if isinstance(document, dict) and "id" in document:
        document = _shown(document, knobs, is_alone=True)
    body = orjson.dumps(document)
    start = {**answer[0], "headers": _with_length(answer[0]["headers"], len(body))}
    return [start, {"type": "http.response.body", "body": body}]


def _lists(document: object) -> dict[str, list[Any]]:
    embedded = document.get("_embedded") if isinstance(document, dict) else None
    found = embedded.items() if isinstance(embedded, dict) else ()
    return {name: value for name, value in found if isinstance(value, list)}


def _shown(element: Any, knobs: Knobs, *, is_alone: bool) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(element, Mapping) or (is_alone and knobs.alone_is_whole):
        return element
    # An event's id is a text, and a test knows its lead.
    ids = (element.get("id"), element.get("entity_id"))
    if any(each in knobs.blank_ids for each in ids):
        return dict.fromkeys(element)
    if any(each in knobs.garbled_ids for each in ids):
        return {**element, **{name: None for name in _ESSENTIAL if name in element}}
    return element


def _with_length(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return [*kept, (b"content-length", str(length).encode())]
