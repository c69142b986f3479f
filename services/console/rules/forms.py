"""What a posted form makes of the rules: the fields that somebody touched, and nothing else."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from services.console.rules import values
from services.console.rules.fields import FormSection, RuleField, RuleRows
from services.rules_file.file import field_name
from services.rules_file.yaml import Document, Path, descend

# Names of a form to what was sent under them.
Sent = Mapping[str, Sequence[str]]
# A section, and where in the file its fields begin.
Placed = tuple[FormSection, Path]


def steps(path: str) -> Path:
    """`limit.max` as a path."""
    return tuple(path.split(".")) if path else ()


def taken(document: Document, sections: Sequence[Placed], sent: Sent) -> dict[str, Any]:
    """The data of the file with what was typed."""
    wanted: dict[str, Any] = deepcopy(document.data)
    for section, base in sections:
        for part in section.parts:
            path = (*base, *steps(part.path))
            if isinstance(part, RuleRows):
                _take_rows(document, wanted, part, path, sent)
            else:
                _take(document, wanted, part, path, sent)
    return wanted


def without(data: Mapping[str, Any], sections: Sequence[Placed], name: str) -> dict[str, Any]:
    """The data without one entry of a list that the sections have, such as `participants[1]`."""
    wanted: dict[str, Any] = deepcopy(dict(data))
    for section, base in sections:
        for part in section.parts:
            path = (*base, *steps(part.path))
            entries = descend(wanted, path) if isinstance(part, RuleRows) else None
            for number in range(len(entries) if isinstance(entries, list) else 0):
                if entries is not None and field_name((*path, number)) == name:
                    del entries[number]
                    if not entries:
                        put(wanted, path, None)
                    return wanted
    return wanted


def put(data: dict[str, Any], path: Path, value: Any) -> None:  # noqa: ANN401 - any data
    """Set what is at a path, or take it out with what is empty without it.

    Entries of lists stay, so that none of the others moves up unseen.
    """
    *above, last = path
    parents: list[Any] = [data]
    for step in above:
        inner = _inside(parents[-1], step)
        if inner is None and value is None:
            return
        if inner is None:
            inner = parents[-1][step] = {}
        parents.append(inner)
    if value is not None:
        parents[-1][last] = value
        return
    parents[-1].pop(last, None)
    for step, parent, inner in zip(above[::-1], parents[-2::-1], parents[:0:-1], strict=True):
        if inner or not isinstance(step, str) or not isinstance(parent, dict):
            return
        del parent[step]


def _inside(parent: Any, step: str | int) -> Any:  # noqa: ANN401 - any data
    """What holds more; None where there is nothing, or a value where a section is to be."""
    found = descend(parent, (step,))
    return found if isinstance(found, dict | list) else None


def _take(
    document: Document, wanted: dict[str, Any], field: RuleField, path: Path, sent: Sent
) -> None:
    name = field_name(path)
    if name not in sent:
        return
    before, now = values.shown(field, document, path), values.typed(field, sent[name])
    if not values.is_untouched(field, before, now):
        put(wanted, path, values.meant(field, before, now))


def _take_rows(
    document: Document, wanted: dict[str, Any], rows: RuleRows, path: Path, sent: Sent
) -> None:
    entries = document.at(path)
    count = len(entries) if isinstance(entries, list) else 0
    for number in range(count):
        for field in rows.columns:
            if field.path:
                _take(document, wanted, field, (*path, number, *steps(field.path)), sent)
            else:
                _take_entry(document, wanted, field, (*path, number), sent)
    added = _added(document, rows, (*path, count), sent)
    if added is not None:
        if count == 0:
            put(wanted, path, [])
        descend(wanted, path).append(added)


def _take_entry(
    document: Document, wanted: dict[str, Any], field: RuleField, path: Path, sent: Sent
) -> None:
    """An entry that is one value."""
    name = field_name(path)
    before, now = values.shown(field, document, path), values.typed(field, sent.get(name, ()))
    if name in sent and now and not values.is_untouched(field, before, now):
        descend(wanted, path[:-1])[path[-1]] = values.meant(field, before, now)


def _added(document: Document, rows: RuleRows, path: Path, sent: Sent) -> Any:  # noqa: ANN401 - an entry
    """What was typed into the empty entry below the others; None for nothing."""
    entry: dict[str, Any] = {}
    for field in rows.columns:
        at = (*path, *steps(field.path))
        name = field_name(at)
        if name not in sent:
            continue
        before, now = values.shown(field, document, at), values.typed(field, sent[name])
        if values.is_untouched(field, before, now):
            continue
        said = values.meant(field, before, now)
        if not field.path:
            return said
        if said is not None:
            put(entry, steps(field.path), said)
    return entry or None
