"""Whether a document only grew since another one: what clients rely on is still so (A10).

What they send may be asked for less, what they get may have more. Of what they send nothing may be
removed, narrowed, or newly required; of what they get nothing may be removed, or become something
else. New values of what they get are no break: clients accept them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Data = Mapping[str, Any]
# in: what clients send; out: what they get.
Way = Literal["in", "out"]
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
DEPTH_MAX = 40


def breaks(before: Data, after: Data) -> list[str]:
    """Everything that clients of the earlier document would notice, each with its place."""
    return [*_paths(before, after)]


def _paths(before: Data, after: Data) -> Iterator[str]:
    for path, methods in before["paths"].items():
        for method, old in methods.items():
            where = f"{method.upper()} {path}"
            new = after["paths"].get(path, {}).get(method)
            if new is None:
                yield f"{where}: removed"
                continue
            if old.get("operationId") != new.get("operationId"):
                names = [each.get("operationId") for each in (old, new)]
                yield f"{where}: operationId {names[0]} became {names[1]}"
            sides = _Sides(before, after)
            yield from sides.parameters(where, old, new)
            yield from sides.body(where, old, new)
            yield from sides.responses(where, old, new)


class _Sides:
    """Two documents, in which references are followed."""

    def __init__(self, before: Data, after: Data) -> None:
        self._before, self._after = before, after

    def parameters(self, where: str, old: Data, new: Data) -> Iterator[str]:
        """Of the path, the query, the headers."""
        known = {(each["in"], each["name"]): each for each in old.get("parameters", ())}
        present = {(each["in"], each["name"]): each for each in new.get("parameters", ())}
        for key, parameter in known.items():
            place = f"{where}: {'.'.join(key)}"
            if key not in present:
                yield f"{place}: removed"
                continue
            other = present[key]
            if other.get("required") and not parameter.get("required"):
                yield f"{place}: newly required"
            yield from self.schema(place, parameter["schema"], other["schema"], "in")
        for key, parameter in present.items():
            if key not in known and parameter.get("required"):
                yield f"{where}: {'.'.join(key)}: new, and required"

    def body(self, where: str, old: Data, new: Data) -> Iterator[str]:
        """Of the request."""
        known, present = old.get("requestBody"), new.get("requestBody")
        if present and present.get("required") and not (known and known.get("required")):
            yield f"{where}: body: newly required"
        if known is None:
            return
        if present is None:
            yield f"{where}: body: removed"
            return
        yield from self._content(f"{where}: body", known, present, "in")

    def responses(self, where: str, old: Data, new: Data) -> Iterator[str]:
        """What is answered when all is well; problems are told apart by their code."""
        for status, response in old["responses"].items():
            if not status.startswith("2"):
                continue
            other = new["responses"].get(status)
            place = f"{where}: {status}"
            if other is None:
                yield f"{place}: removed"
                continue
            known, present = _followed(self._before, response), _followed(self._after, other)
            for name in known.get("headers", {}):
                if name not in present.get("headers", {}):
                    yield f"{place}: header {name}: removed"
            yield from self._content(place, known, present, "out")

    def schema(self, where: str, old: Data, new: Data, way: Way, depth: int = 0) -> Iterator[str]:
        """Of a value."""
        if depth > DEPTH_MAX:  # a schema that has itself inside
            return
        old, new = _followed(self._before, old), _followed(self._after, new)
        yield from _types(where, old, new, way)
        if way == "in":
            yield from _bounds(where, old, new)
        yield from self._fields(where, old, new, way, depth)
        if "items" in old and "items" in new:
            yield from self.schema(f"{where}[]", old["items"], new["items"], way, depth + 1)

    def _fields(self, where: str, old: Data, new: Data, way: Way, depth: int) -> Iterator[str]:
        known, present = old.get("properties", {}), new.get("properties", {})
        for name, field in known.items():
            place = f"{where}/{name}"
            if name not in present:
                yield f"{place}: removed"
                continue
            was, is_ = (name in each.get("required", ()) for each in (old, new))
            if way == "in" and is_ and not was:
                yield f"{place}: newly required"
            if way == "out" and was and not is_:
                yield f"{place}: no longer always there"
            yield from self.schema(place, field, present[name], way, depth + 1)
        if way == "in":
            for name in present:
                if name not in known and name in new.get("required", ()):
                    yield f"{where}/{name}: new, and required"

    def _content(self, where: str, old: Data, new: Data, way: Way) -> Iterator[str]:
        for form, media in old.get("content", {}).items():
            other = new.get("content", {}).get(form)
            if other is None:
                yield f"{where}: {form}: removed"
            elif "schema" in media and "schema" in other:
                yield from self.schema(where, media["schema"], other["schema"], way)


def _followed(document: Data, found: Data) -> Data:
    while "$ref" in found:
        place: Any = document
        for step in found["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        found = place
    options = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
    if len(options) == 1:  # one thing or null: the thing, which may be null
        kinds = {**_followed(document, options[0])}
        return {**kinds, "type": [*_kinds(kinds), "null"]}
    return found


def _kinds(schema: Data) -> list[str]:
    """Its types; empty for one that has several forms, or any."""
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _types(where: str, old: Data, new: Data, way: Way) -> Iterator[str]:
    known, present = _kinds(old), _kinds(new)
    if way == "out":
        added = [each for each in present if known and each not in known]
        if added or (known and not present):
            yield f"{where}: may be {', '.join(added) or 'anything'} now"
    else:
        gone = [each for each in known if present and each not in present]
        if gone or (present and not known):
            yield f"{where}: may be {', '.join(present)} only"
    if way == "in" and "enum" in new:
        lost = [each for each in old.get("enum", ()) if each not in new["enum"]]
        if lost or "enum" not in old:
            yield f"{where}: narrowed to {', '.join(map(str, new['enum']))}"
    if way == "out" and "enum" in old and "enum" not in new:
        yield f"{where}: no longer one of some values"
    if old.get("format") != new.get("format"):
        yield f"{where}: format {old.get('format')} became {new.get('format')}"


def _bounds(where: str, old: Data, new: Data) -> Iterator[str]:
    for name in UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield f"{where}: {name} {old.get(name, 'none')} became {new[name]}"
    for name in LOWER:
        if name in new and new[name] > old.get(name, 0):
            yield f"{where}: {name} {old.get(name, 'none')} became {new[name]}"
    if new.get("pattern") not in (None, old.get("pattern")):
        yield f"{where}: pattern {old.get('pattern')} became {new['pattern']}"
