"""Triggers of the widget that somebody has deleted in Kommo, which tells nobody (D1.8).

A trigger tells of every lead that comes into its stage, unless it has conditions of its own. One
that told of none of three in a row is gone, and its rule takes no more leads there: what the
account's own webhooks told of, Kommo would have told the trigger's address, too. Where an account
has none, what sweeps show counts as well, if another hook came since: so Kommo does reach us.
"""

from contracts.events import TriggerFellSilent, TriggerHeard
from contracts.stage import Stage
from domain.state.silence import ON_ITS_WAY, UNHEARD_MAX
from domain.step import Step


def note_silences(step: Step, stage: Stage) -> None:
    """Have rules take no more leads in a stage into which one comes, if their trigger is gone."""
    account = step.account
    for rule_id in account.configuration.triggers.get(stage, ()):
        silence = account.silences.get((rule_id, stage))
        if silence is None or silence.is_total or len(silence.came) < UNHEARD_MAX:
            continue
        if silence.came[-1] <= step.now - ON_ITS_WAY:
            step.record(
                TriggerFellSilent(rule_id=rule_id, stage=stage, since=silence.came[0], at=step.now)
            )


def hear(step: Step, rule_id: str, stage: Stage) -> None:
    """A trigger is there after all; whatever was not told of before does not count any more."""
    if (rule_id, stage) in step.account.silences:
        step.record(TriggerHeard(rule_id=rule_id, stage=stage, at=step.now))
