"""The life of a request: opened, prepared if something has to be read, then served.

Every request ends a step assigned, waiting or closed (D1.2).
"""

from contracts.events import RequestOpened, RequestSource
from contracts.stage import Stage
from domain.configuration import Rule
from domain.requests.ending import close_request
from domain.requests.readings import ask, is_trigger_awaited, rules_at, wanted_parts
from domain.requests.serving import place
from domain.state import Request
from domain.step import Step


def open_request(
    step: Step,
    *,
    lead_id: int,
    stage: Stage,
    source: RequestSource,
    rule: Rule | None = None,
) -> None:
    """Ask for a responsible for the lead, and answer at once if nothing has to be read (D1.1).

    The rule is that of the stage, unless an order names one.
    """
    request = _opened(step, lead_id, stage, source, rule)
    if rule is not None:
        place(step, rule, request)
    elif source == "webhook" and is_trigger_awaited(step, stage):
        wanted = wanted_parts(rules_at(step, stage), request, step.account.leads[lead_id])
        ask(step, request, wanted or ("lead",))
    else:
        route(step, request)


def open_chosen(step: Step, *, lead_id: int, stage: Stage, source: RequestSource) -> None:
    """Ask for a lead that a person has given to somebody meanwhile: the answer is there (D7.5)."""
    request = _opened(step, lead_id, stage, source, None)
    close_request(step, request_id=request.request_id, lead_id=lead_id, reason="taken_by_person")


def _opened(
    step: Step, lead_id: int, stage: Stage, source: RequestSource, rule: Rule | None
) -> Request:
    if rule is None:
        rules = rules_at(step, stage)
        rule = rules[0] if rules and not rules[0].conditions else None
    request_id = f"{lead_id}.{step.account.requests_total + 1}"
    step.record(
        RequestOpened(
            request_id=request_id,
            lead_id=lead_id,
            rule_id=rule.rule_id if rule else None,
            stage=stage,
            source=source,
            at=step.now,
        )
    )
    return step.account.requests.by_id[request_id]


def route(step: Step, request: Request) -> None:
    """Find the rule of a request that has none, read first what that takes, and serve it."""
    rules = rules_at(step, request.stage)
    if not rules:
        close_request(
            step, request_id=request.request_id, lead_id=request.lead_id, reason="no_rule"
        )
    elif parts := wanted_parts(rules, request, step.account.leads[request.lead_id]):
        ask(step, request, parts)
    else:
        place(step, rules[0], request)
