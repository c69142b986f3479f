"""The rules file from YAML: loaded, judged as a whole, and written back.

Every problem names its line and field, says what is expected, and shows what is there; all of
them come at once, in the order of the file, because nobody likes to mend one error per try.
Reading takes about a second per 100 KB: call it outside of an event loop.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
from pydantic import ValidationError

from contracts.rules import RulesFile
from contracts.stage import Stage
from domain.configuration import problems as cross_problems
from services.errors import Malformed
from services.rules_words import field_at, is_for, listed, suggestion, words_for
from services.rules_yaml import Document, Path, descend, has, read, with_dates, write

PROBLEMS_MAX = 50

# Valid values of the fields that must be there, to judge the rest of a file that lacks one.
STAND_INS: dict[str, Any] = {
    "version": 1,
    "rules": [],
    "id": "stand-in",
    "stages": [{"pipeline": 1, "stage": 1}],
    "pipeline": 1,
    "stage": 1,
    "manager": 1,
    "max": 1,
    "from": date(2000, 1, 1),
    "to": date(2000, 1, 2),
    "on": date(2000, 1, 1),
    "anchor": date(2000, 1, 1),
    "pattern": "1/1",
}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something an administrator has to mend.

    Attributes:
        line: From 1, as in an editor.
        column: From 1.
        field: Like `rules[0].participants[2].coefficient`; empty for the file itself.
        message: What is expected and what is there.
    """

    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.field}" if self.field else f"line {self.line}"
        return f"{where}: {self.message}"


class UnusableRules(Malformed):
    """The rules file cannot be applied; `problems` says why, at most 50 of them in line order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def load(
    text: str | bytes,
    *,
    known_stages: Mapping[Stage, str] | None = None,
    known_users: Mapping[int, str] | None = None,
) -> RulesFile:
    """The rules in a file that has no problems.

    Args:
        text: YAML or JSON.
        known_stages: Every stage of the account and its name; None to believe the file.
        known_users: Every active user of the account and his name; None to believe the file.

    Raises:
        UnusableRules: There are problems.
    """
    rules, problems = check(text, known_stages=known_stages, known_users=known_users)
    if rules is None or problems:
        raise UnusableRules(problems)
    return rules


def check(
    text: str | bytes,
    *,
    known_stages: Mapping[Stage, str] | None = None,
    known_users: Mapping[int, str] | None = None,
) -> tuple[RulesFile | None, list[Problem]]:
    """The rules, and what is wrong with them; see `load`.

    Returns:
        The rules if each field can be used by itself, else None; and the first 50 problems in
        line order. Only without problems can the rules be applied.
    """
    document = read(text)
    found: list[tuple[Path, str]] = []
    rules: RulesFile | None = None
    if not document.flaws or document.data is not None:
        data = _fitted(document.data, ())
        rules, found = _validated(data)
        judged = rules or _mended(data, found)
        if judged is not None:
            found += [p for p in _cross_problems(judged, document) if not _follows(p, found)]
        found += _unknown_in_account(document, known_stages or {}, known_users or {})
    problems = [
        Problem(*flaw.place, field_name(flaw.path), flaw.message) for flaw in document.flaws
    ]
    for path, message in found:
        problems.append(Problem(*document.place(path), field_name(path), message))
    return rules, sorted(set(problems))[:PROBLEMS_MAX]


def dump(rules: RulesFile | Mapping[str, Any]) -> str:
    """The rules as YAML that loads to the same rules; defaults and comments are left out.

    Args:
        rules: The rules, or their JSON data as an event carries it.
    """
    file = (
        rules
        if isinstance(rules, RulesFile)
        else RulesFile.model_validate(_fitted(with_dates(rules), ()))
    )
    return write(file.model_dump(by_alias=True, exclude_defaults=True))


def json_schema() -> str:
    """The JSON Schema of the file for editors, as it is checked in."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RulesFile.model_json_schema(by_alias=True),
        "title": "Fairlead rules file",
    }
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def field_name(path: Path) -> str:
    """`("rules", 0, "id")` as `rules[0].id`."""
    name = ""
    for step in path:
        name += f"[{step}]" if isinstance(step, int) else f".{step}"
    return name.removeprefix(".")


def _validated(data: Any) -> tuple[RulesFile | None, list[tuple[Path, str]]]:  # noqa: ANN401  # any YAML
    try:
        return RulesFile.model_validate(data), []
    except ValidationError as error:
        found: dict[Path, str] = {}
        for details in error.errors(include_url=False):
            path = _path_in(data, details["loc"], is_missing=details["type"] == "missing")
            # A date or an instant fails as both; once is enough.
            found.setdefault(path, words_for(details, path))
        return None, list(found.items())


def _path_in(data: Any, location: Path, *, is_missing: bool) -> Path:  # noqa: ANN401  # any YAML
    """The part of a location that exists in the data; the rest names arms of unions."""
    path: Path = ()
    for step in location:
        if not has(data, step):
            return (*path, step) if is_missing else path
        data = data[step]
        path = (*path, step)
    return path


def _fitted(data: Any, path: Path) -> Any:  # noqa: ANN401  # any YAML
    """The data with scalars as their field takes them: a name may look like a number.

    Elsewhere `true` stays no number and no text, so that `limit: true` is not a limit of 1.
    """
    match data:
        case dict():
            return {key: _fitted(value, (*path, key)) for key, value in data.items()}
        case list():
            return [_fitted(value, (*path, number)) for number, value in enumerate(data)]
        case bool():
            return data if is_for(field_at(path), bool) else str(data).lower()
        case int() | Decimal() | date() if is_for(field_at(path), str):
            return str(data)
    return data


def _mended(data: Any, found: list[tuple[Path, str]]) -> RulesFile | None:  # noqa: ANN401  # any YAML
    """The rules with what cannot be used left out or filled in, so that the rest can be judged.

    What is said about a field that was touched here, or around it, is not believed: `_follows`.
    """
    if not isinstance(data, dict):
        return None
    mended = deepcopy(data)
    for path, _ in found:
        # Whole values of names are replaced: without one entry of a list others would move up.
        while path and isinstance(path[-1], int):
            path = path[:-1]  # noqa: PLW2901  # shortened on purpose
        if not path:
            return None
        parent = descend(mended, path[:-1])
        if isinstance(parent, dict):
            parent.pop(str(path[-1]), None)
            if path[-1] in STAND_INS and field_at(path) is not None:
                parent[str(path[-1])] = STAND_INS[str(path[-1])]
    return _validated(mended)[0]


def _follows(problem: tuple[Path, str], earlier: list[tuple[Path, str]]) -> bool:
    """Whether a problem may only be there because a field in or above it could not be used."""
    path = problem[0]
    return any(path[: len(e)] == e or e[: len(path)] == path for e, _ in earlier)


def _cross_problems(rules: RulesFile, document: Document) -> Iterator[tuple[Path, str]]:
    for path, message in cross_problems(rules):
        if path and path[-1] in {"schedule", "default_schedule"} and "unknown schedule" in message:
            given = str(document.at(path))
            schedules = document.at(("schedules",)) or {}
            if given not in schedules:
                hint = suggestion(given, schedules)
                yield path, f"unknown schedule {given!r}{hint}"
        else:
            yield path, message


def _unknown_in_account(
    document: Document, stages: Mapping[Stage, str], users: Mapping[int, str]
) -> Iterator[tuple[Path, str]]:
    """What the account does not have; looked for in the data, whatever else is wrong there."""
    for path in document.values:
        match path:
            case (*_, "stages", int()) if stages:
                yield from _unknown_stage(document, path, stages)
            case (*_, "manager" | "fallback") | (*_, "among" | "keep_for", int()) if users:
                user_id = _id(document.at(path))
                if user_id is not None and user_id not in users:
                    known = listed(_named(users))
                    yield path, f"the account has no active user {user_id} (known: {known})"


def _unknown_stage(
    document: Document, path: Path, stages: Mapping[Stage, str]
) -> Iterator[tuple[Path, str]]:
    pipeline_id = _id(document.at((*path, "pipeline")))
    status_id = _id(document.at((*path, "stage")))
    if pipeline_id is None or status_id is None or (pipeline_id, status_id) in stages:
        return
    in_pipeline = {s.status_id: name for s, name in stages.items() if s.pipeline_id == pipeline_id}
    if in_pipeline:
        known = listed(_named(in_pipeline))
        message = f"pipeline {pipeline_id} has no stage {status_id} (known: {known})"
        yield (*path, "stage"), message
    else:
        pipelines = listed(str(i) for i in sorted({stage.pipeline_id for stage in stages}))
        message = f"the account has no pipeline {pipeline_id} (known: {pipelines})"
        yield (*path, "pipeline"), message


def _id(value: object) -> int | None:
    """An id as the models read it, a quoted one included."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _named(names: Mapping[int, str]) -> Iterator[str]:
    for number, name in sorted(names.items()):
        yield f"{number} {name}" if name else str(number)
