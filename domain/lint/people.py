"""Rules that no lead can reach, and people whom no rule knows."""

from collections.abc import Collection, Iterator, Sequence

from contracts.rules import RulesFile
from contracts.sentences import Sentence, sentence
from contracts.stage import Stage
from domain.lint.finding import Finding

LISTED_MAX = 12


def reach_findings(file: RulesFile) -> Iterator[Finding]:
    """Rules, and stages of rules, that an earlier rule takes everything from (D1.4)."""
    taken: dict[tuple[int, int], str] = {}
    for number, rule in enumerate(file.rules):
        before = [taken.get(stage.as_stage()) for stage in rule.stages]
        earlier = tuple(dict.fromkeys(name for name in before if name is not None))
        if None not in before:
            yield Finding(
                path=("rules", number, "id"),
                severity="warning",
                found=sentence("lint.rule_unreached", rule=rule.id, earlier=earlier),
                advice=sentence("lint.rule_unreached.advice"),
            )
        else:
            yield from _stage_findings(number, before)
        if rule.conditions is None:  # with some, it leaves the others' leads alone
            for stage in rule.stages:
                taken.setdefault(stage.as_stage(), rule.id)


def incoming_findings(file: RulesFile, incoming: Collection[Stage]) -> Iterator[Finding]:
    """Stages of incoming leads, which Kommo may keep from having a responsible user."""
    for number, rule in enumerate(file.rules):
        for place, stage in enumerate(rule.stages):
            if stage.as_stage() in incoming:
                yield Finding(
                    path=("rules", number, "stages", place),
                    severity="note",
                    found=sentence("lint.stage_incoming"),
                    advice=sentence("lint.stage_incoming.advice"),
                )


def _stage_findings(number: int, before: list[str | None]) -> Iterator[Finding]:
    for place, earlier in enumerate(before):
        if earlier is not None:
            yield Finding(
                path=("rules", number, "stages", place),
                severity="warning",
                found=sentence("lint.stage_unreached", earlier=earlier),
                advice=sentence("lint.stage_unreached.advice"),
            )


def people_findings(file: RulesFile, active_user_ids: Sequence[int] | None) -> Iterator[Finding]:
    """People in no rule: of Kommo when they are known, of the file's absences and swaps."""
    if any(not rule.participants for rule in file.rules):
        return
    known = _people_of(file)
    yield from _strangers(file, known)
    missing = tuple(user_id for user_id in active_user_ids or () if user_id not in known)
    if missing:
        yield Finding(
            path=("rules",),
            severity="note",
            found=_idle(missing),
            advice=sentence("lint.idle_users.advice"),
        )


def _people_of(file: RulesFile) -> set[int]:
    """Everybody whom a rule names."""
    known = {p.manager for rule in file.rules for p in rule.participants}
    for rule in file.rules:
        if rule.duty is not None:
            on_duty = [entry.manager for entry in rule.duty.rota or ()]
            known.update(m for m in (rule.duty.manager, rule.duty.fallback, *on_duty) if m)
        if rule.owners is not None:
            known.update(rule.owners.among or ())
    return known


def _strangers(file: RulesFile, known: set[int]) -> Iterator[Finding]:
    """Absences and swaps of people whom no rule names."""
    for number, absence in enumerate(file.absences):
        if absence.manager not in known:
            yield Finding(
                path=("absences", number, "manager"),
                severity="note",
                found=sentence("lint.absent_stranger", manager=absence.manager),
                advice=sentence("lint.absent_stranger.advice"),
            )
    for number, swap in enumerate(file.swaps):
        for key, manager_id in (("manager", swap.manager), ("instead_of", swap.instead_of)):
            if manager_id is not None and manager_id not in known:
                yield Finding(
                    path=("swaps", number, key),
                    severity="note",
                    found=sentence("lint.swap_stranger", manager=manager_id),
                    advice=sentence("lint.swap_stranger.advice"),
                )


def _idle(user_ids: tuple[int, ...]) -> Sentence:
    listed, more = user_ids[:LISTED_MAX], len(user_ids) - LISTED_MAX
    if more > 0:
        return sentence("lint.idle_users_and_more", managers=listed, count=more)
    return sentence("lint.idle_users", managers=listed)
