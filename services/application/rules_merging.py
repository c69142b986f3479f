"""Rules that two people changed at a time: what each did, and both in one text.

Rules and people are found by their names, wherever they stand in a list.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from services.application.differing import DataChange, differences
from services.rules_file.amending import same
from services.rules_file.file import check, dump
from services.rules_file.yaml import read

# By what entries of a list are told apart, if each has another one.
NAMES = ("id", "manager")
ORDER = "order"
Steps = tuple[str, ...]


class _ByName(dict[str, Any]):
    """A list whose entries have names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Something that at least one of two people changed.

    Attributes:
        path: Rules and people by name: `rules.site.participants.501.limit`.
        base: What both began with; None for nothing.
        is_conflict: Both changed it, and not to the same.
    """

    path: str
    base: Any
    theirs: Any
    mine: Any
    is_conflict: bool

    @property
    def is_theirs(self) -> bool:
        """Whether it is theirs alone."""
        return same(self.mine, self.base)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[DataChange]:
    """What rules have otherwise than others; a rule that only moved is told as one change."""
    return list(differences("", _named(before), _named(after)))


def forks(base: str, theirs: str, mine: str) -> list[Fork]:
    """What was changed on either side; texts without problems, or as they are."""
    sides = [_named(_settled(text)) for text in (base, theirs, mine)]
    return list(_forks((), *sides))


def joined(mine: str, found: Iterable[Fork], *, theirs_at: Sequence[str]) -> Mapping[str, Any]:
    """The data of my text with what they changed.

    Args:
        mine: My text.
        found: All forks.
        theirs_at: Where both changed something: the paths at which theirs is to hold.
    """
    data = _named(read(mine).data)
    for fork in found:
        if fork.is_theirs or (fork.is_conflict and fork.path in theirs_at):
            _put(data, tuple(fork.path.split(".")), fork.theirs)
    listed: Mapping[str, Any] = _listed(data)
    return listed


def _settled(text: str) -> Any:  # noqa: ANN401 - any data
    """The data without what holds anyhow, so that both sides say it alike."""
    rules, problems = check(text)
    return read(text if rules is None or problems else dump(rules)).data


def _forks(path: Steps, base: Any, theirs: Any, mine: Any) -> Iterator[Fork]:  # noqa: ANN401
    if same(theirs, mine):
        return
    if isinstance(theirs, dict) and isinstance(mine, dict):
        known = base if isinstance(base, dict) else {}
        for key in dict.fromkeys((*mine, *theirs)):
            yield from _forks((*path, key), known.get(key), theirs.get(key), mine.get(key))
        return
    is_conflict = not same(theirs, base) and not same(mine, base)
    yield Fork(path=".".join(path), base=base, theirs=theirs, mine=mine, is_conflict=is_conflict)


def _named(data: Any, step: str = "") -> Any:  # noqa: ANN401 - any data
    """Lists of things with names as those things by name; the order of rules beside them."""
    if isinstance(data, Mapping):
        found = {str(key): _named(value, str(key)) for key, value in data.items()}
        if not step and isinstance(found.get("rules"), _ByName):
            found[ORDER] = list(found["rules"])
        return found
    if not isinstance(data, list) or not data:
        return data
    for name in NAMES:
        names = [str(each[name]) for each in data if isinstance(each, dict) and name in each]
        if len(set(names)) == len(data):
            pairs = zip(names, data, strict=True)
            return _ByName((key, _named(each, key)) for key, each in pairs)
    return data


def _listed(data: Any) -> Any:  # noqa: ANN401 - any data
    """The opposite of `_named`."""
    if not isinstance(data, dict):
        return data
    if isinstance(data, _ByName):
        return [_listed(each) for each in data.values()]
    plain = dict(data)
    order = plain.pop(ORDER, None)
    rules = plain.get("rules")
    if isinstance(order, list) and isinstance(rules, dict):
        places = [*(each for each in order if each in rules)]
        places += [each for each in rules if each not in order]
        plain["rules"] = _ByName((each, rules[each]) for each in places)
    return {key: _listed(each) for key, each in plain.items()}


def _put(data: Any, path: Steps, value: Any) -> None:  # noqa: ANN401 - any data
    *above, last = path
    for step in above:
        if not isinstance(data.get(step), dict):
            data[step] = {}
        data = data[step]
    if value is None:
        data.pop(last, None)
    else:
        data[last] = deepcopy(value)
