"""Tags that the API is given: found by name or by id."""

from collections.abc import Mapping
from typing import Any

from services.sandbox.checking import Fault, is_integer, no_choice, wrong_type
from services.sandbox.tagbook import TagBook

Tags = tuple[tuple[int, str], ...]


def with_tags(
    book: TagBook, element: Mapping[str, Any], old: Tags
) -> tuple[dict[str, Tags], list[Fault]]:
    """Replace tags by `_embedded`, or add and delete some; null and an empty list clear.

    Returns:
        The field to set, if tags are spoken of at all, and what is wrong.
    """
    faults: list[Fault] = []
    tags = dict(old)
    embedded = element.get("_embedded")
    if isinstance(embedded, dict) and "tags" in embedded:
        tags = _tags(book, embedded["tags"], "_embedded.tags", faults)
    elif "tags_to_add" in element or "tags_to_delete" in element:
        tags |= _tags(book, element.get("tags_to_add"), "tags_to_add", faults)
        for tag_id in _tags(book, element.get("tags_to_delete"), "tags_to_delete", faults):
            tags.pop(tag_id, None)
    else:
        return {}, []
    return {"tags": tuple(tags.items())}, faults


def _tags(book: TagBook, given: object, path: str, faults: list[Fault]) -> dict[int, str]:
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(tag, dict) for tag in given):
        faults.append(wrong_type(path, "array"))
        return {}
    found: dict[int, str] = {}
    for place, tag in enumerate(given):
        name, tag_id = tag.get("name"), tag.get("id")
        if isinstance(name, str) and name:
            wanted_id = tag_id if is_integer(tag_id) else None
            tag_id = book.named(name, wanted_id)
        elif tag_id not in book.by_id:
            faults.append(no_choice(f"{path}.{place}.id"))
            continue
        found[tag_id] = book.by_id[tag_id]
    return found
