"""Which triggers of the widget were last heard of before leads came into their stage (D1.8)."""

from datetime import datetime

from contracts.events import HOOKS, RequestOpened, RequestSource, TriggerFellSilent, TriggerHeard
from domain.state import Account
from domain.state.silence import ON_ITS_WAY, UNHEARD_MAX, Silence

# What hooks of the account told of: Kommo reaches us, so it would with the trigger's own.
_TOLD: tuple[RequestSource, ...] = ("webhook", "lookup")


def entered(account: Account, event: RequestOpened) -> None:
    """A lead came into a stage; its triggers have not told of it yet."""
    if event.source not in _TOLD and not _is_shown_beside_hooks(account, event):
        return
    for rule_id in account.configuration.triggers.get(event.stage, ()):
        known = account.silences.get((rule_id, event.stage))
        came = known.came if known is not None else ()
        if len(came) < UNHEARD_MAX:  # a total one has as many
            account.silences[rule_id, event.stage] = Silence(came=(*came, event.at))


def reached(account: Account, source: str, at: datetime) -> None:
    """A hook has told of a lead: Kommo reaches us."""
    if source in HOOKS and account.configuration.triggers:
        account.hook_at = at


def _is_shown_beside_hooks(account: Account, event: RequestOpened) -> bool:
    """Whether a sweep shows a lead that just came, and a hook of another came since it did.

    By itself a sweep says nothing of triggers: it shows what no hook has told, maybe because none
    could reach us.
    """
    lead = account.leads.get(event.lead_id)
    if event.source != "sweep" or lead is None or lead.stage_at is None or account.hook_at is None:
        return False
    return event.at - ON_ITS_WAY <= lead.stage_at <= account.hook_at


def fell_silent(account: Account, event: TriggerFellSilent) -> None:
    """Its rule takes nothing there any more."""
    key = (event.rule_id, event.stage)
    known = account.silences.get(key)
    came = known.came if known is not None else (event.since,) * UNHEARD_MAX
    account.silences[key] = Silence(came=came, is_total=True)
    account.compile()


def heard(account: Account, event: TriggerHeard) -> None:
    """It is there."""
    silence = account.silences.pop((event.rule_id, event.stage), None)
    if silence is not None and silence.is_total:
        account.compile()


def keep_silences(account: Account) -> None:
    """Forget those of rules that are no trigger's any more, or stand elsewhere."""
    there = account.configuration.triggers
    account.silences = {
        (rule_id, stage): silence
        for (rule_id, stage), silence in account.silences.items()
        if rule_id in there.get(stage, ())
    }
    if not there:
        account.hook_at = None
