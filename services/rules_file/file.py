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
from functools import lru_cache
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from contracts.rules import RulesFile
from contracts.sentences import Argument, Sentence, sentence
from contracts.stage import Stage
from domain.configuration import problems as cross_problems
from services.rules_file.fields import field_at, is_for, listed, suggestion, told
from services.rules_file.yaml import (
    Document,
    Path,
    descend,
    has,
    laid_out,
    read,
    with_dates,
    write,
)
from services.shared.docstrings import described
from services.shared.errors import Malformed

PROBLEMS_MAX = 50
JUDGED_KEPT_MAX = 16

# A field, and what is wrong there.
Flawed = tuple[Path, Sentence]

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


@dataclass(frozen=True, slots=True)
class Problem:
    """Something an administrator has to mend.

    Attributes:
        line: From 1, as in an editor.
        column: From 1.
        field: Like `rules[0].participants[2].coefficient`; empty for the file itself.
        found: What is expected and what is there.
    """

    line: int
    column: int
    field: str
    found: Sentence

    def __str__(self) -> str:
        where = f"line {self.line}, {self.field}" if self.field else f"line {self.line}"
        return f"{where}: {self.found.id}"


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
        known_users: Every user of the account, those who left included, and their name; None to
            believe the file.

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
    judged = judge(text, known_stages=known_stages, known_users=known_users)
    return judged.rules, judged.problems


@dataclass(frozen=True, slots=True)
class Judged:
    """What reading a file came to.

    Attributes:
        rules: The rules if each field can be used by itself, else None.
        problems: The first 50 in line order.
        usable: The rules with what cannot be used left out or filled in; None if too little is
            left.
        wrong: The fields with problems, and what contains them, is not to be believed in `usable`.
    """

    document: Document
    rules: RulesFile | None
    problems: list[Problem]
    usable: RulesFile | None
    wrong: tuple[Path, ...]


def judge(
    text: str | bytes,
    *,
    known_stages: Mapping[Stage, str] | None = None,
    known_users: Mapping[int, str] | None = None,
) -> Judged:
    """Read a file, with all that is wrong with it; see `load`."""
    return _judged(read(text), known_stages or {}, known_users or {})


def _judged(
    document: Document, known_stages: Mapping[Stage, str], known_users: Mapping[int, str]
) -> Judged:
    found: list[Flawed] = []
    rules, usable = None, None
    if not document.flaws or document.data is not None:
        data = _fitted(document.data, (), document.spellings)
        rules, found = _validated(data)
        usable = rules or _mended(data, found)
        if usable is not None:
            found += [p for p in _cross_problems(usable, document) if not _follows(p, found)]
            usable = _mended(data, found) if found else usable
        found += _unknown_in_account(document, known_stages, known_users)
    problems = [Problem(*flaw.place, field_name(flaw.path), flaw.found) for flaw in document.flaws]
    problems += [
        Problem(*document.place(path), field_name(path), problem) for path, problem in found
    ]
    if usable is not None and (document.flaws or any(cross_problems(usable))):
        usable = None
    wrong = tuple(path for path, _ in found)
    once = sorted(dict.fromkeys(problems), key=lambda p: (p.line, p.column, p.field))
    return Judged(document, rules, once[:PROBLEMS_MAX], usable, wrong)


def dump(rules: RulesFile | Mapping[str, Any]) -> str:
    """The rules as YAML that loads to the same rules; defaults and comments are left out.

    Args:
        rules: The rules, or their JSON data as an event carries it.
    """
    return write(_said(rules))


def judge_in_force(
    rules: Mapping[str, Any],
    *,
    known_stages: Mapping[Stage, str] | None = None,
    known_users: Mapping[int, str] | None = None,
) -> Judged:
    """What judging the `dump` of rules in force finds, but for lines, and many times faster.

    It is kept for whoever asks next; nobody may change it.
    """
    return _judge_in_force(
        orjson.dumps(rules), tuple((known_stages or {}).items()), tuple((known_users or {}).items())
    )


@lru_cache(JUDGED_KEPT_MAX)
def _judge_in_force(
    rules: bytes, stages: tuple[tuple[Stage, str], ...], users: tuple[tuple[int, str], ...]
) -> Judged:
    document = laid_out(_said(orjson.loads(rules)))
    return _judged(document, dict(stages), dict(users))


def _said(rules: RulesFile | Mapping[str, Any]) -> dict[str, Any]:
    """Without defaults."""
    file = (
        rules
        if isinstance(rules, RulesFile)
        else RulesFile.model_validate(_fitted(with_dates(rules), (), {}))
    )
    return file.model_dump(by_alias=True, exclude_defaults=True)


def json_schema() -> str:
    """The JSON Schema of the file for editors, as it is checked in."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RulesFile.model_json_schema(by_alias=True, schema_generator=_Described),
        "title": "Fairlead rules file",
    }
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


class _Described(GenerateJsonSchema):
    """Gives every field what the docstring of its section says of it, for editors to show."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """A section with its own words, and its fields with theirs."""
        section: type[BaseModel] = schema["cls"]
        written = super().model_schema(schema)
        written["description"], meanings = described(section.__doc__ or "")
        for name, field in section.model_fields.items():
            written["properties"][field.alias or name]["description"] = meanings[name]
        return written


def field_name(path: Path) -> str:
    """`("rules", 0, "id")` as `rules[0].id`."""
    name = ""
    for step in path:
        name += f"[{step}]" if isinstance(step, int) else f".{step}"
    return name.removeprefix(".")


def _validated(data: Any) -> tuple[RulesFile | None, list[Flawed]]:  # noqa: ANN401  # any YAML
    try:
        return RulesFile.model_validate(data), []
    except ValidationError as error:
        found: dict[Path, Sentence] = {}
        for details in error.errors(include_url=False):
            path = _path_in(data, details["loc"], is_missing=details["type"] == "missing")
            # A date or an instant fails as both; once is enough.
            found.setdefault(path, told(details, path))
        return None, list(found.items())


def _path_in(data: Any, location: Path, *, is_missing: bool) -> Path:  # noqa: ANN401  # any YAML
    """The steps of a location that exist in the data; the others name arms of unions."""
    path: Path = ()
    for step in location:
        if has(data, step):
            data = data[step]
            path = (*path, step)
    return (*path, location[-1]) if is_missing else path


def _fitted(data: Any, path: Path, spellings: Mapping[Path, str]) -> Any:  # noqa: ANN401  # any YAML
    """The data with scalars as their field takes them: a name may look like a number.

    A text stays as it was written: a tag `0800` is not the tag `800`. Elsewhere `true` stays no
    number and no text, so that `limit: true` is not a limit of 1.
    """
    match data:
        case dict():
            return {key: _fitted(value, (*path, key), spellings) for key, value in data.items()}
        case list():
            return [_fitted(value, (*path, n), spellings) for n, value in enumerate(data)]
        case bool() if is_for(field_at(path), bool):
            return data
        case bool():
            return spellings.get(path, str(data).lower())
        case int() | Decimal() | date() if is_for(field_at(path), str):
            return spellings.get(path, str(data))
    return data


def _mended(data: Any, found: list[Flawed]) -> RulesFile | None:  # noqa: ANN401  # any YAML
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


def _follows(problem: Flawed, earlier: list[Flawed]) -> bool:
    """Whether a problem may only be there because a field in or above it could not be used."""
    path = problem[0]
    return any(path[: len(e)] == e or e[: len(path)] == path for e, _ in earlier)


def _cross_problems(rules: RulesFile, document: Document) -> Iterator[Flawed]:
    for path, problem in cross_problems(rules):
        if problem.id == "problem.schedule_unknown":
            given = str(document.at(path))
            schedules = document.at(("schedules",)) or {}
            if given not in schedules:
                hint = suggestion(given, schedules)
                yield path, sentence("problem.schedule_unknown", given=given, hint=hint)
        else:
            yield path, problem


def _unknown_in_account(
    document: Document, stages: Mapping[Stage, str], users: Mapping[int, str]
) -> Iterator[Flawed]:
    """What the account does not have; looked for in the data, whatever else is wrong there.

    What it has is told with the first of a kind: the same list at each line hides the lines.
    """
    named: set[Argument] = set()
    for path in document.values:
        match path:
            case (*_, "stages", int()) if stages:
                missing = _unknown_stage(document, path, stages)
            case (*_, "manager" | "fallback" | "instead_of") | (
                *_,
                "among" | "keep_for",
                int(),
            ) if users:
                missing = _unknown_user(document, path, users)
            case _:
                continue
        if missing is not None:
            field, problem, known = missing
            if known in named:
                yield field, problem
            else:
                yield field, sentence("problem.and_known", problem=problem, known=known)
            named.add(known)


def _unknown_user(
    document: Document, path: Path, users: Mapping[int, str]
) -> tuple[Path, Sentence, Argument] | None:
    user_id = _id(document.at(path))
    if user_id is None or user_id in users:
        return None
    return path, sentence("problem.user_unknown", user=user_id), listed(_named(users))


def _unknown_stage(
    document: Document, path: Path, stages: Mapping[Stage, str]
) -> tuple[Path, Sentence, Argument] | None:
    """The field that names none, what is wrong there, and what there is."""
    pipeline_id = _id(document.at((*path, "pipeline")))
    status_id = _id(document.at((*path, "stage")))
    if pipeline_id is None or status_id is None or (pipeline_id, status_id) in stages:
        return None
    in_pipeline = {s.status_id: name for s, name in stages.items() if s.pipeline_id == pipeline_id}
    if in_pipeline:
        unknown = sentence("problem.stage_unknown", pipeline=pipeline_id, stage=status_id)
        return (*path, "stage"), unknown, listed(_named(in_pipeline))
    pipelines = [str(i) for i in sorted({stage.pipeline_id for stage in stages})]
    unknown = sentence("problem.pipeline_unknown", pipeline=pipeline_id)
    return (*path, "pipeline"), unknown, listed(pipelines)


def _id(value: object) -> int | None:
    """An id as the models read it, a quoted one included."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _named(names: Mapping[int, str]) -> list[str]:
    return [f"{number} {name}" if name else str(number) for number, name in sorted(names.items())]
