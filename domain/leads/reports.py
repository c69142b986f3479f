"""What hooks and readings say of leads.

A lead is old only if it was shown while it was old: by the baseline, or by a sweep before there
were rules (D1.7). Sweeps begin after the baseline, so a lead that one of them is the first to show
is new to us, whatever its `created_at` says.
"""

from dataclasses import replace
from datetime import datetime

from contracts.inbound import LeadAnnounced, LeadObserved, LeadReported, TriggerFired
from contracts.stage import CLOSED_STATUSES
from domain.leads.news import believe
from domain.leads.report import Report, doubt_of, is_after, is_before, look_up, newest, read_first
from domain.state import ANNOUNCED, CLOCK_SLACK, Account, Announced, Lead
from domain.step import Step

NOTHING_TOLD = Announced()


def on_trigger(step: Step, message: TriggerFired) -> None:
    """A trigger fired for a lead; a repeat for the same entry changes nothing (D1.3)."""
    lead = step.account.leads.get(message.lead_id)
    occurred_at = _credible(step, message.occurred_at)
    report = Report(
        lead_id=message.lead_id,
        stage=message.stage,
        responsible_id=lead.responsible_id if lead else None,
        at=occurred_at,
        source=message.source,
        is_entry=True,
        is_move=True,
    )
    if message.lead_id in step.account.gone:
        look_up(step, message.lead_id, "trigger_after_end")
    elif lead is None and _is_read_first(step.account, message):
        read_first(step, message.lead_id)
    elif lead is None:
        believe(step, None, report)
    elif lead.stage == message.stage:
        if lead.request_id is None:
            believe(step, lead, report)
    elif is_before(occurred_at, _credible(step, lead.stage_at)):
        return
    elif _is_believable(step, lead, message):
        believe(step, lead, report)
    else:
        look_up(step, message.lead_id, "trigger_may_be_late")


def _is_read_first(account: Account, message: TriggerFired) -> bool:
    """Whether a lead that nobody knows is read before its trigger counts.

    Where only a trigger tells which leads a rule takes, what is read would not tell it again; its
    hook has shown the account's key, and the lead is read before anything is written.
    """
    rules = account.configuration
    return not (rules.trusts_webhooks or message.stage in rules.only_by_triggers)


def on_reported(step: Step, message: LeadReported) -> None:
    """An account webhook told the present fields of a lead."""
    is_move = _is_move(message)
    is_entry = is_move or _is_new(step.account, message.created_at)
    if not is_entry and message.action != "restore" and _is_unheard_of(step, message):
        return  # a sweep shows it in a moment, and can tell old leads from new ones
    _on_report(
        step,
        Report(
            lead_id=message.lead_id,
            stage=message.stage,
            responsible_id=message.responsible_id,
            at=message.modified_at,
            source="webhook",
            is_entry=is_entry,
            is_move=is_move,
            is_handover=message.action == "responsible",
        ),
    )


def on_announced(step: Step, message: LeadAnnounced) -> None:
    """A lead came, wherever it lies: it is read, and counts as just come."""
    if message.lead_id in step.account.leads or step.account.configuration.trusts_webhooks:
        look_up(step, message.lead_id, ANNOUNCED)
    else:
        read_first(step, message.lead_id)


def on_observed(step: Step, message: LeadObserved, at: datetime) -> None:
    """Kommo was read; `at` is when."""
    account = step.account
    asked_at = account.lookups.get(message.lead_id) if message.reason == "lookup" else None
    announced = account.announced.get(message.lead_id, NOTHING_TOLD)
    if asked_at is not None and at < asked_at and message.lead_id in account.given_up:
        return  # read before a hook told of somebody who took it: it is read once more
    _on_report(
        step,
        Report(
            lead_id=message.lead_id,
            stage=message.stage,
            responsible_id=message.responsible_id,
            at=message.modified_at,
            source=message.reason,
            is_entry=message.reason == "sweep"
            or message.lead_id in account.announced
            or _is_new(account, message.created_at),
            read_at=at,
            is_handover=True,
            is_certain=asked_at is not None and at >= asked_at,
            is_chosen=announced.is_chosen(message.responsible_id, message.modified_at),
            is_taken=message.is_taken,
        ),
    )


def _on_report(step: Step, report: Report) -> None:
    account, lead_id = step.account, report.lead_id
    lead, gone = account.leads.get(lead_id), account.gone.get(lead_id)
    if report.at is not None and not account.is_credible(report.at, step.now):
        if not report.is_certain:
            _doubt_time(step, lead, report)
            return
        report = replace(report, at=min(report.at, step.now))  # so it is now, since whenever
    is_open = report.stage.status_id not in CLOSED_STATUSES
    is_hearsay = is_open and report.read_at is None and not account.configuration.trusts_webhooks
    if lead is None and gone is not None:
        gone_at = _credible(step, gone.stage_at)
        is_news = report.at is not None and not is_before(report.at, gone_at)
        if report.is_certain or (is_news and not gone.is_deleted and report.at != gone_at):
            believe(step, None, report)
        elif is_news and is_open:
            look_up(step, lead_id, "report_after_end")
    elif lead is None and is_hearsay and report.is_entry:
        read_first(step, lead_id, report.responsible_id, report.at)
    elif lead is None:
        believe(step, None, report)
    elif doubt := doubt_of(lead, report, step.now):
        look_up(step, lead_id, doubt)
    else:
        believe(step, lead, newest(lead, report))


def _doubt_time(step: Step, lead: Lead | None, report: Report) -> None:
    """Have a lead read of which something is told at a time that cannot be one (S2)."""
    if lead is None:
        is_news = report.stage.status_id not in CLOSED_STATUSES
    else:
        responsible_differs = report.responsible_id not in (None, lead.responsible_id)
        is_news = report.stage != lead.stage or responsible_differs
    if is_news:
        look_up(step, report.lead_id, "time_not_credible")


def _credible(step: Step, at: datetime | None) -> datetime | None:
    return at if at is not None and step.account.is_credible(at, step.now) else None


def _is_move(message: LeadReported) -> bool:
    """Whether the hook says that the lead came into its stage.

    An old stage in a hook about the responsible may be of an earlier move.
    """
    if message.action == "update":
        return message.old_status_id not in (None, message.stage.status_id)
    return message.action in ("add", "status")


def _is_unheard_of(step: Step, message: LeadReported) -> bool:
    account, lead_id = step.account, message.lead_id
    is_open = message.stage.status_id not in CLOSED_STATUSES
    return is_open and lead_id not in account.leads and lead_id not in account.gone


def _is_believable(step: Step, lead: Lead, message: TriggerFired) -> bool:
    """Whether a trigger for another stage than the known one is surely news.

    Without a time it may be up to 95 minutes late (F29): it is believed only if it continues what
    is known, and if it cannot be the repeat of a trigger for an earlier entry.
    """
    if message.stage not in lead.asked and message.old_stage == lead.stage:
        return True
    stage_at, occurred_at = _credible(step, lead.stage_at), _credible(step, message.occurred_at)
    return stage_at is not None and all(
        at is None or is_after(occurred_at, at) for at in (stage_at, lead.doubtful_until)
    )


def _is_new(account: Account, created_at: datetime | None) -> bool:
    """Whether the lead was made since the connection, so that its first stage is an entry."""
    connected_at = account.connected_at
    if created_at is None or connected_at is None:
        return False
    return created_at >= connected_at - CLOCK_SLACK
