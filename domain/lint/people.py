"""Rules that no lead can reach, and people whom no rule knows."""

from collections.abc import Iterator, Sequence

from contracts.rules import RulesFile
from domain.lint.finding import Finding

LISTED_MAX = 12


def reach_findings(file: RulesFile) -> Iterator[Finding]:
    """Rules, and stages of rules, that an earlier rule takes everything from (D1.4)."""
    taken: dict[tuple[int, int], str] = {}
    for number, rule in enumerate(file.rules):
        before = [taken.get(stage.as_stage()) for stage in rule.stages]
        if all(before):
            names = ", ".join(repr(name) for name in dict.fromkeys(before))
            yield Finding(
                path=("rules", number, "id"),
                severity="warning",
                text=f"rule {rule.id!r} is never asked: {names} takes every lead of its stages",
                advice="move it up, or take its stages out of the earlier rules",
            )
        else:
            yield from _stage_findings(number, before)
        if rule.conditions is None:  # with some, it leaves the others' leads alone
            for stage in rule.stages:
                taken.setdefault(stage.as_stage(), rule.id)


def _stage_findings(number: int, before: list[str | None]) -> Iterator[Finding]:
    for place, earlier in enumerate(before):
        if earlier is not None:
            yield Finding(
                path=("rules", number, "stages", place),
                severity="warning",
                text=f"leads of this stage never reach the rule: {earlier!r} takes them",
                advice="take the stage out of one of the two rules",
            )


def people_findings(file: RulesFile, active_user_ids: Sequence[int] | None) -> Iterator[Finding]:
    """People in no rule: of Kommo when they are known, and of the absences of the file."""
    if any(not rule.participants for rule in file.rules):
        return
    known = {p.manager for rule in file.rules for p in rule.participants}
    for rule in file.rules:
        known.update((rule.owners.among or ()) if rule.owners is not None else ())
        if rule.duty is not None:
            on_duty = [entry.manager for entry in rule.duty.rota or ()]
            known.update(m for m in (rule.duty.manager, rule.duty.fallback, *on_duty) if m)
        if rule.owners is not None:
            known.update(rule.owners.among or ())
    for number, absence in enumerate(file.absences):
        if absence.manager not in known:
            yield Finding(
                path=("absences", number, "manager"),
                severity="note",
                text=f"manager {absence.manager} is absent, and in no rule",
                advice="take the line out, or correct the id",
            )
    missing = [user_id for user_id in active_user_ids or () if user_id not in known]
    if missing:
        listed = ", ".join(map(str, missing[:LISTED_MAX]))
        more = f" and {len(missing) - LISTED_MAX} more" if len(missing) > LISTED_MAX else ""
        yield Finding(
            path=("rules",),
            severity="note",
            text=f"active users of Kommo who are in no rule: {listed}{more}",
            advice="nothing if they take no leads; else name them among the participants",
        )
