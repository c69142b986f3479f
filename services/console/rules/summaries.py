"""What a closed section of a rule says, in a sentence, also of rules that have problems yet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.sentences import Argument, Sentence, sentence
from services.console.rules.fields import LINKED
from services.console.rules.forms import steps
from services.rules_file.fields import default_at
from services.rules_file.yaml import Path, descend

NAMED_MAX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleData:
    """A part of the data that may be anything, and how what is in it is called.

    Attributes:
        base: Where the rule is in the data.
        stage: Names a stage by its two ids.
    """

    data: Any
    base: Path
    stage: Callable[[Any, Any], str]

    def at(self, path: str) -> Any:  # noqa: ANN401 - any data
        """What holds there."""
        where = (*self.base, *steps(path))
        found = descend(self.data, where)
        return default_at(where) if found is None else found

    def has(self, path: str) -> bool:
        """Whether something is said there."""
        return descend(self.data, (*self.base, *steps(path))) is not None

    def entries(self, path: str) -> list[Any]:
        """A list, empty where there is none."""
        found = self.at(path)
        return found if isinstance(found, list) else []


def stages(told: RuleData, path: str = "stages") -> list[str]:
    """The stages by name."""
    return [
        told.stage(each.get("pipeline"), each.get("stage"))
        for each in told.entries(path)
        if isinstance(each, dict)
    ]


def where(told: RuleData) -> Iterator[Sentence]:
    """In which stages."""
    names = stages(told)
    if names:
        yield sentence("console.rules.sum.stages", names=_some(names))
    else:
        yield sentence("console.rules.sum.no_stage")


def conditions(told: RuleData) -> Iterator[Sentence]:
    """Which of the leads there."""
    if not told.has("conditions"):
        yield sentence("console.rules.sum.every_lead")
    if told.entries("conditions.tags"):
        yield sentence("console.rules.sum.tags", tags=_some(told.entries("conditions.tags")))
    low, high = told.at("conditions.price.from"), told.at("conditions.price.to")
    if low is not None:
        yield sentence("console.rules.sum.price_from", price=str(low))
    if high is not None:
        yield sentence("console.rules.sum.price_to", price=str(high))
    more = sum(
        len(told.entries(f"conditions.{each}")) for each in ("sources", "fields", "contact_fields")
    )
    if more:
        yield sentence("console.rules.sum.conditions", count=more)


def who(told: RuleData) -> Iterator[Sentence]:
    """Who takes part."""
    if not told.entries("participants"):
        yield sentence("console.rules.sum.everybody")
        return
    yield sentence("console.rules.sum.people", people=_people(told, "participants", "manager"))


def share(told: RuleData) -> Iterator[Sentence]:
    """Who of them gets a lead."""
    policy = told.at("policy")
    if policy in {"fair_share", "least_loaded", "most_available", "fewest_given"}:
        yield sentence(f"console.rules.choice.{policy}")
    if told.at("distribute_by_coefficient") is False:
        yield sentence("console.rules.sum.no_coefficients")
    if told.at("ledger") != "account":
        yield sentence("console.rules.sum.ledger", ledger=str(told.at("ledger")))
    if policy == "fewest_given" and told.at("registry") != "account":
        yield sentence("console.rules.sum.registry", registry=str(told.at("registry")))
    if told.at("catch_up"):
        yield sentence("console.rules.sum.catch_up", leads=str(told.at("catch_up")))


def limits(told: RuleData) -> Iterator[Sentence]:
    """How much each of them gets at most."""
    found = [
        sentence("console.rules.sum.limit", leads=str(told.at("limit.max"))),
        sentence("console.rules.sum.caps_hour", leads=str(told.at("caps.hour"))),
        sentence("console.rules.sum.caps_day", leads=str(told.at("caps.day"))),
        sentence("console.rules.sum.caps_week", leads=str(told.at("caps.week"))),
        sentence("console.rules.sum.caps_month", leads=str(told.at("caps.month"))),
        sentence("console.rules.sum.tasks", tasks=str(told.at("limit_tasks.max"))),
        sentence("console.rules.sum.overdue", tasks=str(told.at("limit_tasks.overdue_max"))),
    ]
    given = [each for each in found if "None" not in each.arguments.values()]
    if not given:
        yield sentence("console.rules.sum.no_limit")
        return
    yield from given
    if told.at("when_full") == "duty":
        yield sentence("console.rules.sum.full_duty", minutes=str(told.at("duty_after_minutes")))
    elif told.at("when_full") == "next_tier":
        yield sentence("console.rules.sum.full_next")


def off_hours(told: RuleData) -> Iterator[Sentence]:
    """What happens while nobody is at work, and who has duty."""
    choice = told.at("off_hours")
    if choice in {"wait", "duty", "reserve_first_starter"}:
        yield sentence(f"console.rules.off.{choice}")
    if told.has("duty"):
        ids = [told.at("duty.manager"), *_ids(told, "duty.rota", "manager")]
        ids.append(told.at("duty.fallback"))
        known = [each for each in ids if isinstance(each, int)]
        yield sentence("console.rules.sum.duty", people=_named(known))
    if told.has("age_limit_minutes"):
        yield sentence("console.rules.sum.age", minutes=str(told.at("age_limit_minutes")))
    if told.has("pace"):
        leads, minutes = str(told.at("pace.leads")), str(told.at("pace.every_minutes"))
        yield sentence("console.rules.sum.pace", leads=leads, minutes=minutes)


def owners(told: RuleData) -> Iterator[Sentence]:
    """Whether a lead goes to whoever it belongs to."""
    known = [each for each in told.entries("owners.sources") if each in _SOURCES]
    if not known:
        yield sentence("console.rules.sum.no_owners")
        return
    names = tuple(sentence(f"console.rules.choice.{each}") for each in known)
    yield sentence("console.rules.sum.owners", sources=names)
    if told.at("owners.others") == "keep":
        yield sentence("console.rules.sum.keep")


def nothing(told: RuleData) -> Iterator[Sentence]:
    """What becomes of a lead that nobody works on."""
    if told.has("redistribution"):
        minutes = str(told.at("redistribution.after_minutes"))
        yield sentence("console.rules.sum.passed_on", minutes=minutes)
    else:
        yield sentence("console.rules.sum.stays")
    if told.has("first_touch_target_minutes"):
        minutes = str(told.at("first_touch_target_minutes"))
        yield sentence("console.rules.sum.target", minutes=minutes)


def shift_end(told: RuleData) -> Iterator[Sentence]:
    """What becomes of leads when somebody goes home."""
    choice = told.at("at_shift_end.hand_over")
    if choice in {"untouched", "all"}:
        yield sentence(f"console.rules.choice.{choice}")
    else:
        yield sentence("console.rules.sum.leads_stay")


def linked(told: RuleData) -> Iterator[Sentence]:
    """What follows a lead."""
    follows = tuple(
        field.title
        for field in LINKED.parts
        if field.path not in {"linked.lead", "linked.only_for"} and told.at(field.path) is True
    )
    if told.at("linked.lead") is False:
        yield sentence("console.rules.sum.lead_stays")
    if follows:
        yield sentence("console.rules.sum.follows", things=follows)
    else:
        yield sentence("console.rules.sum.nothing_follows")


def tell(told: RuleData) -> Iterator[Sentence]:
    """How people are told."""
    found: list[Sentence] = []
    if told.at("tell.note") is True:
        found.append(sentence("console.rules.sum.note"))
    if told.has("tell.task"):
        due = str(told.at("tell.task.due_minutes"))
        found.append(sentence("console.rules.sum.task", minutes=due))
    if told.has("tell.webhook"):
        found.append(sentence("console.rules.sum.webhook", target=str(told.at("tell.webhook"))))
    yield from found or [sentence("console.rules.sum.nobody_told")]


def kinds(told: RuleData) -> Iterator[Sentence]:
    """In which kinds of leads a ledger is fair; the base is the ledger's."""
    words = []
    for each in told.entries("kinds"):
        word = each if isinstance(each, str) else next(iter(each), "") if each else ""
        if word in {"source", "stage", "tags", "price", "field"}:
            words.append(sentence(f"console.rules.kind.{word}"))
    if words:
        yield sentence("console.rules.sum.kinds", kinds=tuple(words))
    else:
        yield sentence("console.rules.sum.no_kinds")


_SOURCES = frozenset({"lead", "contact", "company", "other_lead"})
SUMMARIES: dict[str, Callable[[RuleData], Iterator[Sentence]]] = {
    "where": where,
    "conditions": conditions,
    "who": who,
    "share": share,
    "limits": limits,
    "off_hours": off_hours,
    "owners": owners,
    "nothing": nothing,
    "shift_end": shift_end,
    "linked": linked,
    "tell": tell,
    "kinds": kinds,
}


def _ids(told: RuleData, path: str, name: str) -> list[int]:
    found = [each.get(name) for each in told.entries(path) if isinstance(each, dict)]
    return [each for each in found if isinstance(each, int)]


def _people(told: RuleData, path: str, name: str) -> Argument:
    return _named(_ids(told, path, name))


def _named(ids: Sequence[int]) -> Argument:
    """Names, a few of them."""
    return _cut([sentence("console.rules.sum.person", manager=each) for each in ids])


def _some(texts: Sequence[Any]) -> Argument:
    return _cut([str(each) for each in texts])


def _cut(each: Sequence[Argument]) -> Argument:
    shown, more = tuple(each[:NAMED_MAX]), len(each) - NAMED_MAX
    return (*shown, sentence("console.rules.sum.more", count=more)) if more > 0 else shown
